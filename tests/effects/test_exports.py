from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsmtp.effects.exports import keep
from vsmtp.values.answer import Unavailable


def test_a_file_is_made_with_its_directories_for_us_alone(tmp_path: Path) -> None:
    top = tmp_path / "exports"
    assert keep(top, "a/b/mail.eml", [b"one ", b"two"]) == "a/b/mail.eml"
    assert (top / "a/b/mail.eml").read_bytes() == b"one two"
    assert (top / "a/b/mail.eml").stat().st_mode & 0o777 == 0o600
    assert (top / "a").stat().st_mode & 0o777 == 0o700


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = [keep(tmp_path, "m", [b"x"]) for _ in range(3)]
    assert names == ["m", "m.2", "m.3"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "./x"])
def test_nothing_is_written_outside(tmp_path: Path, path: str) -> None:
    top = tmp_path / "exports"
    assert isinstance(keep(top, path, [b"x"]), Unavailable)
    assert not (tmp_path / "x").exists()


def test_an_absolute_path_is_taken_below_the_directory(tmp_path: Path) -> None:
    assert keep(tmp_path, "/etc/x", [b"x"]) == "etc/x"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    top = tmp_path / "exports"
    top.mkdir()
    (top / "link").symlink_to(tmp_path / "elsewhere")
    (top / "file").symlink_to(tmp_path / "elsewhere" / "target")
    assert isinstance(keep(top, "link/x", [b"x"]), Unavailable)
    assert keep(top, "file", [b"x"]) == "file.2"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    found = keep(tmp_path, "a/b", [b"x"])
    assert isinstance(found, Unavailable)
    assert "a/b" in found.reason


def test_what_could_not_be_written_whole_is_taken_away(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"begun"
        raise OSError(5, "the spool is broken")

    assert keep(tmp_path, "m", broken()) == Unavailable("`m` cannot be written: the spool is broken")
    assert os.listdir(tmp_path) == []  # noqa: PTH208 names are enough


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 names are enough
    keep(tmp_path, "a/b/c", [b"x"])
    keep(tmp_path, "a/b/c/d", [b"x"])
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 names are enough
