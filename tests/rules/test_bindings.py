from __future__ import annotations

from typing import Any

import pytest

from tests.rules.bench import LiteralFacts, compiled, decide, faults, pipeline, run
from vsmtp.rules.evaluate import Walk
from vsmtp.rules.template import parse_template, render_text
from vsmtp.values.answer import MISSING, Unavailable
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

ONE = "table:vips:rcpt.domain"
ALL = "table:vips:rcpts.domain"
TWO = ("a", "b")
USER = 'lookup.user = { table = "users", key = "{rcpt.address}" }'


def rcpt(body: str, name: str = "r") -> str:
    return f'[[rules.rcpt]]\nname = "{name}"\n{body}\n'


@pytest.mark.parametrize(
    ("test", "answers", "holds"),
    [
        ("when.user.quota.gt = '1 MiB'", {"lookup:0.quota": 2**20 + 1}, True),
        ("when.user.quota.gt = '1 MiB'", {"lookup:0.quota": 5}, False),
        ("when.user.found = false", {"lookup:0.found": False}, True),
        ("when.user.active = true", {"lookup:0.active": True}, True),
        ("when.user.home.starts_with = '/home'", {"lookup:0.home": "/home/ann"}, True),
        ("when.user.home.exists = false", {}, True),
        ("when.rcpt.local = '{user.name}'", {"rcpt.local": "Ann", "lookup:0.name": "ann"}, True),
    ],
)
def test_a_rule_asks_for_columns_of_the_row_it_looks_up(
    test: str, answers: dict[str, Answer], *, holds: bool
) -> None:
    assert (decide(rcpt(f"{USER}\n{test}\ndiscard = true"), answers, Stage.RCPT).verdict is not None) == holds


def test_the_same_question_is_one_binding() -> None:
    text = rcpt(f"{USER}\nwhen.user.found = true\ndiscard = true", "a")
    text += rcpt(f"{USER.replace('user', 'owner', 1)}\nwhen.owner.found = true\ndiscard = true", "b")
    text += rcpt(
        'lookup.user = { table = "vips", key = "{rcpt.address}" }\ndo = [{ log = "{user.value}" }]', "c"
    )
    result = compiled(text)
    assert result.faults == ()
    assert [(each.id, each.table, str(each.key)) for each in result.graph.bindings] == [
        (0, "users", "{rcpt.address}"),
        (1, "vips", "{rcpt.address}"),
    ]


def test_what_is_bound_for_all_is_there_in_every_rule_that_knows_its_key() -> None:
    lookups = '[lookups.user]\ntable = "users"\nkey = "{rcpt.address}"\n'
    assert faults(lookups + rcpt("when.user.quota.gt = 0\ndiscard = true")) == []
    early = faults(lookups + "[[rules.mail]]\nname = 'm'\nwhen.user.quota.gt = 0\ndiscard = true")
    assert [(fault.code, fault.help) for fault in early] == [
        ("fact-too-early", "`rcpt` is the first stage with it")
    ]
    about_one = faults(lookups + "[[rules.data]]\nname = 'm'\nwhen.user.quota.gt = 0\ndiscard = true")
    assert [fault.code for fault in about_one] == ["fact-too-early"]
    assert "`user.quota`" in about_one[0].message


def test_a_key_may_use_a_row_that_was_looked_up_before() -> None:
    text = rcpt(
        USER
        + '\nlookup.group = { table = "vips", key = "{user.group}" }\nwhen.group.found = true\ndiscard = true'
    )
    result = compiled(text)
    assert result.faults == ()
    assert result.graph.bindings[1].key.facts == ("lookup:0.group",)


def test_a_lookup_of_one_rule_is_unknown_to_the_next() -> None:
    text = rcpt(f"{USER}\nwhen.user.found = true\ndiscard = true", "a") + rcpt(
        "when.user.found = true\ndiscard = true", "b"
    )
    assert [fault.code for fault in faults(text)] == ["unknown-fact"]


