"""Policy tests: what an administrator expects of the rules, as TOML in `tests.d` beside `conf.d`.

Nothing here is part of the tree: no file of `tests.d` is ever merged into the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from vsmtp.config.merge import Document, merge, place_of
from vsmtp.config.read import read
from vsmtp.inspect.form import Form, UnfitError, as_number, as_table, as_text, as_texts
from vsmtp.inspect.rehearsed import OUTCOMES
from vsmtp.inspect.scene import HELO, PORT, Scene, with_crlf
from vsmtp.inspect.supposing import as_moment, in_file, world_of
from vsmtp.inspect.world import World
from vsmtp.rules.reading import did_you_mean
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.diagnostic import Diagnostic, Fault, Place

TESTS_D: Final = "tests.d"
# What a field of the header has to be: these values in any order, there (True), or not there (False).
Wanted: TypeAlias = tuple[str, ...] | bool
_NO_FIELD: Final[Wanted] = ()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is to come of a mail; what is empty or None is not looked at.

    `reply` is how it begins, its code or its text. `rules` match in this order, others between them or not;
    `not_rules` do not match. Each of `effects` is part of what one effect did. `headers` are those of every
    copy. `transports` and `quarantine` are where copies go; `recipients` are the beginnings of the replies
    to RCPT, by address as written.
    """

    outcome: str = ""
    reply: str = ""
    rules: tuple[str, ...] = ()
    not_rules: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    headers: Mapping[str, Wanted] = field(default_factory=dict)
    transports: tuple[str, ...] = ()
    quarantine: str = ""
    recipients: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """A scene, the world it is played in, and what is expected; `place` is where it is written."""

    name: str
    scene: Scene
    world: World
    expect: Expectation
    place: Place


@dataclass(frozen=True, slots=True)
class Known:
    """The names of the tree that tests may use."""

    rules: Collection[str]
    listeners: Collection[str]


@dataclass(frozen=True, slots=True)
class Policies:
    """The tests of a tree in order of files, and what is wrong with them."""

    tests: tuple[PolicyTest, ...]
    faults: tuple[Diagnostic, ...]


def read_policies(root: Path, known: Known) -> Policies:
    """The tests of the tree whose `conf.d` is in `root`; with faults among them they are not to be run."""
    tests: list[PolicyTest] = []
    diagnostics: list[Diagnostic] = []
    for path in sorted((root / TESTS_D).glob("*.toml")):
        document = read(path)
        if isinstance(document, Diagnostic):
            diagnostics.append(document)
            continue
        faults: list[Fault] = []
        names = {test.name for test in tests}
        tests += _File(document, path.parent, known, faults).read(names)
        diagnostics += in_file(document, faults)
    return Policies(tuple(tests), tuple(diagnostics))


