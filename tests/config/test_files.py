from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.trees import faults, sound
from vsmtp.config.files import Sources, find


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(directory: Path, **layers: Path) -> Sources:
    sources = find(directory, **layers)
    assert isinstance(sources, Sources), sources
    return sources


def test_files_are_read_in_byte_order_of_their_names(tmp_path: Path) -> None:
    for name in ("9-z.toml", "10-b.toml", "10-B.toml", "10-é.toml"):
        write(tmp_path / "conf.d" / name)
    assert [path.name for path in found(tmp_path).files] == [
        "10-B.toml",
        "10-b.toml",
        "10-é.toml",
        "9-z.toml",
    ]


def test_the_directory_its_conf_d_and_a_file_in_it_have_one_root(tmp_path: Path) -> None:
    file = write(tmp_path / "conf.d" / "10-a.toml")
    for named in (tmp_path, tmp_path / "conf.d", file):
        assert found(named).root == tmp_path
        assert found(named).files == (file,)


def test_a_directory_of_toml_files_is_a_tree_of_its_own(tmp_path: Path) -> None:
    file = write(tmp_path / "10-a.toml")
    assert (found(tmp_path).root, found(tmp_path).files) == (tmp_path, (file,))


def test_the_root_is_absolute_whatever_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "conf.d" / "10-a.toml")
    monkeypatch.chdir(tmp_path)
    assert found(Path()).root == tmp_path
    assert found(Path("conf.d/10-a.toml")).root == tmp_path
    assert [str(path) for path in found(Path()).files] == ["conf.d/10-a.toml"]


def test_the_installed_tree_masks_the_vendors_files_by_name(tmp_path: Path) -> None:
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    kept, extra = write(etc / "conf.d" / "10-a.toml"), write(etc / "conf.d" / "30-c.toml")
    write(usr / "conf.d" / "10-a.toml", "broken")
    vendor = write(usr / "conf.d" / "20-b.toml")
    assert found(etc, installed=etc, vendor=usr).files == (kept, vendor, extra)
    assert found(etc / "conf.d", installed=etc, vendor=usr).files == (kept, vendor, extra)


def test_another_tree_takes_nothing_from_the_vendor(tmp_path: Path) -> None:
    usr = tmp_path / "usr"
    write(usr / "conf.d" / "20-b.toml")
    own = write(tmp_path / "own" / "conf.d" / "10-a.toml")
    assert found(tmp_path / "own", installed=tmp_path / "etc", vendor=usr).files == (own,)


@pytest.mark.parametrize(
    "name", ["10-a.toml.dpkg-dist", "10-a.toml~", ".10-a.toml.swp", ".#10-a.toml", "README"]
)
def test_leftovers_are_named_and_not_read(tmp_path: Path, name: str) -> None:
    write(tmp_path / "conf.d" / name, "broken")
    (note,) = sound(tmp_path).notes
    assert (note.severity, note.code, note.message) == ("note", "leftover", f"`{name}` is not read")


def test_a_directory_that_looks_like_a_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "conf.d" / "10-a.toml").mkdir(parents=True)
    assert [note.code for note in sound(tmp_path).notes] == ["leftover"]


def test_a_missing_directory_and_one_without_a_tree_are_errors(tmp_path: Path) -> None:
    for directory in (tmp_path / "nowhere", tmp_path):
        (fault,) = faults(directory)
        assert (fault.code, fault.place) == ("no-tree", None)
        assert "vsmtp init" in fault.help


def test_a_name_that_no_terminal_should_see_is_cleaned(tmp_path: Path) -> None:
    write(tmp_path / "conf.d" / "10-\x1b[31m.toml", "broken")
    (fault,) = faults(tmp_path)
    assert fault.place is not None
    assert "\x1b" not in fault.place.file
