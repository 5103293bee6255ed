from __future__ import annotations

from typing import get_args

import pytest

from tests.effects.sheet import FakeSheet
from tests.rules.bench import LiteralFacts
from vsmtp.config.models.types import HostPort, SecretSource
from vsmtp.effects import carry
from vsmtp.effects.carry import carry_out
from vsmtp.effects.envelope import (
    RecipientAdded,
    RecipientRemoved,
    RecipientRewritten,
    SenderRewritten,
)
from vsmtp.effects.exports import Export
from vsmtp.effects.logs import Line
from vsmtp.effects.notices import Notice
from vsmtp.effects.tables import ColumnAdded, RowRemoved, RowSet
from vsmtp.effects.transports import Login, ToHost, ToMaildir, ToNobody, ToRelay
from vsmtp.message.edits import AddField, AddMailbox, RemoveMailbox, ReplaceAuthor, ReplaceMailbox
from vsmtp.rules.effects import (
    AddHeader,
    AddRcpt,
    AddTo,
    AddVariables,
    Count,
    Dump,
    Effect,
    Forward,
    ForwardHost,
    ForwardRelay,
    Log,
    Maildir,
    NoDelivery,
    Notify,
    RemoveRcpt,
    RemoveTo,
    RewriteFrom,
    RewriteRcpt,
    RewriteSender,
    RewriteTo,
    SetVariables,
    TableAdd,
    TableRemove,
    TableSet,
    Write,
)
from vsmtp.rules.evaluate import Fired
from vsmtp.rules.language import RuleInfo
from vsmtp.rules.template import Template, parse_template
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.answers import Answer
from vsmtp.vocabulary.stages import Stage

FACTS: dict[str, Answer] = {
    "sender.address": Address("ann", "x.example"),
    "sender.domain": "x.example",
    "sender.null": False,
    "rcpt.local": "Bob/../x",
    "helo.name": "a\r\nBcc: evil",
    "var.n": 3,
    "var.t": "text",
    "spf.domain": Unavailable("down"),
    "client.ip": "192.0.2.1",
}
ANN = Address("ann", "x.example")
A = Address("a", "b.example")


def told(effect: Effect, stage: Stage = Stage.RCPT, facts: dict[str, Answer] | None = None) -> list[object]:
    sheet = FakeSheet()
    fired = Fired(RuleInfo("r", stage, ("rules",)), (effect,), LiteralFacts(facts or FACTS))
    carry_out(effect, fired, sheet)
    return sheet.told


def words(text: str) -> Template:
    return parse_template(text)


