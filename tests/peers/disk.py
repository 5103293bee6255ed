"""A journaled ext4 of its own in a file, loop-mounted; root only.

What a program made durable is only known after a power cut, and `FS_IOC_SHUTDOWN` is one: from then on the
file system writes nothing more, and what its journal had not taken is gone at the next mount.
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# <linux/fs.h>: _IOR('X', 125, __u32) and its flags
SHUTDOWN: Final = 0x8004587D
NO_LOG_FLUSH: Final = 2
MIB: Final = 1024 * 1024


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True, stdin=subprocess.DEVNULL)


@dataclass
class LoopDisk:
    """A mounted file system at `path`, which lives in `image`."""

    image: Path
    path: Path
    cuts: int = field(default=0, init=False)

    def mount(self) -> None:
        run("mount", "-o", "loop", self.image, self.path)

    def unmount(self) -> None:
        run("umount", self.path)

    def shut_down(self) -> None:
        """Power fails now: every later write fails with EIO, what was not synced will not be there.

        Processes that use the disk go on, to see what they make of it; `restart` needs them gone.
        """
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(directory, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(directory)
        self.cuts += 1

    def restart(self) -> Path:
        """Power is back: the journal is replayed by the mount; afterwards the file system is sound."""
        self.unmount()
        self.mount()
        return self.path

    def cut(self) -> Path:
        """Cut the power and bring it back; no process may hold the disk open."""
        self.shut_down()
        return self.restart()

    def check(self) -> None:
        """The file system passes `e2fsck`; raises CalledProcessError if not. Leaves it mounted."""
        self.unmount()
        try:
            run("e2fsck", "-f", "-n", self.image)
        finally:
            self.mount()


@contextmanager
def journaled_ext4(base: Path, mebibytes: int = 256) -> Iterator[LoopDisk]:
    """Yield a fresh disk mounted at `base`/disk; afterwards it is unmounted and its image gone."""
    image, path = base / "disk.img", base / "disk"
    path.mkdir(parents=True)
    with image.open("wb") as file:
        file.truncate(mebibytes * MIB)
    run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
    disk = LoopDisk(image, path)
    disk.mount()
    try:
        yield disk
    finally:
        disk.unmount()
        image.unlink()
