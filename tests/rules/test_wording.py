from __future__ import annotations

import pytest

from tests.rules.bench import pipeline
from vsmtp.rules.wording import describe_condition, describe_move
from vsmtp.vocabulary.stages import Stage

LOOKUP = 'lookup.user = { table = "users", key = "{rcpt.address}" }\n'


def described(body: str, stage: str = "rcpt") -> str:
    text = f'[[rules.{stage}]]\nname = "r"\n{body}\ndo = [{{ log = "x" }}]'
    (node,) = pipeline(text, Stage[stage.upper()]).root
    return " and ".join(map(describe_condition, node.placed[0].rule.when[0]))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "when.rcpt.domain.not_in = ['@local_domains', '@relay_domains']",
            "rcpt.domain not in @local_domains, @relay_domains",
        ),
        ("when.rcpt.domain = '@vips'", "rcpt.domain in @vips"),
        ("when.rcpt.domain = 'Example.org'", "rcpt.domain is Example.org"),
        ("when.sender.null = true", "sender.null is true"),
        ("when.sender.size.gt = '1 MiB'", "sender.size > `1 MiB`"),
        ("when.time.hour.between = [22, 6]", "time.hour between `22 to 6`"),
        ("when.time.hour.between = [[22, 6], [12, 13]]", "time.hour between `22 to 6`, `12 to 13`"),
        ("when.rcpt.address.matches = '^a'", "rcpt.address matches `^a`"),
        ("when.helo.name.exists = false", "helo.name does not exist"),
        ("when.rcpt.known.unavailable = true", "rcpt.known is unavailable"),
        (
            "when.rcpts.domain.all = { under = 'a.example', not = 'b.a.example' }",
            "all rcpts.domain under a.example and is not b.a.example",
        ),
        ("when.sender.domain.not = '{rcpt.domain}'", "sender.domain is not {rcpt.domain}"),
        (LOOKUP + "when.user.quota.le = 5", "user.quota <= 5"),
        (
            "when.client.ip = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']",
            "client.ip in 10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, and 2 more",
        ),
        ("when.rcpt.known = true\nwhen.rcpt.local = ['a', '']", "rcpt.known is true and rcpt.local in a, ``"),
        ("when.client.ip = []", "client.ip in nothing"),
    ],
)
def test_a_condition_reads_as_an_administrator_would_say_it(body: str, words: str) -> None:
    assert described(body) == words


def test_a_moment_is_older_than_a_duration() -> None:
    assert described("when.message.date.older_than = '5d'", "prequeue") == "message.date older than 5d"


def test_one_condition_may_have_several_tests() -> None:
    test = 'when.rcpt.domain = { under = "a.example", not = "b.a.example" }'
    text = f'[[rules.rcpt]]\nname = "r"\n{test}\ndo = [{{ log = "x" }}]'
    (node,) = pipeline(text, Stage.RCPT).root
    (condition,) = node.placed[0].rule.when[0]
    assert describe_condition(condition) == "rcpt.domain under a.example and rcpt.domain is not b.a.example"


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("accept = true", "accept"),
        ("return = true", "return"),
        ("discard = true", "discard"),
        ("reject = '550 5.7.1 No'", "reject 550 5.7.1 No"),
        ("reject = '550 5.7.1 No'\nclose = true", "reject 550 5.7.1 No and close"),
        ("reject = '550 5.7.1 No {rcpt.local}'", "reject 550 5.7.1 No {rcpt.local}"),
        ("defer = '450 Later'", "defer 450 4.7.1 Later"),
        ("quarantine = 'virus'", "quarantine virus"),
        ("jump = 'c'", "jump to c"),
    ],
)
def test_a_verdict_reads_as_it_is_written(verdict: str, words: str) -> None:
    text = f'[[rules.rcpt]]\nname = "r"\n{verdict}\n[[chains.c]]\nname = "x"\ndo = [{{ log = "x" }}]'
    (node,) = pipeline(text, Stage.RCPT).root
    move = node.placed[0].rule.move
    assert move is not None
    assert describe_move(move) == words
