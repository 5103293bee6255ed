from __future__ import annotations

import pytest

from tests.rules.bench import LiteralFacts
from vsmtp.effects.headers import as_edit
from vsmtp.effects.logs import Line, as_line
from vsmtp.message.edits import AddField, Edit, PrependField, RemoveField, RenameField, SetField
from vsmtp.rules.effects import (
    AddHeader,
    HeaderEffect,
    Log,
    PrependHeader,
    RemoveHeader,
    RenameHeader,
    SetHeader,
)
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.template import parse_template
from vsmtp.vocabulary.stages import Stage

FACTS = LiteralFacts({"sender.domain": "b\r\nX-Evil: 1"})
VALUE = parse_template("from {sender.domain}")
TEXT = "from b X-Evil: 1"


@pytest.mark.parametrize(
    ("effect", "edit"),
    [
        (AddHeader("X-A", VALUE), AddField("X-A", TEXT)),
        (PrependHeader("X-A", VALUE), PrependField("X-A", TEXT)),
        (SetHeader("X-A", VALUE), SetField("X-A", TEXT)),
        (RenameHeader("X-A", "X-B"), RenameField("X-A", "X-B")),
        (RemoveHeader("X-*"), RemoveField("X-*")),
    ],
)
def test_an_effect_becomes_an_edit(effect: HeaderEffect, edit: Edit) -> None:
    assert as_edit(effect, FACTS) == edit


def test_a_log_effect_becomes_one_line() -> None:
    rule = RuleInfo("r", Stage.MAIL, ("rules", "mail", 0))
    assert as_line(Log("warning", VALUE), rule, FACTS) == Line("warning", TEXT, rule)