@pytest.mark.parametrize(("effect", "change"), [
    (AddHeader("X-A", words("{sender.domain}")), AddField("X-A", "x.example")),
    (RewriteFrom(words("{sender.address}")), ReplaceAuthor("ann@x.example")),
    (RewriteTo(words("a@b.example"), words("{sender.address}")),
     ReplaceMailbox("a@b.example", "ann@x.example")),
    (AddTo(words("a@b.example")), AddMailbox("a@b.example")),
    (RemoveTo(words("a@b.example")), RemoveMailbox("a@b.example")),
    (AddRcpt(words("a@b.example"), ("never",)), RecipientAdded(A, ("never",))),
    (RemoveRcpt(words("{sender.address}")), RecipientRemoved(ANN)),
    (RewriteRcpt(words("a@b.example")), RecipientRewritten(A)),
    (RewriteSender(words("a@b.example")), SenderRewritten(A)),
    (RewriteSender(words("<>")), SenderRewritten(NULL_SENDER)),
    (RewriteSender(words("{auth.user}")), SenderRewritten(NULL_SENDER)),
    (ForwardRelay("p"), ToRelay("p")),
    (Forward(words("smtp://mx.{sender.domain}")), ToHost("smtp", HostPort("mx.x.example", 25), "may")),
    (Forward(words("smtps://[2001:db8::1]")), ToHost("smtps", HostPort("2001:db8::1", 465), "required")),
    (Forward(words("SMTP://[2001:db8::1]:2525/")), ToHost("smtp", HostPort("2001:db8::1", 2525), "may")),
    (ForwardHost(words("::1"), 587, "verified", words("u"), SecretSource("env", "P")),
     ToHost("smtp", HostPort("::1", 587), "verified", Login("u", SecretSource("env", "P")))),
    (ForwardHost(words("h.example"), 465, "required"),
     ToHost("smtps", HostPort("h.example", 465), "required")),
    (Maildir(words("/srv/{rcpt.local}")), ToMaildir("/srv/Bob%2F..%2Fx", in_home=False)),
    (Maildir(words("/M/{sender.domain}"), in_home=True), ToMaildir("/M/x.example", in_home=True)),
    (NoDelivery(), ToNobody()),
    (SetVariables((("var.x", words("{sender.domain}!")),)), ("var.x", "x.example!")),
    (SetVariables((("var.x", True),)), ("var.x", True)),
    (SetVariables((("var.x", words("{spf.domain}")),)), ("var.x", Unavailable("down"))),
    (AddVariables((("var.n", 1.5),)), ("var.n", 4.5)),
    (AddVariables((("var.other", 2),)), ("var.other", 2)),
    (TableSet("t", words("{client.ip}"), (("value", words("{sender.domain}")), ("n", 1)), if_absent=True),
     RowSet("t", "192.0.2.1", {"value": "x.example", "n": 1}, if_absent=True, expire=None)),
    (TableAdd("t", words("k"), "n", 2, 60.0), ColumnAdded("t", "k", "n", 2, 60.0)),
    (TableRemove("t", words("k")), RowRemoved("t", "k")),
    (Count("l", words("{sender.domain}")), ("l", "x.example")),
    (Write(words("{sender.domain}/m.eml")), Export("x.example/m.eml", "message")),
    (Dump(words("{rcpt.local}")), Export("Bob%2F..%2Fx", "facts")),
    (Notify(words("a@b.example"), words("{helo.name}"), words("t")), Notice(A, "a Bcc: evil", "t")),
    (Log("error", words("{helo.name}")),
     Line("error", "a Bcc: evil", RuleInfo("r", Stage.RCPT, ("rules",)))),
])  # fmt: skip
def test_an_effect_reaches_its_place(effect: Effect, change: object) -> None:
    assert told(effect) == [change]


def test_every_effect_has_somebody_who_carries_it_out() -> None:
    assert set(carry._CARRIERS) == set(get_args(Effect))


@pytest.mark.parametrize("effect", [
    AddRcpt(words("{helo.name}")),
    RewriteTo(words("a@b.example"), words("nobody")),
    RewriteFrom(words("{auth.user}")),
    Forward(words("gopher://x.example")),
    Forward(words("smtp://{auth.user}")),
    ForwardHost(words("a b"), 25, "may"),
    Maildir(words("/srv/{auth.user}")),
    Notify(words("{helo.name}"), words("s"), words("t")),
    AddVariables((("var.t", 1),)),
])  # fmt: skip
def test_a_text_that_makes_no_sense_is_told_and_changes_nothing(effect: Effect) -> None:
    (said,) = told(effect)
    assert isinstance(said, tuple)
    assert said[:2] == ("unfit", type(effect).__name__)


def test_several_variables_are_set_in_order() -> None:
    effect = SetVariables((("var.a", 1), ("var.b", 2)))
    assert told(effect) == [("var.a", 1), ("var.b", 2)]


def test_nothing_is_counted_for_a_key_that_is_absent() -> None:
    assert told(Count("l", words("{auth.user}"))) == []


def test_a_secret_column_becomes_a_password_as_it_is() -> None:
    effect = ForwardHost(words("h.example"), 25, "verified", words("u"), words("{match.secret}"))
    facts = {**FACTS, "match.secret": Secret("a\tb")}
    (way,) = told(effect, facts=facts)  # type: ignore[arg-type]  # a fact of type SECRET is for logins alone
    assert way == ToHost("smtp", HostPort("h.example", 25), "verified", Login("u", Secret("a\tb")))


@pytest.mark.parametrize("stage", [Stage.POSTQUEUE, Stage.DELIVERY])
def test_mail_without_a_sender_causes_no_notice_once_it_is_queued(stage: Stage) -> None:
    effect = Notify(words("a@b.example"), words("s"), words("t"))
    assert told(effect, stage, {**FACTS, "sender.null": True}) == []
    assert len(told(effect, stage)) == 1
    assert len(told(effect, Stage.PREQUEUE, {**FACTS, "sender.null": True})) == 1
