from __future__ import annotations

from typing import get_args

import pytest

from vsmtp.config.models.types import SecretSource
from vsmtp.rules import effects
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
    RemoveHeader,
    RenameHeader,
    RewriteFrom,
    RewriteRcpt,
    RewriteSender,
    RewriteTo,
    SetVariables,
    TableAdd,
    TableSet,
    changes,
    describe,
    exact_templates,
    is_binding,
    templates,
)
from vsmtp.rules.template import parse_template
from vsmtp.values.secret import Secret

T = parse_template("{helo.name}")
U = parse_template("{client.ip}")


@pytest.mark.parametrize(("effect", "changed"), [
    (AddHeader("X-A", T), {"header:x-a"}),
    (RenameHeader("A", "B"), {"header:a", "header:b"}),
    (RemoveHeader("X-*"), {"header:*"}),
    (RemoveHeader("X-A"), {"header:x-a"}),
    (RewriteFrom(T), {"header:from"}),
    (RewriteTo(T, U), {"header:to", "header:cc"}),
    (AddTo(T), {"header:to"}),
    (AddRcpt(T), {"rcpts.*"}),
    (RewriteRcpt(T), {"rcpt.*", "rcpts.*"}),
    (RewriteSender(T), {"sender.*"}),
    (SetVariables((("var.x", T), ("rcpt.var.y", 1))), {"var.x", "rcpt.var.y"}),
    (AddVariables((("var.n", 1),)), {"var.n"}),
    (TableSet("seen", T, ()), {"table:seen"}),
    (Count("l", T), {"rate.l"}),
    (NoDelivery(), set()),
    (Notify(T, T, T), set()),
    (Log("info", T), set()),
])  # fmt: skip
def test_an_effect_says_what_it_changes(effect: Effect, changed: set[str]) -> None:
    assert changes(effect) == changed


@pytest.mark.parametrize(("effect", "every", "exact"), [
    (AddHeader("X-A", T), (T,), ()),
    (Log("info", T), (T,), ()),
    (Notify(T, U, U), (T, U, U), (T,)),
    (RewriteTo(T, U), (T, U), (T, U)),
    (SetVariables((("var.x", T), ("var.y", 1))), (T,), ()),
    (TableSet("t", T, (("a", U), ("b", 1))), (T, U), (T, U)),
    (TableAdd("t", T, "n", 1), (T,), (T,)),
    (ForwardHost(T, 25, "may", U, U), (T, U, U), (T, U, U)),
    (Maildir(T), (T,), (T,)),
    (Dump(T), (T,), (T,)),
    (NoDelivery(), (), ()),
])  # fmt: skip
def test_an_effect_says_which_texts_must_be_exact(
    effect: Effect, every: tuple[object, ...], exact: tuple[object, ...]
) -> None:
    assert templates(effect) == every
    assert exact_templates(effect) == exact


def test_what_routes_mail_or_writes_tables_is_binding() -> None:
    binding = {
        *get_args(effects.EnvelopeEffect), *get_args(effects.TransportEffect), *get_args(effects.TableEffect),
    }  # fmt: skip
    assert set(effects._BINDING) == binding
    assert is_binding(AddRcpt(T))
    assert not is_binding(RewriteFrom(T))


@pytest.mark.parametrize(("effect", "words"), [
    (AddHeader("X-A", T), "add_header X-A {helo.name}"),
    (RenameHeader("A", "B"), "rename_header A B"),
    (NoDelivery(), "no_delivery"),
    (Forward(T), "forward {helo.name}"),
    (ForwardRelay("plant"), "forward @plant"),
    (TableSet("seen", T, (("x", U),), expire=172800.0), "table_set seen {helo.name} x = {client.ip} 2d"),
    (SetVariables((("var.x", T), ("var.y", 1))), "set var.x = {helo.name}, var.y = 1"),
    (AddRcpt(T, ("never",)), "add_rcpt {helo.name} never"),
    (Count("l", T), "count l {helo.name}"),
])  # fmt: skip
def test_an_effect_is_described(effect: Effect, words: str) -> None:
    assert describe(effect) == words


def test_every_effect_has_its_key() -> None:
    assert set(effects._KEYS) == set(get_args(Effect))


def test_a_secret_is_not_described() -> None:
    effect = ForwardHost(T, 25, "may", U, SecretSource("value", "", Secret("hunter2")))
    assert describe(effect) == "forward {helo.name} 25 may {client.ip}"
