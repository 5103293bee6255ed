from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vsmtp.postman.packet import (
    Item,
    Result,
    announce,
    number,
    read_answer,
    read_batch,
    write_answer,
    write_batch,
)

ITEMS = [
    Item("/srv/é", "/", "1.Q1R1.mx", again=False, length=3),
    Item("/srv/b", "/srv", "1.Q1R2.mx", again=True, length=0, body=0, offset=7, size=9),
]


def test_a_batch_is_read_as_it_was_written() -> None:
    fd = write_batch(ITEMS, [b"a", b"bc", b""])
    try:
        batch = read_batch(fd)
    finally:
        os.close(fd)
    assert batch.items == ITEMS
    assert bytes(batch.octets) == b"abc"


def test_an_answer_is_read_as_it_was_written() -> None:
    results = [Result("delivered"), Result("exists"), Result("failed", errno.ENOSPC, "write")]
    packet = write_answer(2**40, results)
    assert number(packet) == 2**40
    assert read_answer(packet) == results
    assert number(announce(7)) == 7


def test_a_batch_that_does_not_fit_into_memory_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "writev", lambda _fd, _parts: 1)
    with pytest.raises(OSError, match="memory"):
        write_batch(ITEMS, [b"abc"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
