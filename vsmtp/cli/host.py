"""What every command knows of the machine and of itself: the host's name, the release."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from pathlib import Path
from typing import Final

# The tree of an installed server.
INSTALLED_TREE: Final = Path("/etc/vsmtp")

# The release that runs; a test holds it to pyproject.toml. Reading the package's metadata would cost 20 ms.
RELEASE: Final = "1.0.0.dev0"


def add_tree_option(parser: ArgumentParser) -> None:
    """Declare `-c`, which names the tree of a command that works on one."""
    parser.add_argument(
        "-c", "--config", metavar="DIR", type=Path, default=INSTALLED_TREE,
        help="the directory that holds conf.d, the conf.d itself, or one file (default: %(default)s)",
    )  # fmt: skip


def own_name() -> str:
    """The host's full name; the resolver is asked only when the host itself does not know it."""
    name = socket.gethostname()
    return name if "." in name else socket.getfqdn()
