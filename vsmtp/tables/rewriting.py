"""Writing a table's file anew: one writer of all processes at a time, durably, whole or not at all."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import sleep
from typing import Final

from vsmtp.disk.calls import sync_directory
from vsmtp.tables.files import Signature, sign

LOCK_WAIT: Final = 5.0
_LOCK_STEP: Final = 0.01


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else rewrites the file meanwhile; raises OSError. Blocks for `LOCK_WAIT` seconds at most."""
    # The file itself is replaced, so the lock needs one of its own; other workers take the same.
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    # A thread that waited for ever would be lost to all tables; another worker's write takes moments.
    for _ in range(int(LOCK_WAIT / _LOCK_STEP)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_LOCK_STEP)
        else:
            return
    raise OSError(f"another process has been writing for {LOCK_WAIT:g} s")


def replace(path: Path, octets: bytes) -> Signature:
    """The file has these octets durably, or what it had before; its mode and owner stay."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        try:
            _like(path, new.fileno())
            new.write(octets)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise
    sync_directory(path.parent)
    return sign(path)


def _like(path: Path, descriptor: int) -> None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, status.st_uid, status.st_gid)
