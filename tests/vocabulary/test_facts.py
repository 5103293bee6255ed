from __future__ import annotations

from vsmtp.vocabulary.facts import FACTS, NAMESPACES, RESERVED, families, find_fact, is_namespace
from vsmtp.vocabulary.stages import STAGES, Stage
from vsmtp.vocabulary.types import OPERATOR_NAMES, OPERATORS, QUANTIFIERS, Type


def test_no_fact_s_name_is_a_prefix_of_another_s() -> None:
    assert not FACTS.keys() & NAMESPACES


def test_namespaces_are_no_operators_and_families_no_facts() -> None:
    assert not RESERVED & (OPERATOR_NAMES | QUANTIFIERS)
    assert not {fact.name for fact in families()} & FACTS.keys()
    prefixes = {fact.name.partition(".<")[0] for fact in families()}
    assert all(is_namespace(prefix) for prefix in prefixes)
    assert all(not is_namespace(name) for name in FACTS)
    assert not is_namespace("service.scan.verdict")


def test_the_values_of_a_fact_are_lower_case_and_told_apart() -> None:
    for fact in FACTS.values():
        assert [choice.casefold() for choice in fact.choices] == list(dict.fromkeys(fact.choices))


def test_a_family_s_member_is_a_fact_of_its_own_name() -> None:
    names = ("dnsbl.zen", "rate.Per_user", "var.x", "rcpt.var.x", "service.scan.verdict")
    assert [fact.name for name in names if (fact := find_fact(name)) is not None] == list(names)
    assert find_fact("service.scan") is None
    assert find_fact("var.") is None


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
