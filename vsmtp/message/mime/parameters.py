"""The values of Content- fields: a word, and parameters that may be continued and encoded (RFC 2045, 2231).

Mail clients read broken parameters each in their own way, and who hides an attachment makes use of it. So a
parameter has *readings*: all that a reader could take it to mean, of repeated ones each. Nothing is guessed
away: a rule that looks for `.exe` finds it in any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from vsmtp.message.charsets import decode, guess, is_charset
from vsmtp.message.mime.budget import Budget
from vsmtp.message.words import decode_words

_MAIN: Final = re.compile(r'[^\s;()/="]+(?:[ \t]*/[ \t]*[^\s;()="]+)?')
_BETWEEN: Final = re.compile(r"[\s;]*+")
_COMMENT_PART: Final = re.compile(r"(?:[^()\\]|\\.|\\\Z)++|[()]", re.DOTALL)
_PARAMETER: Final = re.compile(
    r'(?P<name>[^\s=;("]*+)(?:\s|\([^()]*\))*+'
    r'(?:=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)(?:"|\\?\Z)(?P<after>[^;\s(]*+)|(?P<plain>[^;]*+))|(?P<junk>[^;]*+))',
    re.DOTALL,
)
_PATH: Final = re.compile(r'\\[^"\\]')
_SECTION: Final = re.compile(r"(?P<base>[^*]+)(?:\*(?P<number>\d{1,4}))?(?P<coded>\*)?")


class Parameter(NamedTuple):
    """One as it stands: `name` in lower case, asterisks included; `readings`, the likeliest first."""

    name: str
    readings: tuple[str, ...]
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A field's value: `main` in lower case, empty if there is none; `defects` are stable words."""

    main: str
    parameters: tuple[Parameter, ...]
    defects: tuple[str, ...]

    def readings(self, name: str) -> tuple[str, ...]:
        """All that the parameter `name` can be taken to mean, decoded, each once; empty if there is none."""
        of_this_name = [parameter for parameter in self.parameters if parameter.name.startswith(name)]
        if not of_this_name:
            return ()
        plain: list[str] = []
        sections: dict[int, list[_Section]] = {}
        for parameter in of_this_name:
            match = _SECTION.fullmatch(parameter.name)
            if match is None or match["base"] != name:
                continue
            coded = match["coded"] is not None
            if match["number"] is not None:
                section = _Section(parameter.readings[0], coded)
                sections.setdefault(int(match["number"]), []).append(section)
            elif coded:
                plain += _joined([_Section(parameter.readings[0], coded=True)])
            else:
                plain += map(decode_words, parameter.readings)
        found = (reading.strip() for reading in (*plain, *_continued(sections)))
        return tuple(dict.fromkeys(reading for reading in found if reading))


class _Section(NamedTuple):
    text: str
    coded: bool


def parse(value: str, budget: Budget) -> Parsed:
    """Read an unfolded field value; never raises. Parameters past the budget's are left out."""
    at = _after_between(value, 0, budget)
    match = _MAIN.match(value, at)
    if match is not None and not value.startswith("=", match.end()):
        main, at = "".join(match[0].split()).lower(), match.end()
    else:
        main = ""
    parameters: list[Parameter] = []
    defects: list[str] = []
    for found in _parameters(value, at, budget):
        if isinstance(found, str):
            defects.append(found)
        else:
            parameters.append(found)
    if len({parameter.name for parameter in parameters}) < len(parameters):
        defects.append("repeated-parameter")
    return Parsed(main, tuple(parameters), tuple(dict.fromkeys(defects)))


def _parameters(value: str, at: int, budget: Budget) -> Iterator[Parameter | str]:
    while (at := _after_between(value, at, budget)) < len(value) and budget.spend("parameters"):
        match = _PARAMETER.match(value, at)
        assert match is not None  # every part of it may be empty
        at = max(match.end(), at + 1)
        if match["junk"] is not None or not match["name"]:
            yield "malformed-parameter"
            continue
        if match["after"]:
            yield "malformed-parameter"
        yield _parameter(match)


def _parameter(match: re.Match[str]) -> Parameter:
    name = match["name"].lower()
    if match["quoted"] is None:
        return Parameter(name, (match["plain"].strip(),), is_quoted=False)
    readings = ["\\".join(text.replace("\\", "") for text in match["quoted"].split("\\\\"))]
    if _PATH.search(match["quoted"]):  # `C:\file.exe`: meant as it stands, whatever RFC 5322 3.2.4 says
        readings.append(match["quoted"])
    if match["after"]:
        readings.append(readings[0] + match["after"])
    return Parameter(name, tuple(readings), is_quoted=True)


def _after_between(value: str, at: int, budget: Budget) -> int:
    """Pass over blanks, semicolons and comments, however deep; an open comment reaches to the end.

    What comments consist of is paid for as parameters are.
    """
    while True:
        match = _BETWEEN.match(value, at)
        assert match is not None
        at = match.end()
        if not value.startswith("(", at):
            return at
        depth = 0
        while at < len(value) and budget.spend("parameters"):
            part = _COMMENT_PART.match(value, at)
            assert part is not None
            depth += {"(": 1, ")": -1}.get(part[0], 0)
            at = part.end()
            if not depth:
                break
        else:
            return len(value)


def _continued(sections: dict[int, list[_Section]]) -> Iterator[str]:
    """RFC 2231 3; of a section that stands twice, readers take the first or the last."""
    if sections:
        ordered = [sections[number] for number in sorted(sections)]
        yield from _joined([some[0] for some in ordered])
        if any(len(some) > 1 for some in ordered):
            yield from _joined([some[-1] for some in ordered])


def _joined(sections: Sequence[_Section]) -> Iterator[str]:
    # A character may be cut in two by a continuation: octets are joined before they are decoded.
    charset = ""
    octets: list[bytes] = []
    for number, section in enumerate(sections):
        text = section.text
        if section.coded and number == 0 and text.count("'") >= 2:  # noqa: PLR2004 RFC 2231 4
            charset, _, text = text.split("'", 2)
        octets.append(unquote_to_bytes(text) if section.coded else text.encode("utf-8", "replace"))
    joined = b"".join(octets)
    text = decode(joined, charset) if is_charset(charset) else guess(joined)
    yield decode_words(text)
