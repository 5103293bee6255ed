from __future__ import annotations

from vsmtp.delivery.route import NO_SMARTHOST, Local, Routing, Smarthost, Unroutable
from vsmtp.values.address import Address

PROVIDER = Smarthost("smtp.provider.test", 587)


def test_a_local_domain_stays_here_however_it_is_spelled() -> None:
    assert Routing(frozenset({"local.test"}), PROVIDER).route(Address("a", "LOCAL.test")) == Local()


def test_a_bare_postmaster_is_local() -> None:
    assert Routing(frozenset()).route(Address("postmaster", "")) == Local()


def test_everything_else_goes_to_the_smart_host() -> None:
    assert Routing(frozenset({"local.test"}), PROVIDER).route(Address("a", "sub.local.test")) == PROVIDER


def test_without_a_smart_host_mail_waits() -> None:
    assert Routing(frozenset()).route(Address("a", "far.test")) == Unroutable(NO_SMARTHOST)
    assert not NO_SMARTHOST.is_permanent
