"""Sizes and durations as administrators write them: `"25 MiB"`, `"5m"`."""

from __future__ import annotations

import re
from typing import Final

_SIZE_UNITS: Final = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
    "k": 2**10, "m": 2**20, "g": 2**30,
}  # fmt: skip
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw])\s*)+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def parse_size(text: str) -> int:
    """Octets of `"25 MiB"`, `"10 kB"`, `"512"`; raises ValueError with a reason."""
    match = _SIZE.fullmatch(text.strip())
    unit = _SIZE_UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        msg = f"`{text}` is not a size: write `25 MiB`, `64 KiB`, `10 MB` or a number of octets"
        raise ValueError(msg)
    return int(float(match[1]) * unit)


def parse_duration(text: str) -> float:
    """Seconds of `"5m"`, `"1h30m"`, `"36d"`; raises ValueError with a reason."""
    if _DURATION.fullmatch(text.strip()) is None:
        msg = f"`{text}` is not a duration: write `30s`, `5m`, `1h30m`, `5d`"
        raise ValueError(msg)
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def format_size(octets: int) -> str:
    """`26214400` as `25 MiB`: the largest binary unit that leaves a whole number, else one decimal."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if octets >= factor:
            number = octets / factor
            return f"{number:.0f} {unit}" if number == int(number) else f"{number:.1f} {unit}"
    return f"{octets} B"


def format_duration(seconds: float) -> str:
    """`5400.0` as `1h30m`: at most two units."""
    parts = []
    rest = seconds
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count:
            parts.append(f"{count:.0f}{unit}")
    return "".join(parts[:2]) or "0s"
