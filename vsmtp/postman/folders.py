"""The Maildirs that a postman has open: made where they are missing, found again when they were replaced."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vsmtp.disk.calls import Disk

# Two descriptors each; with a batch's own this stays below the usual limit of 1,024.
MAX_OPEN: Final = 128
MAX_ANCHORED: Final = 65_536


@dataclass(frozen=True, slots=True)
class Folder:
    """An open Maildir: descriptors of its `tmp` and `new`, and which `new` that is."""

    path: str
    tmp: int
    new: int
    identity: tuple[int, int]

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.tmp)
        os.close(self.new)


class Folders:
    """A cache of open Maildirs, least recently used first."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._open: OrderedDict[str, Folder] = OrderedDict()
        self._doubted: set[str] = set()
        self._anchored: set[tuple[int, int]] = set()

    def doubt(self, path: str) -> None:
        """A call by this Maildir's descriptors failed: the next `trim` closes them."""
        self._doubted.add(path)

    def trim(self) -> None:
        """At most MAX_OPEN are open, no doubted one. Called between batches, as a batch's own must stay."""
        for path in self._doubted & self._open.keys():
            self._open.pop(path).close()
        self._doubted.clear()
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)[1].close()

    def find(self, path: str, root: str) -> Folder:
        """The Maildir that is at `path` now, made below `root` where missing; raises OSError.

        Its entry in its parent is durable afterwards.
        """
        folder = self._open.get(path)
        if folder is not None:
            if self._identity(path) == folder.identity:
                self._open.move_to_end(path)
                return folder
            del self._open[path]  # moved away or removed since; its descriptors would still work
            folder.close()
        if self._identity(path) is None or not Path(path, "tmp").is_dir():
            self._make(path, root)
        folder = self._enter(path)
        self._open[path] = folder
        return folder

    def _identity(self, path: str) -> tuple[int, int] | None:
        try:
            found = Path(path, "new").stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _enter(self, path: str) -> Folder:
        tmp = self._disk.folder(f"{path}/tmp")  # noqa: S108 a Maildir's own
        try:
            new = self._disk.folder(f"{path}/new")
        except OSError:
            os.close(tmp)
            raise
        status = os.fstat(new)
        folder = Folder(path, tmp, new, (status.st_dev, status.st_ino))
        if folder.identity not in self._anchored:
            self._anchor(folder)
        return folder

    def _anchor(self, folder: Folder) -> None:
        # Whoever made the Maildir, this or a killed postman, may not have synced it: once is enough.
        try:
            self._sync(Path(folder.path))
            with suppress(PermissionError):  # an unreadable parent is not ours: we did not make its entries
                self._sync(Path(folder.path).parent)
        except OSError:
            folder.close()
            raise
        if len(self._anchored) >= MAX_ANCHORED:
            self._anchored.clear()
        self._anchored.add(folder.identity)

    def _sync(self, path: Path) -> None:
        fd = self._disk.folder(str(path))
        try:
            self._disk.sync(fd)
        finally:
            os.close(fd)

    def _make(self, path: str, root: str) -> None:
        # A missing root is not made: a home that is not mounted must not swallow mail.
        missing = []
        above = Path(path)
        while above.is_relative_to(root) and above != Path(root) and not above.is_dir():
            missing.append(above)
            above = above.parent
        for made in reversed(missing):
            self._disk.make_folder(str(made))
            self._sync(made.parent)
        for part in ("tmp", "new", "cur"):
            self._disk.make_folder(f"{path}/{part}")
