"""A rule's choice of transport, with the host, the login or the path that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from vsmtp.config.models.delivery import OutboundTls
from vsmtp.config.models.types import HostPort, SecretSource, parse_host_port
from vsmtp.effects.paths import render_path
from vsmtp.effects.unfit import Unfit
from vsmtp.rules.effects import Forward, ForwardHost, ForwardRelay, Maildir, NoDelivery, TransportEffect
from vsmtp.rules.template import Template, render_text
from vsmtp.rules.urls import PORTS, Scheme, parse_url
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.answers import Facts


@dataclass(frozen=True, slots=True)
class Login:
    """How we identify ourselves; a secret still to be read where the tree only says where it is kept."""

    user: str
    password: Secret | SecretSource


@dataclass(frozen=True, slots=True)
class ToRelay:
    """To the server declared as `[relays.<name>]`."""

    name: str


@dataclass(frozen=True, slots=True)
class ToHost:
    """To that server, by that protocol."""

    scheme: Scheme
    where: HostPort
    tls: OutboundTls
    login: Login | None = None


@dataclass(frozen=True, slots=True)
class ToMaildir:
    """Into the Maildir of that path: absolute, or from the home of the recipient's user where `in_home`."""

    path: str
    in_home: bool


@dataclass(frozen=True, slots=True)
class ToNobody:
    """Nowhere: it counts as delivered."""


Way: TypeAlias = ToRelay | ToHost | ToMaildir | ToNobody


def as_way(effect: TransportEffect, facts: Facts) -> Way | Unfit:
    """The way that the effect means, its texts filled in through the facts of its `Fired`."""
    match effect:
        case Forward(url):
            return _to_url(render_text(url, facts))
        case ForwardRelay(name):
            return ToRelay(name)
        case ForwardHost():
            return _to_host(effect, facts)
        case Maildir(path, in_home):
            found = render_path(path, facts)
            return found if isinstance(found, Unfit) else ToMaildir(found, in_home)
        case NoDelivery():
            return ToNobody()


def _to_url(text: str) -> ToHost | Unfit:
    try:
        url = parse_url(text)
    except ValueError as error:
        return Unfit(str(error))
    return ToHost(url.scheme, url.where, "required" if url.scheme == "smtps" else "may")


def _to_host(effect: ForwardHost, facts: Facts) -> ToHost | Unfit:
    host = render_text(effect.host, facts)
    try:
        where = parse_host_port(f"[{host}]:{effect.port}" if ":" in host else f"{host}:{effect.port}")
    except ValueError as error:
        return Unfit(str(error))
    scheme: Scheme = "smtps" if effect.port == PORTS["smtps"] else "smtp"
    return ToHost(scheme, where, effect.tls, _login(effect, facts))


def _login(effect: ForwardHost, facts: Facts) -> Login | None:
    if effect.user is None or effect.password is None:
        return None
    password = effect.password
    return Login(
        render_text(effect.user, facts),
        _secret(password, facts) if isinstance(password, Template) else password,
    )


def _secret(template: Template, facts: Facts) -> Secret:
    # A column of type `secret` is never rendered: its text is taken as it is, and printed nowhere.
    answer = facts.ask(template.facts[0])
    return answer if isinstance(answer, Secret) else Secret(render_text(template, facts))
