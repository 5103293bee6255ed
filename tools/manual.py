"""Write the reference pages from code: `python tools/manual.py`, or `--check` to compare only.

`docs/configuration.md` comes from the models, `docs/facts.md` from the catalogue of facts.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from vsmtp.config.models import types  # noqa: E402 the repository must be on the path first
from vsmtp.config.models.settings import Settings  # noqa: E402
from vsmtp.config.shape import model_of, tagged  # noqa: E402
from vsmtp.values.units import format_duration, format_size  # noqa: E402
from vsmtp.vocabulary.facts import FACTS, Fact, families  # noqa: E402
from vsmtp.vocabulary.replies import REPLIES, REWORDABLE  # noqa: E402

DOCS = ROOT / "docs"

FACTS_INTRODUCTION = """\
# Facts

Written by `tools/manual.py` from `vsmtp/vocabulary/facts.py`; change it there. What a rule can ask \
about, when it is known
for the first time, and when it is absent. `[]` marks a list. `rcpt.*` is there at `rcpt` and `delivery` only;
`match.<group>` is what a named group of the rule's own `matches` found, and `lookup.<name>` binds names of
its own to rows of tables (see [rules.md](rules.md)). The cost says whom asking bothers: nobody (`memory`),
this machine (`local`), others (`network`); cheap facts are asked first. Facts marked *later* are read and
checked, but this release does not find them out: to a rule they are unavailable, and `vsmtp check` warns of
each use.

| fact | type | from | cost | absent | |
|---|---|---|---|---|---|
"""

REPLIES_INTRODUCTION = """\
# Replies

Written by `tools/manual.py` from `vsmtp/vocabulary/replies.py`; change it there. What the server says by \
itself, by the
names that `[smtp.replies]` knows. A rewording keeps the first digit, and 421 stays 421, for it closes; the
enhanced code stays where none is written. `{server.name}` is filled in.

| name | usual words |
|---|---|
"""

INTRODUCTION = """\
# Configuration reference

Written by `tools/manual.py` from the models in `vsmtp/config/models/`; change it there.

A tree is a directory with a `conf.d` of files named `NN-name.toml`. They are read in the byte order of
their names as one document: tables merge key by key, a value set again replaces (`vsmtp check` notes it),
arrays of tables (`[[rules.rcpt]]`) are appended, and the lists `server.local_domains`,
`server.relay_domains`, `server.trusted` and `rules.disable` add up. Relative paths start from the directory
that holds `conf.d`. A key that is not on this page is an error, and every error has a page in `diagnostics/`.

Durations are written `"30s"`, `"5m"`, `"1h30m"`, `"5d"`, sizes `"64 KiB"`, `"25 MiB"`. Secrets say where
they are kept: `{ file = "..." }`, `{ env = "..." }`, `{ credential = "..." }` (systemd), or
`{ value = "..." }`, which `vsmtp check` warns of.
"""


def docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstrings of a model's fields: the literals that follow them."""
    (body,) = ast.parse(dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(text.value, ast.Constant)
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def sections(model: type[BaseModel], name: str) -> Iterator[str]:
    """The model's own table, then those below it."""
    texts = docstrings(model)
    below: list[tuple[type[BaseModel], str]] = []
    rows: list[str] = []
    for key, field in model.model_fields.items():
        called = field.alias or key
        path = f"{name}.{called}" if name else called
        part, mapping = model_of(field.annotation), mapped(field.annotation)
        if kinds := choices(field.annotation):
            below += [(kind, f"{path}.<name>]`, type `{tag}") for tag, kind in kinds.items()]
        elif part is not None:
            below.append((part, path))
        elif mapping is not None:
            below.append((mapping, f"{path}.<name>"))
        else:
            rows.append(f"| `{called}` | {default(field, texts[key])} | {cell(texts[key])} |")
    if rows:
        title = f"`[{name}{'`' if '`' in name else ']`'}" if name else "Top level"
        yield (
            f"\n## {title}\n\n{inspect.getdoc(model)}\n\n| key | default | |\n|---|---|---|\n"
            + "\n".join(rows)
            + "\n"
        )
    for part, path in below:
        yield from sections(part, path)


def mapped(annotation: Any) -> type[BaseModel] | None:
    """The model of the values of `Mapping[str, Model]`."""
    arguments = get_args(annotation)
    return model_of(arguments[1]) if len(arguments) == 2 else None


def choices(annotation: Any) -> Mapping[str, type[BaseModel]]:
    """The models of the values of `Mapping[str, A | B]`, by their `type`."""
    arguments = get_args(annotation)
    return tagged(arguments[1]) if len(arguments) == 2 else {}


def cell(text: str) -> str:
    said, _, _ = text.partition(" Default: ")
    return said.replace("|", "\\|")


def default(field: FieldInfo, text: str) -> str:
    """The default as one would write it; what is made from other values is told in the docstring."""
    _, _, said = text.partition(" Default: ")
    if said:
        return said.removesuffix(".").replace("|", "\\|")
    if field.is_required() or field.default is PydanticUndefined:
        return "*required*"
    return "" if field.default is None or field.default in ((), {}) else f"`{written(field)}`"


def written(field: FieldInfo) -> str:
    value = field.default
    kind = repr(field.metadata) + repr(field.annotation)
    if isinstance(value, tuple):
        return "[" + ", ".join(word(each, kind) for each in value) + "]"
    return word(value, kind)


def word(value: object, kind: str) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float() if types._duration.__name__ in kind:  # noqa: SLF001 how a duration is known from a number
            return f'"{format_duration(value)}"'
        case int() if types._size.__name__ in kind:  # noqa: SLF001 likewise a size
            return f'"{format_size(value)}"'
        case int() | float():
            return str(value)
        case _:
            return f'"{value}"'


def manual() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(sections(Settings, ""))


def facts() -> str:
    """The page of facts."""
    return FACTS_INTRODUCTION + "".join(map(fact_row, (*FACTS.values(), *families())))


def fact_row(fact: Fact) -> str:
    about = fact.about if fact.answered else f"{fact.about} *(later)*"
    if fact.choices:
        about += ": " + ", ".join(f"`{choice}`" for choice in fact.choices)
    return (
        f"| `{fact.name}` | {fact.type.value}{' []' if fact.many else ''} | `{fact.first.label}` |"
        f" {fact.cost.name.lower()} | {fact.absent} | {about} |\n"
    )


def replies() -> str:
    """The page of replies."""
    rows = (f"| `{name}` | `{REPLIES[name]}` |\n" for name in REWORDABLE)
    return REPLIES_INTRODUCTION + "".join(rows)


PAGES = {DOCS / "configuration.md": manual, DOCS / "facts.md": facts, DOCS / "replies.md": replies}


def main() -> int:
    if "--check" in sys.argv[1:]:
        return 0 if all(page.read_text(encoding="utf-8") == text() for page, text in PAGES.items()) else 1
    for page, text in PAGES.items():
        page.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
