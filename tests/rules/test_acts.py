from __future__ import annotations

import tomli

from tests.rules.bench import TABLES, by_stage
from tests.rules.book import DOWN, Book
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Asks, Ended, Fired, Walk
from vsmtp.rules.verdicts import Defer, Discard
from vsmtp.values.address import Address
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import TableTraits
from vsmtp.vocabulary.types import Type

COUNTS = {"counts": TableTraits({"seen": Type.NUMBER, "home": Type.TEXT}, Cost.LOCAL, writable=True)}
RULE = """
[[mail]]
name = "count"
lookup.before = { table = "counts", key = "{sender.address}" }
{more}
do = [
  { log = "from {before.home}" },
  { table_set = { table = "counts", key = "{sender.address}", row = { seen = 1, home = "h" } } },
  { table_set = { table = "counts", key = "{before.home}", row = { seen = 2 } } },
]
discard = true
"""
SESSION: dict[str, Answer] = {"sender.address": Address.parse("a@example.org")}
HOME = "lookup:0.home"


def walk_of(book: Book, more: str = "") -> Walk:
    rules = by_stage("rules", tomli.loads(RULE.replace("{more}", more)))
    result = compile_rules(Ruleset(rules, {}, {}), TABLES, COUNTS)
    assert result.faults == ()
    found = result.graph.stage(Stage.MAIL)
    assert found is not None
    book.bindings = result.graph.bindings
    return Walk(found, book)


def test_an_effect_that_asks_a_table_sees_what_was_written_before_it() -> None:
    book = Book(SESSION, {"counts": {}}, slow=frozenset({HOME}))
    walk = walk_of(book)
    assert walk.advance() == Asks(frozenset({HOME}))
    book.fetch(frozenset({HOME}))
    first = walk.advance()
    assert isinstance(first, Fired)
    assert len(first.effects) == 2
    book.apply(first)
    assert walk.advance() == Asks(frozenset({HOME}))
    book.fetch(frozenset({HOME}))
    second = walk.advance()
    assert isinstance(second, Fired)
    book.apply(second)
    ended = walk.advance()
    assert isinstance(ended, Ended)
    assert ended.verdict == Discard()
    assert book.rows["counts"] == {"a@example.org": {"seen": 1, "home": "h"}, "h": {"seen": 2}}
    assert [rule.name for rule in walk.matched] == ["count"]


def end_of(walk: Walk, book: Book) -> Ended:
    while not isinstance(step := walk.advance(), Ended):
        if isinstance(step, Fired):
            book.apply(step)
    return step


def test_a_key_that_cannot_be_known_stops_the_rule_where_it_stands() -> None:
    book = Book(SESSION, {"counts": None})
    ended = end_of(walk_of(book), book)
    assert isinstance(ended.verdict, Defer)
    assert ended.unavailable == (HOME,)


def test_even_a_rule_that_matches_in_doubt_defers_then() -> None:
    book = Book(SESSION, {"counts": None})
    assert isinstance(end_of(walk_of(book, 'unavailable = "match"'), book).verdict, Defer)


def test_an_address_that_cannot_be_known_leaves_the_rule_undecided_before_it_does_anything() -> None:
    book = Book({"sender.address": DOWN}, {"counts": {}})
    walk = walk_of(book, 'unavailable = "skip"')
    assert end_of(walk, book).verdict is None
    assert walk.matched == ()
    assert [skipped.unavailable for skipped in walk.skipped] == [("sender.address",)]
