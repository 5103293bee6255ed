"""Which files a tree is made of: order, masking, leftovers (`config.md`, "Order and merge")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vsmtp.values.diagnostic import Diagnostic, Place
from vsmtp.values.legible import legible

INSTALLED: Final = Path("/etc/vsmtp")
VENDOR: Final = Path("/usr/lib/vsmtp")
CONF_D: Final = "conf.d"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to read, in order, and what lay beside them; `root` is what relative paths start from."""

    root: Path
    files: tuple[Path, ...]
    notes: tuple[Diagnostic, ...] = ()


def find(directory: Path, *, installed: Path = INSTALLED, vendor: Path = VENDOR) -> Sources | Diagnostic:
    """The files of the tree that `-c` names: the directory of a `conf.d`, a `conf.d` itself, or one file.

    The installed tree takes the vendor's files too; its own mask those of the same name.
    """
    try:
        if directory.is_file():
            return Sources(_root_of(directory.absolute().parent), (directory,))
        if not directory.is_dir():
            return _no_tree(directory, "there is no such file or directory")
        conf_d = _conf_d(directory)
        if conf_d is None:
            return _no_tree(directory, "there is no `conf.d` in it")
        layers = [conf_d]
        if conf_d.absolute() == installed / CONF_D and (vendor / CONF_D).is_dir():
            layers.insert(0, vendor / CONF_D)
        return _gather(_root_of(conf_d.absolute()), layers)
    except OSError as error:
        return _no_tree(directory, error.strerror or str(error))


def _root_of(folder: Path) -> Path:
    return folder.parent if folder.name == CONF_D else folder


def _conf_d(directory: Path) -> Path | None:
    if (directory / CONF_D).is_dir():
        return directory / CONF_D
    if directory.absolute().name == CONF_D or any(directory.glob("*.toml")):
        return directory
    return None


def _gather(root: Path, layers: list[Path]) -> Sources:
    chosen: dict[str, Path] = {}
    notes: list[Diagnostic] = []
    for layer in layers:
        for path in sorted(layer.iterdir(), key=_byte_order):
            if _is_read(path):
                chosen[path.name] = path
            else:
                notes.append(_leftover(path))
    return Sources(root, tuple(sorted(chosen.values(), key=_byte_order)), tuple(notes))


def _byte_order(path: Path) -> bytes:
    return path.name.encode("utf-8", "surrogateescape")


def _is_read(path: Path) -> bool:
    return path.suffix == ".toml" and not path.name.startswith(".") and not path.is_dir()


def _leftover(path: Path) -> Diagnostic:
    message = f"`{legible(path.name)}` is not read"
    remedy = "only files whose names end in `.toml` and do not begin with a dot count"
    return Diagnostic("note", "leftover", message, remedy, Place(legible(str(path)), 1, 1))


def _no_tree(directory: Path, reason: str) -> Diagnostic:
    message = f"no configuration at `{legible(str(directory))}`: {reason}"
    return Diagnostic(
        "error", "no-tree", message, "write one with `vsmtp init DIR`, or name it with `-c DIR`", None
    )
