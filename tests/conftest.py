"""Fixtures for peers nobody here wrote, each started on loopback and ended by its own handle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.peers.clients import Sink, smtp_sink
from tests.peers.disk import LoopDisk, journaled_ext4
from tests.peers.postfix import Postfix, postfix
from tests.peers.programs import absent, needs, needs_root
from tests.peers.server import Server, running_server, write_tree

StartServer: TypeAlias = Callable[[str], Server]


@pytest.fixture(autouse=True)
def _root_where_marked(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("root") is not None:
        needs_root()


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user may enter, as daemons that drop root must; pytest's own are private."""
    path = Path(tempfile.mkdtemp(prefix="vsmtp-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def postfix_server(open_dir: Path) -> Iterator[Postfix]:
    """A real Postfix: takes mail for local.test into its inbox, from loopback for anybody."""
    needs_root()
    needs("postfix")
    with postfix(open_dir) as server:
        yield server


@pytest.fixture
def sink(open_dir: Path) -> Iterator[Sink]:
    """Postfix's smtp-sink, which takes everything."""
    with smtp_sink(open_dir / "sink") as running:
        yield running


@pytest.fixture
def start_server(open_dir: Path) -> Iterator[StartServer]:
    """A function: extra TOML in, a running `vsmtp run` out, a tree of its own each; ended in order."""
    with ExitStack() as stack:

        def start(extra: str = "") -> Server:
            base = Path(tempfile.mkdtemp(prefix="server-", dir=open_dir))
            port = write_tree(base, extra=extra)
            return stack.enter_context(running_server(base, port))

        yield start


@pytest.fixture
def disk(open_dir: Path) -> Iterator[LoopDisk]:
    """A journaled ext4 whose power can be cut; a disk of 256 MiB."""
    needs_root()
    needs("mkfs.ext4")
    if not Path("/dev/loop-control").exists():
        absent("no loop devices here", "run it where loop devices are")
    with journaled_ext4(open_dir / "power") as mounted:
        yield mounted
