from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import tomli

from tests.rules.bench import TABLES
from vsmtp.config.models.types import SecretSource
from vsmtp.rules.deeds import read_effects
from vsmtp.rules.effects import (
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
from vsmtp.rules.names import Names
from vsmtp.rules.reading import Known, Reading
from vsmtp.rules.template import Template, parse_template
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.actions import EFFECTS, LATER_EFFECTS
from vsmtp.vocabulary.facts import Cost
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import TableTraits
from vsmtp.vocabulary.types import Type

DYNAMIC = {
    "seen": TableTraits({"value": Type.TEXT, "hits": Type.NUMBER}, Cost.LOCAL, writable=True),
    "loose": TableTraits({}, Cost.LOCAL, writable=True),
    "fixed": TableTraits({"value": Type.TEXT}, Cost.LOCAL),
}
NAMES = Names(
    limiters={"per_net": "{client.net}"}, relays=frozenset({"provider"}), services=frozenset(),
    quarantines=frozenset(),
)  # fmt: skip
VARIABLES = {"var.x": Type.TEXT, "var.n": Type.NUMBER, "rcpt.var.y": Type.NUMBER}


def desk(stage: Stage | None) -> Reading:
    return Reading(stage, Known(TABLES, frozenset(), DYNAMIC, NAMES, VARIABLES))


def read(text: str, stage: Stage | None = Stage.RCPT) -> tuple[Sequence[Effect], list[str]]:
    """Effects and faults of `do = [...]`, a fault as its code and the keys below `do`."""
    reading = desk(stage)
    raw: Any = tomli.loads(f"do = [ {{ {text} }} ]")["do"]
    effects = read_effects(reading, raw, ("do",), frozenset())
    return effects, [f"{fault.code} {'.'.join(map(str, fault.path[2:]))}" for fault in reading.faults]


def words(text: str) -> Template:
    return parse_template(text)


@pytest.mark.parametrize(("text", "effect"), [
    ('add_rcpt = "a@b.example"', AddRcpt(words("a@b.example"))),
    ('add_rcpt = { address = "a@b.example", notify = "never" }', AddRcpt(words("a@b.example"), ("never",))),
    ('add_rcpt = { address = "a@b.example", notify = ["success", "delay"] }',
     AddRcpt(words("a@b.example"), ("success", "delay"))),
    ('remove_rcpt = "{rcpt.address}"', RemoveRcpt(words("{rcpt.address}"))),
    ('rewrite_rcpt = "{rcpt.local}@b.example"', RewriteRcpt(words("{rcpt.local}@b.example"))),
    ('rewrite_from = "a@b.example"', RewriteFrom(words("a@b.example"))),
    ('rewrite_to = { from = "a@b.example", to = "c@b.example" }',
     RewriteTo(words("a@b.example"), words("c@b.example"))),
    ('add_to = "a@b.example"', AddTo(words("a@b.example"))),
    ('remove_to = "a@b.example"', RemoveTo(words("a@b.example"))),
    ('forward = "@provider"', ForwardRelay("provider")),
    ('forward = "smtp://mail.example:2525"', Forward(words("smtp://mail.example:2525"))),
    ('forward = "smtp://{rcpt.domain}"', Forward(words("smtp://{rcpt.domain}"))),
    ('forward = { host = "mail.example" }', ForwardHost(words("mail.example"), 25, "may")),
    ('forward = { host = "::1", port = 587, tls = "verified", user = "u", password = { env = "P" } }',
     ForwardHost(words("::1"), 587, "verified", words("u"), SecretSource("env", "P"))),
    ('forward = { host = "h.example", user = "u", password = { value = "p" } }',
     ForwardHost(words("h.example"), 25, "may", words("u"), SecretSource("value", "", Secret("p")))),
    ('maildir = "/srv/{rcpt.domain}/{rcpt.local}"', Maildir(words("/srv/{rcpt.domain}/{rcpt.local}"))),
    ('maildir = "{home}/Mail/{rcpt.tag|INBOX}"', Maildir(words("/Mail/{rcpt.tag|INBOX}"), in_home=True)),
    ("no_delivery = true", NoDelivery()),
    ('set = { x = "{sender.domain}", n = 1 }',
     SetVariables((("var.x", words("{sender.domain}")), ("var.n", 1)))),
    ("set = { n = 1, rcpt = { y = 2.5 } }", SetVariables((("var.n", 1), ("rcpt.var.y", 2.5)))),
    ("add = { n = -2 }", AddVariables((("var.n", -2),))),
    ("add = { rcpt = { y = 1 } }", AddVariables((("rcpt.var.y", 1),))),
    ('table_set = { table = "seen", key = "{client.net}", row = "now", if_absent = true, expire = "1d" }',
     TableSet("seen", words("{client.net}"), (("value", words("now")),), if_absent=True, expire=86400.0)),
    ('table_set = { table = "loose", key = "k", row = { a = 1, b = true } }',
     TableSet("loose", words("k"), (("a", 1), ("b", True)))),
    ('table_add = { table = "seen", key = "k" }', TableAdd("seen", words("k"), "value", 1)),
    ('table_add = { table = "seen", key = "k", column = "hits", amount = -3, expire = "5m" }',
     TableAdd("seen", words("k"), "hits", -3, 300.0)),
    ('table_remove = { table = "seen", key = "k" }', TableRemove("seen", words("k"))),
    ('count = "per_net"', Count("per_net", words("{client.net}"))),
    ('dump = "{time.date}/{client.ip}.json"', Dump(words("{time.date}/{client.ip}.json"))),
    ('notify = { to = "a@b.example", subject = "s", text = "t" }',
     Notify(words("a@b.example"), words("s"), words("t"))),
    ('log = "hello"', Log("info", words("hello"))),
])  # fmt: skip
def test_an_effect_is_read(text: str, effect: Effect) -> None:
    assert read(text) == ((effect,), [])


def test_a_message_is_written_where_there_is_one() -> None:
    assert read('write = "{queue.id}.eml"', Stage.DELIVERY) == ((Write(words("{queue.id}.eml")),), [])


@pytest.mark.parametrize("name", ["X-Received", "Received-SPF", "*-Received"])
def test_fields_that_only_sound_like_the_trace_are_anybodys(name: str) -> None:
    assert read(f'remove_header = "{name}"')[1] == []


@pytest.mark.parametrize("address", ["", "<>", "a@b.example"])
def test_a_sender_is_rewritten_even_to_none(address: str) -> None:
    assert read(f'rewrite_sender = "{address}"', Stage.MAIL) == ((RewriteSender(words(address)),), [])


@pytest.mark.parametrize(("text", "fault"), [
    ('set_header = { name = "received", value = "x" }', "protected-header set_header.name"),
    ('add_header = { name = "Return-Path", value = "x" }', "protected-header add_header.name"),
    ('rename_header = { name = "X-Trace", to = "Received" }', "protected-header rename_header.to"),
    ('remove_header = "Return-*"', "protected-header remove_header"),
    ('remove_header = "*"', "protected-header remove_header"),
    ('add_rcpt = "nobody"', "bad-address add_rcpt"),
    ('add_rcpt = ""', "bad-address add_rcpt"),
    ("add_rcpt = 5", "bad-template add_rcpt"),
    ('add_rcpt = { address = "a@b.example", notify = ["always"] }', "wrong-type add_rcpt.notify.0"),
    ('add_rcpt = { address = "a@b.example", notify = ["never", "delay"] }', "wrong-type add_rcpt.notify"),
    ('rewrite_to = { from = "a@b.example" }', "missing-key rewrite_to"),
    ('rewrite_sender = "a@b.example"', "effect-not-allowed rewrite_sender"),
    ('write = "a"', "effect-not-allowed write"),
    ('forward = "@nobody"', "unknown-relay forward"),
    ('forward = "mail.example"', "bad-host-port forward"),
    ('forward = "lmtp://mail.example"', "bad-host-port forward"),
    ('forward = { host = "a b" }', "bad-host-port forward.host"),
    ('forward = { host = "a.example", port = 0 }', "out-of-range forward.port"),
    ('forward = { host = "a.example", tls = "maybe" }', "wrong-type forward.tls"),
    ('forward = { host = "a.example", user = "u" }', "missing-key forward"),
    ('forward = { host = "a.example", user = "u", password = "p" }', "bad-secret forward.password"),
    ('forward = { host = "a.example", user = "u", password = {file="p"} }', "bad-secret forward.password"),
    ('maildir = "Maildir"', "bad-path maildir"),
    ('maildir = "/srv/../{rcpt.local}"', "bad-path maildir"),
    ('maildir = "{rcpt.local}/x"', "bad-path maildir"),
    ("maildir = true", "wrong-type maildir"),
    ("no_delivery = false", "wrong-type no_delivery"),
    ("set = 5", "wrong-type set"),
    ('set = { "a b" = 1 }', "wrong-type set.a b"),
    ("set = { x = [1] }", "bad-template set.x"),
    ("set = { x = { z = 1 } }", "wrong-type set.x"),
    ('add = { n = "1" }', "wrong-type add.n"),
    ("add = { x = 1 }", "wrong-type add.x"),
    ("add = { n = true }", "wrong-type add.n"),
    ('table_set = { table = "sen", key = "k", row = "v" }', "unknown-table table_set.table"),
    ('table_set = { table = "fixed", key = "k", row = "v" }', "not-writable table_set.table"),
    ('table_set = { table = "trusted", key = "k", row = "v" }', "not-writable table_set.table"),
    ('table_set = { table = "seen", key = "k", row = { hit = 1 } }', "unknown-key table_set.row.hit"),
    ('table_set = { table = "seen", key = "k", row = "v", expire = "x" }', "bad-duration table_set.expire"),
    ('table_add = { table = "seen", key = "k", amount = 1.5 }', "out-of-range table_add.amount"),
    ('table_add = { table = "seen", key = "k", column = "hit" }', "unknown-key table_add.column"),
    ('count = "per_nte"', "unknown-limiter count"),
    ('dump = "/etc/passwd"', "bad-path dump"),
    ('dump = "a/../b"', "bad-path dump"),
    ('dump = "a/"', "bad-path dump"),
    ('notify = { to = "x", subject = "s", text = "t" }', "bad-address notify.to"),
    ('notify = { to = "a@b.example", subject = "s" }', "missing-key notify"),
    ('log = { level = "loud", text = "t" }', "wrong-type log.level"),
    ('rewrite_rctp = "a@b.example"', "unknown-key rewrite_rctp"),
    ('remove_header = { name = "X", value = "1" }', "unknown-key remove_header.value"),
])  # fmt: skip
def test_a_fault_is_told_where_it_stands(text: str, fault: str) -> None:
    assert read(text)[1] == [fault]


@pytest.mark.parametrize("name", sorted(LATER_EFFECTS))
def test_what_comes_later_is_told_as_such(name: str) -> None:
    assert read(f"{name} = true") == ((), [f"not-yet {name}"])


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.MAIL])
def test_an_effect_on_a_recipient_is_refused_where_there_is_none(stage: Stage) -> None:
    for name in ("rewrite_rcpt", "add_rcpt", "forward", "maildir", "no_delivery"):
        assert stage not in EFFECTS[name]
    assert read("set = { rcpt = { y = 1 } }", stage)[1] == ["fact-too-early set.rcpt.y"]


def test_a_limiter_is_counted_where_its_key_is_known() -> None:
    reading = Reading(Stage.CONNECT, Known(TABLES, frozenset(), {}, Names({"per_user": "{auth.user}"})))
    read_effects(reading, [{"count": "per_user"}], ("do",), frozenset())
    assert [fault.code for fault in reading.faults] == ["fact-too-early"]
