r"""`.smtp` scripts: dialogues written as one reads them in a log, run against the engine and the daemon.

Each line begins with a mark; empty lines and lines that begin with `#` say nothing.

    C: EHLO client.example     the client sends this line and CRLF
    C-: DA                     the client sends this without CRLF
    S: 250 2.1.0 Sender ok     the server answers with this line; a final `...` stands for any rest
    X:                         the server closes
    A: 550 5.1.1 Nobody        the driver's answer to the next question, in place of yes (engine only)
    A: yes*3                   yes to the next three questions
    A: challenge text          a challenge to the client that logs in
    A: each 250 2.0.0 a | 450 4.2.0 b   a reply for each recipient
    T: max_recipients=2        terms that differ from `TERMS`, by field; `+DSN` is one more extension

In `C` lines `\r`, `\n`, `\0`, `\t`, `\\`, `\xHH` are octets, and `\{text*100}` is `text` a hundred times.
Characters beyond US-ASCII are sent as UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from vsmtp.smtp.terms import Terms
from vsmtp.values.reply import Reply

DIALOGUES: Final = Path(__file__).parent / "dialogues"
TERMS: Final = Terms("mx.example.org", max_message_size=26_214_400, max_recipients=1000)

_ESCAPE: Final = re.compile(
    rb"\\(?:(?P<sign>[rn0t\\])|x(?P<hex>[0-9a-fA-F]{2})|\{(?P<text>.*?)\*(?P<times>\d+)\})"
)
_SIGNS: Final = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"t": b"\t", b"\\": b"\\"}


@dataclass(frozen=True, slots=True)
class Said:
    octets: bytes


@dataclass(frozen=True, slots=True)
class Expected:
    line: str

    def fits(self, line: str) -> bool:
        if self.line.endswith("..."):
            return line.startswith(self.line.removesuffix("..."))
        return line == self.line


@dataclass(frozen=True, slots=True)
class Closed:
    pass


@dataclass(frozen=True, slots=True)
class Challenge:
    data: bytes


@dataclass(frozen=True, slots=True)
class Each:
    replies: tuple[Reply, ...]


# None is a yes, a reply a no.
Answer: TypeAlias = Reply | Challenge | Each | None


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    steps: tuple[Said | Expected | Closed, ...]
    answers: tuple[Answer, ...]
    terms: Terms

    @property
    def portable(self) -> bool:
        """Whether a daemon with the default terms and no rules answers like this too."""
        return not self.answers and self.terms == TERMS

    @property
    def client(self) -> bytes:
        return b"".join(step.octets for step in self.steps if isinstance(step, Said))

    @property
    def server(self) -> list[Expected]:
        return [step for step in self.steps if isinstance(step, Expected)]

    @property
    def closes(self) -> bool:
        return any(isinstance(step, Closed) for step in self.steps)


class Peer(Protocol):
    """Whoever the script is spoken with: an engine, or a socket to a daemon."""

    def send(self, octets: bytes) -> None: ...

    def reply_line(self) -> str:
        """Give the next line without its CRLF; empty when the connection has ended."""
        ...


def scripts() -> list[Script]:
    return [read(path) for path in sorted(DIALOGUES.glob("*.smtp"))]


_STEPS: Final[Mapping[str, Callable[[str], Said | Expected | Closed]]] = {
    "C": lambda text: Said(unescape(text) + b"\r\n"),
    "C-": lambda text: Said(unescape(text)),
    "S": Expected,
    "X": lambda _text: Closed(),
}


def read(path: Path) -> Script:
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    marked = [(mark, rest.removeprefix(" ")) for mark, _, rest in (line.partition(":") for line in lines)]
    unknown = {mark for mark, _ in marked} - {*_STEPS, "A", "T"}
    assert not unknown, f"{path.name}: no such marks: {unknown}"
    steps = tuple(_STEPS[mark](text) for mark, text in marked if mark in _STEPS)
    answers = tuple(answer for mark, text in marked if mark == "A" for answer in _answers(text))
    words = [word for mark, text in marked if mark == "T" for word in text.split()]
    return Script(path.stem, steps, answers, with_terms(*words))


def _answers(text: str) -> tuple[Answer, ...]:
    word, _, rest = text.partition(" ")
    if word == "yes":
        return (None,)
    if word.startswith("yes*"):
        return (None,) * int(word.removeprefix("yes*"))
    if word == "challenge":
        return (Challenge(unescape(rest)),)
    if word == "each":
        return (Each(tuple(Reply.parse(part) for part in rest.split("|"))),)
    return (Reply.parse(text),)


def with_terms(*words: str) -> Terms:
    """Give `TERMS` with what `words` change: `field=value`, or `+EXTENSION`."""
    changes: dict[str, Any] = {}
    for word in words:
        if word.startswith("+"):
            changes["extensions"] = (*changes.get("extensions", TERMS.extensions), word[1:])
            continue
        name, _, value = word.partition("=")
        changes[name] = _value(name, value)
    return replace(TERMS, **changes)


def _value(name: str, value: str) -> object:
    if name == "auth":
        return tuple(value.split(","))
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if value.isdigit() else value


def unescape(text: str) -> bytes:
    def octets(match: re.Match[bytes]) -> bytes:
        if match["sign"]:
            return _SIGNS[match["sign"]]
        if match["hex"]:
            return bytes.fromhex(match["hex"].decode())
        return match["text"] * int(match["times"])

    return _ESCAPE.sub(octets, text.encode())


def talk(script: Script, peer: Peer) -> None:
    """Speak `script` with `peer`, step by step; AssertionError at the first line that does not fit."""
    for number, step in enumerate(script.steps, 1):
        match step:
            case Said(octets):
                peer.send(octets)
            case Expected():
                line = peer.reply_line()
                assert step.fits(line), f"{script.name}, step {number}: wanted {step.line!r}, got {line!r}"
            case Closed():
                line = peer.reply_line()
                assert not line, f"{script.name}, step {number}: wanted the end, got {line!r}"