@pytest.mark.parametrize(
    ("body", "code", "remedy"),
    [
        ('lookup.user = { table = "usrs", key = "x" }', "unknown-table", "`users`"),
        ('lookup.user = { table = "local_domains", key = "x" }', "unknown-table", ""),
        ('lookup.user = { table = 1, key = "x" }', "wrong-type", ""),
        ('lookup.user = { table = "users" }', "missing-key", "`key"),
        ('lookup.user = { table = "users", key = "x", kye = "y" }', "unknown-key", "key"),
        ('lookup.user = { table = "users", key = "{rcpt.domian}" }', "unknown-fact", "rcpt.domain"),
        ('lookup.user = { table = "users", key = "{open" }', "bad-template", ""),
        ('lookup.user = "users"', "wrong-type", ""),
        ('lookup = "users"', "wrong-type", ""),
        ('lookup.sender = { table = "users", key = "x" }', "reserved-name", ""),
        ('lookup.service = { table = "users", key = "x" }', "reserved-name", ""),
        ('lookup.under = { table = "users", key = "x" }', "reserved-name", ""),
        ('lookup."a b" = { table = "users", key = "x" }', "reserved-name", ""),
        (f"{USER}\nwhen.user.password = 'x'", "secret-column", "password"),
        (f"{USER}\nwhen.user.password.exists = true", "secret-column", "password"),
        (f"{USER}\ndo = [{{ log = '{{user.password}}' }}]", "secret-column", "password"),
        (f"{USER}\nwhen.user.quota.under = 'x'", "bad-test", "it has"),
        (f"{USER}\nwhen.usr.quota.gt = 1", "unknown-fact", "user.quota"),
        (f"{USER}\nwhen.user.quota.gt = 'much'", "wrong-type", ""),
        (f"{USER}\nwhen.user.qota.gt = 1", "unknown-fact", "`user.quota`"),
        (f"{USER}\ndo = [{{ log = '{{user.zzzzzzzz}}' }}]", "unknown-fact", "`active`"),
    ],
)  # fmt: skip
def test_a_lookup_that_cannot_be_is_a_fault(body: str, code: str, remedy: str) -> None:
    (fault,) = faults(rcpt(f"{body}\ndiscard = true"))
    assert fault.code == code
    assert remedy in fault.help


@pytest.mark.parametrize(
    ("test", "answers", "holds"),
    [
        ("when.rcpt.address = '@vips'", {"rcpt.address": "a", "table:vips:rcpt.address": True}, True),
        ("when.rcpt.address = '@vips'", {"rcpt.address": "a", "table:vips:rcpt.address": False}, False),
        ("when.rcpt.address.not = '@vips'", {"rcpt.address": "a", "table:vips:rcpt.address": False}, True),
        (
            "when.rcpt.domain.not_in = ['@local_domains', '@vips']",
            {"rcpt.domain": "x.example", ONE: False},
            True,
        ),
        (
            "when.rcpt.domain.not_in = ['@local_domains', '@vips']",
            {"rcpt.domain": "example.org", ONE: False},
            False,
        ),
        ("when.rcpt.domain = ['x.example', '@vips']", {"rcpt.domain": "X.example", ONE: False}, True),
        ("when.rcpt.domain.under = '@vips'", {"rcpt.domain": "a.b", "under:vips:rcpt.domain": True}, True),
        (
            "when.sender.domain = '@vips'",
            {"sender.domain": MISSING, "table:vips:sender.domain": MISSING},
            False,
        ),
        (
            "when.sender.domain.not = '@vips'",
            {"sender.domain": MISSING, "table:vips:sender.domain": MISSING},
            True,
        ),
        ("when.rcpts.domain = '@vips'", {"rcpts.domain": TWO, ALL: (False, True)}, True),
        ("when.rcpts.domain.all = { in = '@vips' }", {"rcpts.domain": TWO, ALL: (False, True)}, False),
        (
            "when.rcpts.domain.any = { in = '@vips', not = 'b' }",
            {"rcpts.domain": TWO, ALL: (False, True)},
            False,
        ),
        ("when.rcpts.domain.none = { in = '@vips' }", {"rcpts.domain": (), ALL: ()}, True),
    ],
)
def test_a_table_that_is_asked_while_rules_run_is_a_test_like_any_other(
    test: str, answers: dict[str, Answer], *, holds: bool
) -> None:
    assert (decide(rcpt(f"{test}\ndiscard = true"), answers, Stage.RCPT).verdict is not None) == holds


