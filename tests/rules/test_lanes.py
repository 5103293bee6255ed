"""Lanes against the plain meaning of their tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.rules.lanes import is_dear, lane_of
from vsmtp.rules.language import Literal, Op
from vsmtp.rules.predicates import holds
from vsmtp.values.address import Address
from vsmtp.vocabulary.types import Type

TEXTS = st.text(st.sampled_from("aAbß.?é"), max_size=6)
PARTS = st.text(st.sampled_from("abs.?é"), min_size=1, max_size=3)
OF_TEXT = st.sampled_from([Op.STARTS_WITH, Op.ENDS_WITH, Op.CONTAINS])


@given(OF_TEXT, st.lists(st.lists(PARTS, min_size=1, max_size=3), min_size=1, max_size=40), TEXTS)
def test_a_text_hits_the_rows_whose_test_holds_of_it(op: Op, operands: list[list[str]], text: str) -> None:
    entries = [(row, Literal(op, False, tuple(some))) for row, some in enumerate(operands)]
    hits = lane_of(op, Type.TEXT)(Type.TEXT, entries).hits(text)
    expected = [holds(literal, Type.TEXT, text, {}) for _, literal in entries]
    assert [bool(hits >> row & 1) for row, _ in entries] == expected


@pytest.mark.parametrize(("op", "operand", "hit"), [
    (Op.STARTS_WITH, "ann.", True), (Op.STARTS_WITH, "ann.b@example.org", True),
    (Op.STARTS_WITH, "ann.b@example.orgs", False), (Op.ENDS_WITH, ".org", True), (Op.ENDS_WITH, "ann", False),
    (Op.CONTAINS, "b@e", True), (Op.CONTAINS, "b@o", False),
])  # fmt: skip
def test_an_address_is_looked_at_as_printed(op: Op, operand: str, hit: bool) -> None:  # noqa: FBT001
    lane = lane_of(op, Type.ADDRESS)(Type.ADDRESS, [(3, Literal(op, False, (operand,)))])
    assert lane.hits(Address("Ann.B", "Example.ORG")) == (8 if hit else 0)


def test_many_rows_are_found_by_the_few_that_share_an_operand() -> None:
    entries = [(row, Literal(Op.STARTS_WITH, False, (f"{row // 2}.",))) for row in range(2_000)]
    assert lane_of(Op.STARTS_WITH, Type.TEXT)(Type.TEXT, entries).hits("700.x") == 3 << 1_400


@pytest.mark.parametrize(("op", "parts", "dear"), [
    (Op.CONTAINS, 5, False), (Op.CONTAINS, 500, True), (Op.ENDS_WITH, 500, False), (Op.MATCHES, 1, True),
])  # fmt: skip
def test_only_what_needs_re2_is_dear(op: Op, parts: int, dear: bool) -> None:  # noqa: FBT001
    entries = [(row, Literal(op, False, (f"part{row}",))) for row in range(parts)]
    assert is_dear(lane_of(op, Type.TEXT)(Type.TEXT, entries)) is dear
