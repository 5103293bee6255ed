from __future__ import annotations

from tests.inspect.drawing.pictures import RULES, picture, place
from tests.rules.bench import TABLES, by_stage, compiled, sources
from vsmtp.inspect.drawing.picture import Arrow, Box
from vsmtp.inspect.drawing.portrait import portray
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.vocabulary.stages import Stage


def boxes() -> dict[str, Box]:
    return {box.key: box for box in picture().boxes()}


def test_each_stage_with_rules_has_its_tables_in_order_and_its_chains() -> None:
    assert [strip.stage for strip in picture().strips] == ["mail", "rcpt"]
    strip = picture().strips[1]
    assert [box.title for box in strip.tables] == ["your rules", "shipped rules"]
    assert {box.title for box in strip.chains} == {"chain c", "chain d"}


def test_some_stages_can_be_chosen() -> None:
    chosen = portray(compiled(RULES).graph, [Stage.RCPT, Stage.DATA], place, None)
    assert [strip.stage for strip in chosen.strips] == ["rcpt"]


def test_arrows_follow_jumps_and_the_order_of_tables() -> None:
    assert set(picture().arrows) == {
        Arrow("rcpt/rules", None, "rcpt/shipped"),
        Arrow("rcpt/rules", 0, "rcpt/c"),
        Arrow("rcpt/rules", 1, "rcpt/shipped"),
        Arrow("rcpt/c", 0, "rcpt/d"),
    }


def test_a_rule_has_its_conditions_effects_and_verdict_in_words() -> None:
    first, _, score, late, trust = boxes()["rcpt/rules"].entries
    assert first.conditions == (
        "when client.stranger is true",
        "any of helo.literal is true",
        "or helo.esmtp is false",
        "unless rcpt.local is abuse",
    )
    assert (first.verdict, first.tone) == ("jump to c", "on")
    assert score.conditions == ("always",)
    assert score.effects == ("add var.score = 2",)
    assert late.breaks
    assert (trust.tone, trust.place) == ("good", "rules:rcpt:4")


def test_hits_stand_beside_the_rules() -> None:
    counted = {box.key: box for box in picture({"rcpt/score": 3}).boxes()}["rcpt/rules"]
    assert [entry.hits for entry in counted.entries] == [0, 0, 3, 0, 0]
    assert boxes()["rcpt/rules"].entries[0].hits is None


def test_the_chain_of_a_domain_stands_among_the_tables() -> None:
    rule = {"name": "x", "stage": "rcpt", "discard": True}
    ruleset = Ruleset(
        by_stage("rules", {"rcpt": [{"name": "r", "return": True}]}),
        sources("chains", {"c": [rule]}),
        {},
        domains={"example.org": {"incoming": "c", "internal": "none"}},
    )
    strip = portray(compile_rules(ruleset, TABLES).graph, tuple(Stage), place, None).strips[0]
    assert [box.about for box in strip.tables] == ["", "for incoming mail of example.org"]
    assert strip.chains == ()


def test_the_rules_of_a_domains_own_table_are_called_so() -> None:
    own = sources("domains", {"x": [{"name": "x", "stage": "rcpt", "discard": True}]})["x"]
    ruleset = Ruleset({}, {}, {}, domains={"example.org": {"incoming": own}})
    (box,) = portray(compile_rules(ruleset, TABLES).graph, tuple(Stage), place, None).boxes()
    assert (box.title, box.about) == ("a domain's own rules", "for incoming mail of example.org")
