"""One cell of a row: from the text of a file or a database to a value of its column's type, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Final, assert_never

from vsmtp.config.models.tables import ColumnType
from vsmtp.tables.contract import VALUE, Cell
from vsmtp.values.secret import Secret
from vsmtp.values.units import parse_duration, parse_size

# What stands for true and false in the files that people write.
_BOOLS: Final[Mapping[str, bool]] = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)
_MAX_DIGITS: Final = 18
_MAX_SECONDS: Final = 10 * 366 * 86400.0

ONE_COLUMN: Final[Mapping[str, ColumnType]] = {VALUE: "text"}


class ContentError(ValueError):
    """What a table holds cannot be read; the text says where and why, in one line."""


def read_cell(kind: ColumnType, written: object) -> Cell | None:
    """The value that was written, in text or as TOML and SQL know it; None for nothing.

    Raises ValueError with a reason. Sizes are octets and durations seconds, both plain when a number.
    """
    if written is None or written == "":
        return None
    if kind in ("text", "secret"):
        text = _text(written)
        return Secret(text) if kind == "secret" else text
    return _READERS[kind](written)


def write_cell(cell: Cell) -> str:
    """The value as text that `read_cell` reads again as the same value."""
    match cell:
        case Secret():
            return cell.text
        case bool():
            return "true" if cell else "false"
        case str():
            return cell
        case int() | float():
            return repr(cell)
        case _:
            assert_never(cell)


def _text(written: object) -> str:
    if isinstance(written, bytes):
        try:
            return written.decode()
        except UnicodeDecodeError:
            raise ValueError("octets that are no UTF-8") from None
    return write_cell(written) if isinstance(written, (bool, int, float)) else str(written)


def _number(written: object) -> int | float:
    if isinstance(written, (int, float)) and not isinstance(written, bool):
        return written
    text = _text(written).strip()
    digits = text.lstrip("+-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise ValueError(f"`{text}` is not a number")
    return number


def _size(written: object) -> int:
    if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
        return written
    return parse_size(_text(written))


def _duration(written: object) -> float:
    text = _text(written).strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = parse_duration(text)
    if not 0 <= seconds <= _MAX_SECONDS:
        raise ValueError(f"`{text}` is not between nothing and ten years")
    return seconds


def _bool(written: object) -> bool:
    if written in (0, 1):
        return bool(written)
    text = _text(written).strip()
    if (known := _BOOLS.get(text.casefold())) is None:
        raise ValueError(f"`{text}` is neither `true` nor `false`")
    return known


_READERS: Final[Mapping[ColumnType, Callable[[object], Cell]]] = {
    "number": _number,
    "size": _size,
    "duration": _duration,
    "bool": _bool,
}
