from __future__ import annotations

from vsmtp.vocabulary.facts import FACTS, NAMESPACES, find_fact
from vsmtp.vocabulary.stages import STAGES, Stage
from vsmtp.vocabulary.types import OPERATOR_NAMES, OPERATORS, QUANTIFIERS, Type


def test_no_fact_s_name_is_a_prefix_of_another_s() -> None:
    assert not FACTS.keys() & NAMESPACES


def test_no_fact_s_last_word_is_an_operator() -> None:
    words = {name.rsplit(".", 1)[1] for name in FACTS}
    assert not words & (OPERATOR_NAMES | QUANTIFIERS)


def test_a_header_s_name_is_found_whatever_its_case() -> None:
    fact = find_fact("message.headers.X-Spam")
    assert fact is not None
    assert (fact.name, fact.header, fact.many) == ("message.headers.x-spam", "x-spam", True)
    assert find_fact("message.headers") is None
    assert find_fact("nothing.at.all") is None


def test_every_type_has_operators_and_every_stage_a_word() -> None:
    assert OPERATORS.keys() == set(Type)
    assert STAGES["prequeue"] is Stage.PREQUEUE
