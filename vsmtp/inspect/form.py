"""Reading plain TOML tables beside the tree, key by key; what is wrong becomes a fault at its path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from vsmtp.config.models.types import describe, nearest
from vsmtp.values.diagnostic import Fault, KeyPath

T = TypeVar("T")


class UnfitError(ValueError):
    """The value is not what is wanted; the text says what is."""


class Form:
    """One table. `read` notes which keys are known; `close` makes faults of all others."""

    def __init__(self, table: Mapping[str, Any], path: KeyPath, faults: list[Fault]) -> None:
        self.path = path
        self.faults = faults
        self._table = table
        self._known: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self._table

    def fault(self, key: str, code: str, message: str, remedy: str = "") -> None:
        """Record an error at the value of a key."""
        self.faults.append(Fault((*self.path, key), code, message, remedy))

    def read(self, key: str, default: T, convert: Callable[[Any], T]) -> T:
        """The value of `key` converted; `default` where there is none. `convert` may raise ValueError."""
        self._known[key] = None
        if key not in self._table:
            return default
        try:
            return convert(self._table[key])
        except ValueError as reason:
            self.fault(key, "wrong-type", str(reason))
            return default

    def text(self, key: str, default: str = "") -> str:
        """A text."""
        return self.read(key, default, as_text)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """`true` or `false`."""
        return self.read(key, default, as_flag)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; one alone needs no brackets."""
        return self.read(key, (), as_texts)

    def below(self, key: str) -> Form:
        """The table of that name; an empty one where it is not written."""
        return Form(self.read(key, {}, as_table), (*self.path, key), self.faults)

    def each(self) -> Iterator[str]:
        """All keys that are written, which are thereby known."""
        self._known.update(dict.fromkeys(self._table))
        yield from self._table

    def is_table(self, key: str) -> bool:
        """Whether what stands at the key is a table."""
        return isinstance(self._table.get(key), dict)

    def close(self) -> None:
        """Every key that nobody has read is unknown."""
        for key in self._table.keys() - self._known.keys():
            near = nearest(key, tuple(self._known))
            known = ", ".join(f"`{name}`" for name in self._known)
            remedy = f"did you mean `{near}`?" if near else f"known here are {known}"
            path = (*self.path, key)
            self.faults.append(Fault(path, "unknown-key", f"unknown key `{key}`", remedy, at="key"))


def as_text(value: object) -> str:
    """The value, which is a text; raises UnfitError, as all below do."""
    if not isinstance(value, str):
        raise UnfitError(f"expected a text, found {describe(value)}")
    return value


def as_flag(value: object) -> bool:
    """The value, which is `true` or `false`."""
    if not isinstance(value, bool):
        raise UnfitError(f"expected `true` or `false`, found {describe(value)}")
    return value


def as_number(value: object) -> int:
    """The value, which is a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnfitError(f"expected a whole number, found {describe(value)}")
    return value


def as_texts(value: object) -> tuple[str, ...]:
    """One text or a list of them."""
    return tuple(as_text(one) for one in (value if isinstance(value, list) else [value]))


def as_table(value: object) -> Mapping[str, Any]:
    """The value, which is a table."""
    if not isinstance(value, dict):
        raise UnfitError(f"expected a table, found {describe(value)}")
    return value
