"""Faults between settings that are each sound by themselves: a dict of lints, named after what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from vsmtp.config.login_lints import LOGIN_LINTS
from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import HostPort, SecretSource
from vsmtp.config.references import REFERENCE_LINTS
from vsmtp.values.diagnostic import Fault, KeyPath

Lint: TypeAlias = Callable[[Settings], Iterator[Fault]]


def _duplicate_address(settings: Settings) -> Iterator[Fault]:
    seen: dict[HostPort, str] = {}
    for name, listener in settings.listeners.items():
        for n, where in enumerate(listener.address):
            if where in seen:
                message = f"`{where}` is already an address of listener `{seen[where]}`"
                yield Fault(
                    ("listeners", name, "address", n), "duplicate-address", message, "leave one of them out"
                )
            seen.setdefault(where, name)


def _domain_in_both(settings: Settings) -> Iterator[Fault]:
    server = settings.server
    places: list[tuple[KeyPath, str]] = [
        (("server", "relay_domains", n), domain) for n, domain in enumerate(server.relay_domains)
    ]
    places += [
        (("domains", name, "class"), name) for name, domain in settings.domains.items() if domain.class_
    ]
    local, relay = _folded(settings.local_domains), _folded(settings.relay_domains)
    for path, domain in places:
        if domain.casefold() in local & relay:
            message = f"`{domain}` is both a local domain and a relay domain"
            remedy = "mail for a local domain is kept here, mail for a relay domain is passed on: choose one"
            yield Fault(path, "domain-in-both", message, remedy)


def _folded(domains: tuple[str, ...]) -> frozenset[str]:
    return frozenset(domain.casefold() for domain in domains)


def _same_domain(settings: Settings) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for name in settings.domains:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            message = f"`{name}` and `{other}` are one domain"
            yield Fault(("domains", name), "bad-domain", message, "write all of it in one table", at="key")


def _half_certificate(settings: Settings) -> Iterator[Fault]:
    tls = settings.tls
    if (tls.certificate is None) != (tls.private_key is None):
        absent = "certificate" if tls.certificate is None else "private_key"
        message = f"`{absent}` is missing: a certificate and its key belong together"
        yield Fault(
            ("tls", absent), "missing-key", message, f"write `{absent} = ...` in this table", at="key"
        )


def _no_certificate(settings: Settings) -> Iterator[Fault]:
    remedy = "name a certificate and its key in `[tls]`"
    for name, listener in settings.listeners.items():
        wants = listener.is_implicit or listener.starttls(has_certificate=settings.has_certificate) != "none"
        if wants and not settings.has_certificate:
            key = "tls" if "tls" in listener.model_fields_set else "kind"
            message = f"listener `{name}` offers TLS, and there is no certificate to show"
            yield Fault(("listeners", name, key), "no-certificate", message, remedy)
        if listener.client_certificates != "none" and settings.tls.client_ca is None:
            message = f"listener `{name}` wants certificates of clients, and nobody vouches for them"
            path = ("listeners", name, "client_certificates")
            yield Fault(path, "no-certificate", message, "name the authorities in `[tls] client_ca`")


def _idle_tls(settings: Settings) -> Iterator[Fault]:
    for name, listener in settings.listeners.items():
        if listener.is_implicit and listener.tls in {"none", "may"}:
            message = f"`{listener.kind}` is under TLS from the first octet on"
            remedy = "leave `tls` out, or choose another kind"
            yield Fault(("listeners", name, "tls"), "bad-choice", message, remedy)


def _half_login(settings: Settings) -> Iterator[Fault]:
    for name, relay in settings.relays.items():
        if (relay.user is None) != (relay.password is None):
            absent = "user" if relay.user is None else "password"
            message = f"`{absent}` is missing: a login and its password belong together"
            remedy = f"write `{absent} = ...` in this table"
            yield Fault(("relays", name, absent), "missing-key", message, remedy, at="key")


def _clear_password(settings: Settings) -> Iterator[Fault]:
    for name, relay in settings.relays.items():
        if relay.password is not None and relay.tls != "verified":
            message = f"the password for relay `{name}` may be seen by others on its way"
            path: KeyPath = ("relays", name, "tls" if "tls" in relay.model_fields_set else "password")
            yield Fault(path, "clear-password", message, 'write `tls = "verified"`', severity="warning")


def _secret_in_tree(settings: Settings) -> Iterator[Fault]:
    for name, relay in settings.relays.items():
        match relay.password:
            case SecretSource(kind="value"):
                message = "the secret itself stands in the tree, where everybody who reads the tree reads it"
                remedy = 'put it into a file of its own: `{ file = "..." }`'
                path: KeyPath = ("relays", name, "password")
                yield Fault(path, "secret-in-tree", message, remedy, severity="warning")
            case _:
                continue


LINTS: Final[Mapping[str, Lint]] = {
    **REFERENCE_LINTS,
    "duplicate-address": _duplicate_address,
    "domain-in-both": _domain_in_both,
    "same-domain": _same_domain,
    "half-certificate": _half_certificate,
    "no-certificate": _no_certificate,
    "idle-tls": _idle_tls,
    "half-login": _half_login,
    "clear-password": _clear_password,
    "secret-in-tree": _secret_in_tree,
    **LOGIN_LINTS,
}


def cross_check(settings: Settings) -> tuple[Fault, ...]:
    """Every fault between settings."""
    return tuple(fault for lint in LINTS.values() for fault in lint(settings))
