from __future__ import annotations

from pathlib import Path

import pytest

from tests.inspect.proof.proving import prover
from tests.inspect.proof.test_prove import LEAKS
from vsmtp.inspect.proof.evident import needs_proof

CLOSED = """
[quarantines.held]
[[rules.connect]]
name = "c"
when.client.ip = "192.0.2.0/24"
defer = "450 4.7.1 Later"
[[rules.rcpt]]
name = "r"
when.sender.domain = "friend.example"
return = true
[[rules.rcpt]]
name = "j"
jump = "more"
[[rules.prequeue]]
name = "p"
do = [{ add_header = { name = "X-A", value = "b" } }]
[[chains.more]]
name = "m"
when.sender.local = "a"
reject = "550 5.7.1 No"
"""


def is_open(root: Path, rules: str) -> bool:
    ready = prover(root, rules)
    return needs_proof(ready.tree, ready.graph)


def test_rules_that_only_refuse_need_no_proof(tmp_path: Path) -> None:
    assert not is_open(tmp_path, CLOSED)
    assert not is_open(tmp_path, "")


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS.keys())
def test_whatever_leaks_is_not_passed_over(tmp_path: Path, leak: str) -> None:
    (tmp_path / "vips.csv").write_text("a@b.example\n")
    assert is_open(tmp_path, leak)


@pytest.mark.parametrize(
    "rules",
    [
        '[rules]\ndisable = ["rcpt/no-relaying"]\n',
        '[[rules.rcpt]]\nname = "a"\nwhen.sender.local = "a"\nquarantine = "q"\n[quarantines.q]\n',
        '[[rules.helo]]\nname = "a"\nwhen.helo.name = "a.example"\ntrust = true\n',
        '[[rules.rcpt]]\nname = "a"\nwhen.rcpt.local = "a"\ndiscard = true\n',
        CLOSED + '[[chains.more]]\nname = "o"\nwhen.sender.local = "b"\naccept = true\n',
        '[[invariants]]\nname = "i"\nwhen.sender.local = "a"\nexpect = "accepted"\n',
    ],
)
def test_what_may_let_something_pass_is_to_be_proved(tmp_path: Path, rules: str) -> None:
    assert is_open(tmp_path, rules)
