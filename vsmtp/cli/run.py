"""`vsmtp run`: serve mail, one worker in the foreground."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace

from vsmtp.cli.host import RELEASE, add_tree_option, own_name
from vsmtp.cli.render import render
from vsmtp.cli.serving import NO_SYSTEM, UNSOUND, complain, drop_privileges, open_doors, open_log, serve
from vsmtp.inspect.check import check
from vsmtp.server import plan
from vsmtp.server.worker import Assignment


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the options of the command."""
    add_tree_option(parser)


def run(args: Namespace) -> int:
    """Serve until SIGTERM or SIGINT; 78 when the tree is unsound, 71 when the system is in the way."""
    report = check(args.config, hostname=own_name(), version=RELEASE)
    sys.stderr.write(render(report.diagnostics, "text") if report.diagnostics else "")
    if report.servable is None:
        return UNSOUND
    tree, graph = report.servable
    settings = tree.settings
    doors, refused = open_doors(tree)
    if refused:
        sys.stderr.write(render(tuple(refused), "text"))
        return UNSOUND
    if os.geteuid() == 0 and settings.server.user in {None, "root"}:
        complain("warning: serving as root; name another user in `[server] user`")
    try:
        drop_privileges(settings)
        with open_log(settings) as log:
            lanes = plan.lane_builder(settings, os.environ, plan.maildirs(settings))
            route = plan.routing(settings).route
            certificates = plan.certificates(settings, os.environ)
            return serve(
                Assignment(RELEASE, settings, graph, doors, log, lanes, route, certificates=certificates)
            )
    except (OSError, KeyError, ValueError) as fault:
        complain(str(fault))
        return NO_SYSTEM
    finally:
        for _, door in doors:
            door.close()
