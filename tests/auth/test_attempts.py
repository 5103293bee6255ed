from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.tables.opened import Clock
from vsmtp.auth import attempts
from vsmtp.auth.attempts import FailedLogins

ADDRESS = ip_address("192.0.2.1")


def test_who_fails_as_often_as_allowed_is_barred_until_some_time_has_passed() -> None:
    clock = Clock()
    failed = FailedLogins(3, 600.0, clock)
    for _ in range(3):
        assert not failed.is_barred(ADDRESS)
        failed.failed(ADDRESS)
    assert failed.is_barred(ADDRESS)
    assert not failed.is_barred(ip_address("192.0.2.2"))
    clock.now += 600
    assert not failed.is_barred(ADDRESS)


def test_an_ipv6_network_counts_as_one() -> None:
    failed = FailedLogins(1, 600.0, Clock())
    failed.failed(ip_address("2001:db8::1"))
    assert failed.is_barred(ip_address("2001:db8::2"))
    assert not failed.is_barred(ip_address("2001:db8:0:1::1"))


def test_the_map_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "MAX_ORIGINS", 3)
    failed = FailedLogins(1, 600.0, Clock())
    for n in range(10):
        failed.failed(ip_address(f"192.0.2.{n}"))
    assert [failed.is_barred(ip_address(f"192.0.2.{n}")) for n in range(10)] == [False] * 7 + [True] * 3
