"""What a worker and its postman say to each other over a SEQPACKET socket.

A batch is one packet of 8 octets, its number, with file descriptors in its ancillary data: first a memfd,
then the body files of large messages. The memfd holds the length of the index (4 octets), the index (JSON: an
array for each item), and the octets of all items, one after the other. The answer is one packet: the number,
then JSON with an array for each item, in the same order.
"""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

# A body file for each item stays below SCM_MAX_FD (253), two iovecs an item below IOV_MAX (1024).
MAX_ITEMS: Final = 64
MAX_ANSWER: Final = 64 * 1024

_NUMBER: Final = struct.Struct("<Q")
_LENGTH: Final = struct.Struct("<I")

State: TypeAlias = Literal["delivered", "exists", "failed"]


class Item(NamedTuple):
    """One file to be written into one Maildir.

    `root` is the part of `maildir` that must exist already; what is missing below it is made. `length`
    counts the item's octets in the memfd; `body` is the place of its body file among the descriptors, or -1,
    of which the octets from `offset` to `size` follow. `again`: an earlier attempt may have succeeded.
    """

    maildir: str
    root: str
    name: str
    again: bool
    length: int
    body: int = -1
    offset: int = 0
    size: int = 0


class Result(NamedTuple):
    """What became of an item: for `failed`, the `errno` and the step that met it."""

    state: State
    errno: int = 0
    step: str = ""


class Batch(NamedTuple):
    """A batch as the postman reads it; `octets` are those of all items, joined."""

    items: Sequence[Item]
    octets: memoryview


def number(packet: bytes) -> int:
    """The number of the batch that a packet belongs to."""
    return int(_NUMBER.unpack_from(packet)[0])


def announce(batch: int) -> bytes:
    """The packet that goes with a batch's descriptors."""
    return _NUMBER.pack(batch)


def write_batch(items: Sequence[Item], octets: Sequence[bytes]) -> int:
    """A new memfd that holds a batch of at most MAX_ITEMS; raises OSError where memory is short."""
    index = json.dumps(items, separators=(",", ":")).encode("ascii")
    fd = os.memfd_create("vsmtp-batch", os.MFD_CLOEXEC)
    parts = [_LENGTH.pack(len(index)), index, *octets]
    try:
        written = os.writev(fd, parts)
    except OSError:
        os.close(fd)
        raise
    if written != sum(map(len, parts)):
        os.close(fd)
        raise OSError(errno.ENOMEM, "the batch does not fit into memory")
    return fd


def read_batch(fd: int) -> Batch:
    """Read what `write_batch` wrote."""
    size = os.fstat(fd).st_size
    held = memoryview(os.pread(fd, size, 0))
    start = _LENGTH.size + int(_LENGTH.unpack_from(held)[0])
    index = json.loads(bytes(held[_LENGTH.size : start]))
    return Batch([Item(*fields) for fields in index], held[start:])


def write_answer(batch: int, results: Sequence[Result]) -> bytes:
    """The answer packet to a batch."""
    return _NUMBER.pack(batch) + json.dumps(results, separators=(",", ":")).encode("ascii")


def read_answer(packet: bytes) -> list[Result]:
    """The results in an answer packet."""
    return [Result(*fields) for fields in json.loads(packet[_NUMBER.size :])]
