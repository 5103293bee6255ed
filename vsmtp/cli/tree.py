"""The tree that a command works on, if it is sound."""

from __future__ import annotations

import sys
from pathlib import Path

from vsmtp.cli.host import RELEASE, own_name
from vsmtp.cli.render import render
from vsmtp.config.load import Tree
from vsmtp.inspect.check import check
from vsmtp.rules.graph import Graph


def sound_tree(config: Path) -> tuple[Tree, Graph] | None:
    """The tree that `-c config` names, with its graph; None, and all that is wrong on standard error."""
    report = check(config, hostname=own_name(), version=RELEASE)
    if report.servable is None:
        sys.stderr.write(render(report.diagnostics, "text"))
    return report.servable
