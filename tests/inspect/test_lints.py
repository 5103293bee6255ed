from __future__ import annotations

from pathlib import Path

from tests.config.trees import HOST, plant
from vsmtp.inspect.check import check
from vsmtp.values.diagnostic import Diagnostic

QUEUE = '[queue]\npath = "spool"\n'


def warnings(root: Path, rules: str) -> list[Diagnostic]:
    report = check(plant(root, a10=QUEUE, b20=rules), hostname=HOST, version="1.0")
    assert report.is_sound
    return [each for each in report.diagnostics if each.code != "unwritable-path"]


def rule(name: str, body: str) -> str:
    return f'[[rules.mail]]\nname = "{name}"\n{body}\nreject = "550 5.7.1 No"\n'


def test_rules_that_shadow_one_are_named_with_their_places(tmp_path: Path) -> None:
    first, second = "when.sender.null = true", "when.sender.null = false"
    (found,) = warnings(tmp_path, rule("a", first) + rule("b", second) + rule("c", 'when.helo.name = "x"'))
    place = tmp_path / "conf.d" / "20-b.toml"
    assert (found.code, found.severity) == ("unreachable-rule", "warning")
    assert found.help == f"all that it could match was taken before it by `a` ({place}:1) and `b` ({place}:5)"
    assert found.place is not None
    assert found.place.line == 9


def test_many_rules_are_counted(tmp_path: Path) -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    each = "".join(rule(day, f'when.time.weekday = "{day}"') for day in days)
    (found,) = warnings(tmp_path, each + rule("last", ""))
    assert found.help.endswith(" and 4 more")
    assert found.help.count("20-b.toml") == 3


def test_a_chain_says_that_it_may_be_unused(tmp_path: Path) -> None:
    chain = '[[chains.c]]\nname = "x"\n{}discard = true\n'
    assert [each.code for each in warnings(tmp_path, chain.format(""))] == ["unused-chain"]
    assert warnings(tmp_path, chain.format('allow = ["unused-chain"]\n')) == []


def test_a_tree_with_errors_is_not_searched_for_oddities(tmp_path: Path) -> None:
    text = rule("a", "") + rule("b", "when.sendr.null = true")
    report = check(plant(tmp_path, a10=QUEUE, b20=text), hostname=HOST, version="1.0")
    assert [each.code for each in report.diagnostics] == ["unknown-fact"]
