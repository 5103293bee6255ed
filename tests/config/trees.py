"""Small trees on disk for the tests of the configuration."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from vsmtp.config.load import Tree, read_tree
from vsmtp.values.diagnostic import Diagnostic

HOST = "host.example.org"


def plant(root: Path, **files: str) -> Path:
    """Write `a10=...` as `conf.d/10-a.toml`, so that names sort by their numbers; returns the tree."""
    conf_d = root / "conf.d"
    conf_d.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        letters, digits = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz")
        (conf_d / f"{digits}-{letters}.toml").write_text(dedent(text), encoding="utf-8")
    return root


def read(root: Path, *, version: str = "1.0.0.dev0") -> Tree | tuple[Diagnostic, ...]:
    return read_tree(root, hostname=HOST, version=version)


def sound(root: Path) -> Tree:
    tree = read(root)
    assert isinstance(tree, Tree), tree
    return tree


def faults(root: Path) -> tuple[Diagnostic, ...]:
    found = read(root)
    assert isinstance(found, tuple), "the tree is sound"
    return found


def spot(diagnostic: Diagnostic) -> str:
    """`10-a.toml:3:5+4 code`."""
    place = diagnostic.place
    if place is None:
        return f"- {diagnostic.code}"
    return f"{Path(place.file).name}:{place.line}:{place.column}+{place.length} {diagnostic.code}"