def test_a_table_that_is_down_leaves_a_rule_undecided() -> None:
    text = rcpt("when.rcpt.domain.not = '@vips'\nreject = '550 No'")
    ended = decide(text, {"rcpt.domain": "a", ONE: Unavailable("down")}, Stage.RCPT)
    assert ended.unavailable == ("table:vips:rcpt.domain",)


def test_a_template_prints_columns_in_their_own_type() -> None:
    text = rcpt(f"{USER}\nreject = '550 5.2.2 {{user.name|nobody}} has {{user.quota}}'")
    answers: dict[str, Any] = {"lookup:0.quota": 100, "lookup:0.name": "a\r\nb"}
    facts = LiteralFacts(answers)
    _, ended = run(Walk(pipeline(text, Stage.RCPT), facts), facts)
    assert str(getattr(ended.verdict, "reply", "")) == "550 5.2.2 a b has 100"


def test_a_template_is_told_as_it_was_written() -> None:
    result = compiled(rcpt(f"{USER}\ndo = [{{ log = '{{{{x}} {{user.name|none}}' }}]"))
    assert result.faults == ()
    assert str(result.graph.bindings[0].key) == "{rcpt.address}"
    for text in ("{{x} {sender.domain|none}", "plain }", "{sender.domain}{rcpts.count}"):
        assert str(parse_template(text)) == text
        assert render_text(parse_template(str(parse_template(text))), LiteralFacts({})) == render_text(
            parse_template(text), LiteralFacts({})
        )


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ("when.var.score.gt = 5", []),
        ("when.var.name = 'x'", []),
        ("when.var.flag = true", []),
        ("when.rcpt.var.mark = 'x'", []),
        ("when.var.scroe.gt = 5", ["unknown-fact"]),
        ("when.var.name.gt = 5", ["bad-test"]),
        ("reject = '550 {var.nothing}'", ["unknown-fact"]),
        ("when.rate.per_client.gt = 5", []),
        ("when.rate.per_clint.gt = 5", ["unknown-limiter"]),
        ("when.service.scan.verdict = 'x'\nallow = ['unanswered-fact']", []),
        ("when.service.scn.verdict = 'x'", ["unknown-service"]),
        ("when.client.rdns = 'x.example'", ["unanswered-fact"]),
        ("when.client.rdns = 'x.example'\nallow = ['unanswered-fact']", []),
        ("when.client.rdns = 'x.example'\nallow = ['never-true']", ["unanswered-fact"]),
        ("when.dnsbl.zen = true", ["unanswered-fact"]),
        ("when.spf.result = 'fial'", ["unanswered-fact", "impossible-value"]),
        ("when.rcpt.domian = 'x'\nallow = ['unanswered-fact']", ["unknown-fact"]),
    ],
)  # fmt: skip
def test_names_that_others_declare_are_looked_up(body: str, codes: list[str]) -> None:
    variables = "{ name = 'a', flag = true, rcpt = { mark = '{rcpt.local}' } }"
    given = f"do = [{{ add = {{ score = 1 }} }}, {{ set = {variables} }}]"
    text = rcpt(given, "gives") + rcpt(body, "asks")
    assert [fault.code for fault in faults(text)] == codes


def test_a_rate_is_known_once_what_it_counts_by_is() -> None:
    text = "[[rules.helo]]\nname = 'r'\nwhen.rate.{}.gt = 1\ndiscard = true"
    assert faults(text.format("per_client")) == []
    assert [fault.code for fault in faults(text.format("per_user"))] == ["fact-too-early"]


def test_a_quantified_pattern_binds_its_groups_too() -> None:
    test = "when.message.headers.x-spam.any = { matches = '^(?P<word>[a-z]+)', not = 'ham' }"
    text = f"[[rules.prequeue]]\nname = 'r'\n{test}\nreject = '550 {{match.word}}'"
    ended = decide(text, {"message.headers.x-spam": ("1", "eggs 2")}, Stage.PREQUEUE)
    assert str(getattr(ended.verdict, "reply", "")) == "550 5.7.1 eggs"