class _File:
    """One file of tests while it is read."""

    def __init__(self, document: Document, folder: Path, known: Known, faults: list[Fault]) -> None:
        self._document = document
        self._folder = folder
        self._known = known
        self._faults = faults

    def read(self, names: set[str]) -> Iterator[PolicyTest]:
        """The tests; `names` are those already taken."""
        form = Form(self._document.values, (), self._faults)
        world = world_of(form.below("world"))
        tests: list[Mapping[str, Any]] = form.read("test", [], _as_list)
        form.close()
        for number, table in enumerate(tests):
            below = Form(table, ("test", number), self._faults)
            name = below.text("name")
            if name in names:
                below.fault(
                    "name", "duplicate-name", f"there is a test `{name}` already", "name it otherwise"
                )
            names.add(name)
            yield self._test(below, name, world, number)

    def _test(self, form: Form, name: str, shared: World, number: int) -> PolicyTest:
        for key in ("name", "client", "expect"):
            if key not in form:
                path = (*form.path, key)
                self._faults.append(Fault(path, "missing-key", f"a test has a `{key}`", at="key"))
        origin = merge([self._document])[0]
        assert origin is not None
        place = place_of(origin.children["test"].children[number], at_key=True)
        scene = self._scene(form)
        world = world_of(form.below("world")).over(shared)
        expect = self._expectation(form.below("expect"))
        form.close()
        return PolicyTest(name, scene, world, expect, place)

    def _scene(self, form: Form) -> Scene:
        return Scene(
            form.read("client", _NOBODY, _as_ip),
            form.read("port", PORT, as_number),
            self._choice(form, "listener", self._known.listeners),
            form.text("helo", HELO),
            form.flag("esmtp", default=True),
            form.text("auth"),
            form.text("mechanism", "PLAIN"),
            form.flag("tls"),
            form.read("from", None, _as_sender),
            form.read("rcpt", (), _as_addresses),
            self._message(form),
            form.read("time", None, as_moment),
        )

    def _message(self, form: Form) -> bytes | None:
        written = form.read("message", None, lambda raw: with_crlf(as_text(raw).encode()))
        if "message" in form and "file" in form:
            form.fault("file", "wrong-type", "a test has a `message` or a `file`, not both")
        stored = form.read("file", None, self._stored)
        if ("rcpt" in form) != ("from" in form):
            form.fault("from" if "from" in form else "rcpt", "wrong-type", "`from` and `rcpt` go together")
        return written if stored is None else stored

    def _stored(self, raw: object) -> bytes:
        path = self._folder / as_text(raw)
        try:
            return with_crlf(path.read_bytes())
        except OSError as fault:
            raise UnfitError(f"`{path}` cannot be read: {fault.strerror}") from None

    def _expectation(self, form: Form) -> Expectation:
        expectation = Expectation(
            self._choice(form, "outcome", OUTCOMES),
            form.read("reply", "", _as_reply),
            self._rules(form, "rules"),
            self._rules(form, "not_rules"),
            form.texts("effects"),
            _each(form.below("headers"), _NO_FIELD, _as_wanted),
            form.texts("transport"),
            form.text("quarantine"),
            _each(form.below("recipients"), "", _as_reply),
        )
        form.close()
        return expectation

    def _choice(self, form: Form, key: str, known: Collection[str]) -> str:
        value = form.text(key)
        if value and value not in known:
            there_are = f"there are {', '.join(f'`{name}`' for name in known)}"
            remedy = did_you_mean(value, known) or there_are
            form.fault(key, "bad-choice", f"`{value}` is no {key}", remedy)
        return value

    def _rules(self, form: Form, key: str) -> tuple[str, ...]:
        names = form.texts(key)
        for name in names:
            if name not in self._known.rules:
                remedy = did_you_mean(name, self._known.rules)
                form.fault(key, "unknown-rule", f"there is no rule `{name}`", remedy)
        return names


_NOBODY: Final[IPv4Address | IPv6Address] = IPv4Address("0.0.0.0")  # noqa: S104 no socket, a test at fault


def _each(form: Form, nothing: T, convert: Callable[[object], T]) -> dict[str, T]:
    return {key: form.read(key, nothing, convert) for key in form.each()}


def _as_list(raw: object) -> list[Mapping[str, Any]]:
    if not isinstance(raw, list):
        raise UnfitError("tests are written `[[test]]`")
    return [as_table(one) for one in raw]


def _as_ip(raw: object) -> IPv4Address | IPv6Address:
    try:
        return ip_address(as_text(raw))
    except ValueError:
        raise UnfitError(f"`{raw}` is no IP address") from None


def _as_sender(raw: object) -> Address | None:
    return NULL_SENDER if raw in ("", "<>") else Address.parse(as_text(raw))


def _as_addresses(raw: object) -> tuple[Address, ...]:
    return tuple(Address.parse(text) for text in as_texts(raw))


def _as_reply(raw: object) -> str:
    return str(as_number(raw)) if isinstance(raw, int) else as_text(raw)


def _as_wanted(raw: object) -> Wanted:
    return raw if isinstance(raw, bool) else as_texts(raw)
