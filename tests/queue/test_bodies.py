"""Large bodies: durable before a row may name them, gone where they never will be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vsmtp.queue.bodies import SYNC_EVERY, BodyWriter


def test_a_body_is_what_was_written_and_counts_from_its_offset(tmp_path: Path) -> None:
    writer = BodyWriter(tmp_path / "body")
    writer.write([b"head", b"er\r\n\r\n"])
    assert writer.beginning(6, [b"rest"]) == b"header"
    assert writer.beginning(100, []) == b"header\r\n\r\nrest"
    body = writer.finish(10)
    assert (body.path, body.offset, body.size) == (tmp_path / "body", 10, 14)
    assert body.path.read_bytes() == b"header\r\n\r\nrest"


def test_nobody_else_may_read_a_body(tmp_path: Path) -> None:
    writer = BodyWriter(tmp_path / "body")
    writer.write([b"x"])
    assert writer.finish(0).path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_there_until_something_is_written(tmp_path: Path) -> None:
    BodyWriter(tmp_path / "body").discard()
    assert list(tmp_path.iterdir()) == []


def test_what_is_discarded_is_gone_and_may_be_discarded_again(tmp_path: Path) -> None:
    writer = BodyWriter(tmp_path / "body")
    writer.write([b"x" * (SYNC_EVERY + 1)])
    for _ in range(2):
        writer.discard()
        assert list(tmp_path.iterdir()) == []


def test_a_body_never_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"another's")
    writer = BodyWriter(tmp_path / "body")
    with pytest.raises(FileExistsError):
        writer.write([b"x"])
    assert (tmp_path / "body").read_bytes() == b"another's"


@pytest.mark.parametrize("nth", [1, 2])
def test_a_body_whose_sync_failed_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    # The first sync is the file's, the second the directory's.
    writer = BodyWriter(tmp_path / "body")
    writer.write([b"x"])
    syncs = iter(range(1, 9))

    def failing(_: int) -> None:
        if next(syncs) == nth:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            writer.finish(0)
    assert list(tmp_path.iterdir()) == []
