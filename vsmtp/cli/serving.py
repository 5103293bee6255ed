"""From a sound tree to a worker that serves: what `run` and `try` have in common."""

from __future__ import annotations

import asyncio
import errno
import grp
import os
import pwd
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

from vsmtp.config.load import Tree
from vsmtp.config.models.settings import Settings
from vsmtp.net.limits import Networks
from vsmtp.server.listener import Bell, listen
from vsmtp.server.worker import Assignment, Worker
from vsmtp.telemetry.log import Log
from vsmtp.values.diagnostic import Diagnostic, Fault

# sysexits.h: EX_CONFIG, and EX_OSERR for what the system does not give us.
UNSOUND: Final = 78
NO_SYSTEM: Final = 71

# How long the loop may keep the GIL from the commit thread, seconds: Python's own 5 ms made turns longer.
SWITCH: Final = 0.001

Doors: TypeAlias = list[tuple[Bell, socket.socket]]

_WHY: Final = {
    errno.EADDRINUSE: ("port-in-use", "another program listens there", "`ss -ltnp` shows which"),
    errno.EACCES: (
        "port-needs-root",
        "ports below 1024 need root",
        "start as root, or choose a port above 1023",
    ),
    errno.EADDRNOTAVAIL: (
        "not-our-address",
        "this machine does not have that address",
        "`ip address` lists them",
    ),
}


def open_doors(tree: Tree) -> tuple[Doors, list[Diagnostic]]:
    """The listening sockets of all listeners, or none and why some could not be opened."""
    doors: Doors = []
    refused = []
    for name, listener in tree.settings.listeners.items():
        for n, address in enumerate(listener.address):
            try:
                proxies = Networks((*listener.proxy_protocol_from, *listener.xclient_from))
                bell = Bell(name, listener.kind, proxies)
                doors.append((bell, listen(address.host, address.port)))
            except OSError as fault:
                code, message, remedy = _WHY.get(fault.errno or 0, ("cannot-listen", str(fault), ""))
                path = ("listeners", name, "address", n)
                refused.append(
                    tree.locate(Fault(path, code, f"cannot listen on {address}: {message}", remedy))
                )
    if refused:
        for _, door in doors:
            door.close()
        doors.clear()
    return doors, refused


def drop_privileges(settings: Settings) -> None:
    """Become `server.user`, for good, when started by root. Raises OSError or KeyError."""
    if os.geteuid() != 0 or settings.server.user is None:
        return
    user = pwd.getpwnam(settings.server.user)
    group = grp.getgrnam(settings.server.group).gr_gid if settings.server.group else user.pw_gid
    os.setgroups([group])
    os.setresgid(group, group, group)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)


@contextmanager
def open_log(settings: Settings) -> Iterator[Log]:
    """The log that the settings want. Raises OSError when one of its files cannot be written."""
    descriptors = [
        2
        if target == "stderr"
        else os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        for target in settings.logs.to
    ]
    log = Log(settings.logs.level, settings.logs.format, descriptors, time.time)
    try:
        yield log
    finally:
        log.close()
        for descriptor in descriptors:
            if descriptor > 2:  # noqa: PLR2004 standard error stays
                os.close(descriptor)


def serve(assignment: Assignment) -> int:
    """Run a worker until it ends; its exit status."""
    sys.setswitchinterval(SWITCH)
    sys.unraisablehook = _tell
    _prefer_throughput()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(assignment))


def _tell(fault: sys.UnraisableHookArgs) -> None:
    """Say what went wrong where nobody could be told, but for server names in TLS that are no text.

    Of those `ssl` prints a traceback; the handshake fails as it must, and clients could fill our log.
    """
    if not (isinstance(fault.exc_value, UnicodeDecodeError) and isinstance(fault.object, bytes)):
        sys.__unraisablehook__(fault)


def _prefer_throughput() -> None:
    """Do not preempt whoever wakes us: more is there to read when our turn comes."""
    with suppress(AttributeError, OSError):  # not on every system, not in every container
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _serve(assignment: Assignment) -> int:
    return await Worker(assignment).run()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Make loops of uvloop where it is installed (CPython on Linux), else of asyncio."""
    try:
        import uvloop  # noqa: PLC0415 not there on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


def complain(text: str) -> None:
    """Say to the administrator why nothing is served."""
    sys.stderr.write(f"vsmtp: {text}\n")
