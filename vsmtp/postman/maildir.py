"""Writing a batch of files into Maildirs so that each is whole, durable and there once.

All files are written into `tmp`, then the kernel is set to write them all, then each is synced: the disk
sees one stream instead of a file at a time. Only a synced file is published: renaming first left empty files
after a power cut. The names are deterministic: a name already there is a delivery that already happened.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from vsmtp.disk.calls import Disk
from vsmtp.postman.folders import Folder, Folders
from vsmtp.postman.packet import Batch, Item, Result

# Each fsync waits for a flush of the disk's cache, and flushes asked for together become one: four lanes
# made 3,500 to 5,900 files/s of 1,900 to 3,200 at batches of 64, for the same CPU; eight were no better.
_LANES: Final = 4
_DELIVERED: Final = Result("delivered")
_EXISTS: Final = Result("exists")


@dataclass(frozen=True, slots=True)
class _Draft:
    place: int  # among the batch's items
    folder: Folder
    name: str
    fd: int


@dataclass(slots=True)
class _Turn:
    """What is known while one batch is written."""

    results: list[Result]
    bodies: Sequence[int]
    # By Maildir: where it is open, the base names in new and cur, the items whose names need a sync.
    folders: dict[str, Folder | Result] = field(default_factory=dict)
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    touched: dict[str, list[int]] = field(default_factory=dict)

    def fail(self, place: int, fault: OSError, step: str) -> None:
        self.results[place] = Result("failed", fault.errno or errno.EIO, step)

    def settle(self, place: int, path: str, result: Result) -> None:
        self.results[place] = result
        self.touched.setdefault(path, []).append(place)


class Maildirs:
    """Writes batches; owns the open Maildirs."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._folders = Folders(disk)
        self._pool = ThreadPoolExecutor(_LANES, "sync")

    def write(self, batch: Batch, bodies: Sequence[int]) -> list[Result]:
        """A result for each item, in order; a fault of one harms no other, and none is raised.

        What is `delivered` or `exists` is durable, name and all. A file once published is never removed.
        """
        self._folders.trim()
        turn = _Turn([_DELIVERED] * len(batch.items), bodies)
        drafts = self._write_all(batch, turn)
        for draft in drafts:
            self._disk.start_sync(draft.fd)
        for draft in self._sync_all(drafts, turn):
            self._publish(draft, turn)
        self._sync_names(turn)
        return turn.results

    def _write_all(self, batch: Batch, turn: _Turn) -> list[_Draft]:
        drafts = []
        start = 0
        for place, item in enumerate(batch.items):
            octets = batch.octets[start : start + item.length]
            start += item.length
            folder = self._folder(item, turn)
            if isinstance(folder, Result):
                turn.results[place] = folder
            elif item.again and self._is_there(place, item, turn):
                continue
            else:
                draft = self._draft(place, item, folder, turn)
                if draft is not None and self._fill(draft, item, octets, turn):
                    drafts.append(draft)
        return drafts

    def _folder(self, item: Item, turn: _Turn) -> Folder | Result:
        folder = turn.folders.get(item.maildir)
        if folder is None:
            try:
                folder = self._folders.find(item.maildir, item.root)
            except OSError as fault:
                folder = Result("failed", fault.errno or errno.EIO, "open the Maildir")
            turn.folders[item.maildir] = folder
        return folder

    def _is_there(self, place: int, item: Item, turn: _Turn) -> bool:
        """Whether the item needs no writing: it is there already, or one cannot know."""
        names = turn.names.get(item.maildir)
        if names is None:
            try:
                names = _base_names(item.maildir)
            except OSError as fault:
                turn.fail(place, fault, "list the Maildir")
                return True
            turn.names[item.maildir] = names
        if item.name not in names:
            return False
        turn.settle(place, item.maildir, _EXISTS)
        return True

    def _draft(self, place: int, item: Item, folder: Folder, turn: _Turn) -> _Draft | None:
        try:
            return _Draft(place, folder, item.name, self._disk.create(folder.tmp, item.name))
        except OSError as fault:
            turn.fail(place, fault, "create")
            self._folders.doubt(item.maildir)
            return None

    def _fill(self, draft: _Draft, item: Item, octets: memoryview, turn: _Turn) -> bool:
        try:
            self._disk.write(draft.fd, octets)
            if item.body >= 0:
                self._disk.copy(turn.bodies[item.body], draft.fd, item.offset, item.size)
        except OSError as fault:
            os.close(draft.fd)
            turn.fail(draft.place, fault, "write")
            self._remove(draft)
            return False
        return True

    def _sync_all(self, drafts: list[_Draft], turn: _Turn) -> list[_Draft]:
        """The drafts that are durable; all are closed."""
        lanes = min(_LANES, 1 + len(drafts) // _LANES)
        if lanes == 1:
            faults = self._sync(drafts)
        else:
            parts = self._pool.map(self._sync, [drafts[lane::lanes] for lane in range(lanes)])
            faults = {place: fault for part in parts for place, fault in part.items()}
        for draft in drafts:
            if draft.place in faults:
                turn.fail(draft.place, faults[draft.place], "sync")
                self._remove(draft)
        return [draft for draft in drafts if draft.place not in faults]

    def _sync(self, drafts: list[_Draft]) -> dict[int, OSError]:
        faults = {}
        for draft in drafts:
            try:
                self._disk.sync(draft.fd)
            except OSError as fault:
                faults[draft.place] = fault
            finally:
                os.close(draft.fd)
        return faults

    def _publish(self, draft: _Draft, turn: _Turn) -> None:
        try:
            self._disk.publish(draft.folder.tmp, draft.folder.new, draft.name)
        except FileExistsError:
            self._remove(draft)
            turn.settle(draft.place, draft.folder.path, _EXISTS)
        except OSError as fault:
            turn.fail(draft.place, fault, "publish")
            self._folders.doubt(draft.folder.path)
            self._remove(draft)
        else:
            turn.settle(draft.place, draft.folder.path, _DELIVERED)

    def _sync_names(self, turn: _Turn) -> None:
        for path, places in turn.touched.items():
            folder = turn.folders[path]
            assert isinstance(folder, Folder)
            try:
                self._disk.sync(folder.new)
            except OSError as fault:
                for place in places:
                    turn.fail(place, fault, "sync the directory")

    def _remove(self, draft: _Draft) -> None:
        with suppress(OSError):  # the next attempt makes the same name, and clears it away
            self._disk.remove(draft.folder.tmp, draft.name)


def _base_names(path: str) -> frozenset[str]:
    # A reader moves mail from new to cur meanwhile: new first, so that nothing is missed on its way.
    return frozenset(
        entry.name.partition(":2,")[0] for part in ("new", "cur") for entry in os.scandir(f"{path}/{part}")
    )
