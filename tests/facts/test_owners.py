"""Which addresses a login may send from."""

from __future__ import annotations

import pytest

from tests.facts.test_answers import HEAD, NOW, book
from vsmtp.facts.answers import FactBook, World
from vsmtp.facts.owners import Owners
from vsmtp.facts.questions import RowWanted
from vsmtp.facts.rates import Rates
from vsmtp.tables.contract import Lookup, Row
from vsmtp.tables.fixed import Fixed
from vsmtp.values.address import Address
from vsmtp.values.answer import MISSING, Found, Unavailable
from vsmtp.vocabulary.answers import UNASKED, Answer

OWN = Owners("", frozenset({"x.example", "y.example"}), "+")
LISTED = Owners("owners", frozenset({"x.example"}), "+")


@pytest.mark.parametrize(
    ("user", "address", "theirs"),
    [
        ("ann@x.example", "ann@x.example", True),
        ("ann@x.example", "Ann@X.example", True),
        ("ann@x.example", "ann+news@x.example", True),
        ("ann+news@x.example", "ann+news@x.example", True),
        ("ann+news@x.example", "ann@x.example", False),
        ("ann@x.example", "ann@y.example", False),
        ("ann@x.example", "+ann@x.example", False),
        ("ann", "ann@x.example", True),
        ("ann", "ann+news@y.example", True),
        ("ann", "ann@z.example", False),
        ("ann", "bob@x.example", False),
    ],
)
def test_without_a_table_everybodys_own_address_is_theirs(user: str, address: str, *, theirs: bool) -> None:
    assert OWN.owns(user, (Address.parse(address),), None) is theirs


@pytest.mark.parametrize(
    ("listed", "address", "theirs"),
    [
        ("ann@x.example", "ann@x.example", True),
        ("bob@x.example, Sales@X.example", "sales+de@x.example", True),
        ("bob@x.example\tsales@x.example", "ann@x.example", False),
        ("@x.example", "anybody@X.example", True),
        ("@x.example", "anybody@sub.x.example", False),
        ("*", "whoever@elsewhere.example", True),
        ("", "ann@x.example", False),
    ],
)
def test_a_table_says_all_that_a_login_may_send_from(listed: str, address: str, *, theirs: bool) -> None:
    rows: tuple[Row, ...] = ({"value": listed}, {"quota": 1, "addresses": listed})
    for row in rows:
        assert LISTED.owns("ann", (Address.parse(address),), Found(row)) is theirs


def test_all_addresses_must_be_owned() -> None:
    addresses = (Address("ann", "x.example"), Address("boss", "x.example"))
    assert OWN.owns("ann@x.example", addresses, None) is False


def test_a_login_that_is_not_in_the_table_owns_nothing() -> None:
    assert LISTED.owns("ann@x.example", (Address("ann", "x.example"),), MISSING) is False


@pytest.mark.parametrize("row", [Unavailable("down"), Found({"quota": 1})])
def test_a_table_that_says_nothing_leaves_it_open(row: Lookup) -> None:
    assert isinstance(LISTED.owns("ann", (Address("a", "x.example"),), row), Unavailable)


def logged_in(head: bytes, sender: str = "joe@x.example", owners: Owners = OWN) -> FactBook:
    table = Fixed({"joe@x.example": {"value": "joe@x.example al@y.example"}})
    world = World((), {"owners": table}, Rates({}, lambda: 0.0), owners)
    about = book(head, sender)
    made = FactBook(about.connection, about.transaction, lambda: NOW, "+", world)
    made.connection.authenticated, made.connection.user = True, "joe@x.example"
    return made


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"From: Joe <joe@x.example>\r\n\r\n", True),
        (b"From: Boss <boss@x.example>\r\n\r\n", False),
        (b"From: joe@x.example, boss@x.example\r\n\r\n", False),
        (b"From: joe@x.example\r\nFrom: boss@x.example\r\n\r\n", False),
        (b"From: The Boss\r\n\r\n", False),
        (b"Subject: s\r\n\r\n", MISSING),
    ],
)
def test_every_mailbox_of_from_counts(head: bytes, answer: Answer) -> None:
    assert logged_in(head).ask("message.from_owned") == answer


@pytest.mark.parametrize(
    ("sender", "answer"), [("joe@x.example", True), ("al@x.example", False), ("", MISSING)]
)
def test_the_null_sender_is_nobodys(sender: str, answer: Answer) -> None:
    assert logged_in(HEAD, sender).ask("sender.owned") == answer


def test_a_table_is_asked_for_the_login() -> None:
    made = logged_in(HEAD, owners=LISTED)
    assert made.ask("message.from_owned") is True

    class Slow:
        async def find(self, _key: str) -> Lookup:
            return MISSING

        def close(self) -> None: ...

    made = FactBook(
        made.connection, made.transaction, lambda: NOW, "+",
        World((), {"owners": Slow()}, Rates({}, lambda: 0.0), LISTED),
    )  # fmt: skip
    assert made.ask("sender.owned") is UNASKED
    (question,) = made.wanted("sender.owned")
    assert question == RowWanted("owners", "joe@x.example")
    made.store(question, Found({"value": "Joe@X.example"}))
    assert made.ask("sender.owned") is True
