"""The system calls that make a file and its name durable, one method each: a test can let any fail."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_SYNC_FILE_RANGE_WRITE: Final = 2
_RENAME_NOREPLACE: Final = 1
_CHUNK: Final = 1 << 20
# A kernel or file system that lacks a call answers with one of these.
_LACKING: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.EOPNOTSUPP})

_libc: Final = ctypes.CDLL(None, use_errno=True)
_sync_file_range: Final = getattr(_libc, "sync_file_range", None)  # glibc only
_renameat2: Final = getattr(_libc, "renameat2", None)  # glibc 2.28, musl 1.2.6
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
if _renameat2 is not None:
    _renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)


class Disk:
    """The kernel's own answers; every method raises OSError unless its docstring says otherwise."""

    def folder(self, path: str) -> int:
        """A descriptor of an existing directory."""
        return os.open(path, _FOLDER)

    def make_folder(self, path: str) -> None:
        """The directory exists afterwards; a new one is its owner's alone."""
        Path(path).mkdir(mode=0o700, exist_ok=True)

    def create(self, folder: int, name: str) -> int:
        """A descriptor of a new file; what bore this name there was ours and unfinished, and is gone."""
        try:
            return os.open(name, _CREATE, 0o600, dir_fd=folder)
        except FileExistsError:
            self.remove(folder, name)
            return os.open(name, _CREATE, 0o600, dir_fd=folder)

    def write(self, fd: int, octets: memoryview) -> None:
        """All octets are written, none of them durable yet."""
        while octets:
            octets = octets[os.write(fd, octets) :]

    def copy(self, source: int, target: int, offset: int, end: int) -> None:
        """The octets of `source` from `offset` to `end` follow in `target`; a source too short is EIO."""
        copied = 1
        while offset < end and copied:
            count = min(_CHUNK, end - offset)
            try:
                copied = os.copy_file_range(source, target, count, offset)
            except OSError as fault:
                if fault.errno not in _LACKING:
                    raise
                copied = os.sendfile(target, source, offset, count)
            offset += copied
            # Otherwise the last sync of many large files stalls for seconds.
            self.start_sync(target)
        if offset < end:
            raise OSError(errno.EIO, "the body is shorter than announced")

    def start_sync(self, fd: int) -> None:
        """The kernel begins to write; raises nothing: it is a hint, and `sync` has the last word."""
        if _sync_file_range is not None:
            _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)

    def sync(self, fd: int) -> None:
        """The file or directory is on stable storage."""
        os.fsync(fd)

    def publish(self, source: int, target: int, name: str) -> None:
        """The file moves from one directory to the other; raises FileExistsError rather than replace one."""
        if _renameat2 is not None:
            octets = os.fsencode(name)
            if not _renameat2(source, octets, target, octets, _RENAME_NOREPLACE):
                return
            fault = ctypes.get_errno()
            if fault not in _LACKING:
                raise OSError(fault, os.strerror(fault), name)
        os.link(name, name, src_dir_fd=source, dst_dir_fd=target)
        self.remove(source, name)

    def remove(self, folder: int, name: str) -> None:
        """The name is gone; raises nothing when it was not there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def sync_directory(path: Path) -> None:
    """The names in a directory are durable; raises OSError."""
    descriptor = os.open(path, _FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
