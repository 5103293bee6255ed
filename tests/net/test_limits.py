from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from vsmtp.net.limits import Connections, Networks, Pace, plain


def admitted(connections: Connections, *clients: str, trusted: bool = False) -> list[str]:
    return [connections.admit(ip_address(client), trusted=trusted) for client in clients]


def test_one_over_the_total_is_refused_with_a_reason() -> None:
    assert admitted(Connections(2, 9), "192.0.2.1", "192.0.2.2", "192.0.2.3") == [
        "", "", "too many connections",
    ]  # fmt: skip


def test_one_over_the_share_of_an_address_is_refused_and_its_neighbour_is_not() -> None:
    assert admitted(Connections(9, 2), "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2") == [
        "", "", "too many connections from your network", "",
    ]  # fmt: skip


def test_a_refused_connection_is_not_counted() -> None:
    connections = Connections(9, 1)
    admitted(connections, "192.0.2.1", "192.0.2.1", "192.0.2.1")
    assert connections.count == 1
    connections.release(ip_address("192.0.2.1"))
    assert connections.count == 0
    assert admitted(connections, "192.0.2.1") == [""]


def test_the_addresses_of_one_slash_64_are_one_client() -> None:
    refused = "too many connections from your network"
    clients = ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1")
    assert admitted(Connections(9, 1), *clients) == ["", refused, ""]


def test_an_ipv6_network_is_never_taken_for_an_ipv4_address() -> None:
    # The upper half of this address is the number of that one.
    assert admitted(Connections(9, 1), "192.0.2.1", "0:0:c000:201::1") == ["", ""]


def test_the_trusted_have_no_share_but_count_towards_the_total() -> None:
    connections = Connections(3, 1)
    assert admitted(connections, "192.0.2.1", "192.0.2.1", "192.0.2.1", trusted=True) == ["", "", ""]
    assert admitted(connections, "192.0.2.1", trusted=True) == ["too many connections"]


def test_what_was_released_leaves_nothing_behind() -> None:
    connections = Connections(1000, 2)
    clients = [f"2001:db8:0:{n:x}::1" for n in range(200)]
    assert set(admitted(connections, *clients, *clients)) == {""}
    for client in (*clients, *clients):
        connections.release(ip_address(client))
    assert connections.count == 0
    assert connections._by_origin == {}


@pytest.mark.parametrize(
    ("shown", "meant"),
    [
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::192.0.2.1", "::192.0.2.1"),
    ],
)
def test_a_mapped_address_is_the_ipv4_address_it_stands_for(shown: str, meant: str) -> None:
    assert plain(ip_address(shown)) == ip_address(meant)


def test_networks_hold_addresses_of_their_own_version_only() -> None:
    networks = Networks((ip_network("0.0.0.0/0"), ip_network("2001:db8::/32")))
    assert ip_address("192.0.2.1") in networks
    assert ip_address("2001:db8::1") in networks
    assert ip_address("2001:db9::1") not in networks
    assert ip_address("192.0.2.1") not in Networks(())


def test_a_pace_allows_so_many_at_once_and_then_as_many_as_time_brings() -> None:
    now = 0.0
    pace = Pace(3, 60.0, lambda: now)
    one, other = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    assert [pace.allows(one) for _ in range(4)] == [True, True, True, False]
    assert pace.allows(other)
    now = 20.0
    assert [pace.allows(one) for _ in range(2)] == [True, False]
    now = 1000.0
    assert [pace.allows(one) for _ in range(4)] == [True, True, True, False]


def test_a_pace_counts_a_network_of_ipv6_as_one() -> None:
    pace = Pace(1, 60.0, lambda: 0.0)
    assert pace.allows(ip_address("2001:db8::1"))
    assert not pace.allows(ip_address("2001:db8::2"))


def test_a_pace_forgets_who_was_heard_of_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsmtp.net.limits.MAX_ORIGINS", 2)
    pace = Pace(1, 60.0, lambda: 0.0)
    first, second, third = (ip_address(f"192.0.2.{n}") for n in (1, 2, 3))
    assert pace.allows(first)
    assert pace.allows(second)
    assert pace.allows(third)
    assert pace.allows(first)
    assert not pace.allows(third)


def test_connections_have_a_pace_for_strangers() -> None:
    connections = Connections(100, 100, Pace(1, 60.0, lambda: 0.0))
    address = ip_address("192.0.2.1")
    assert connections.admit(address, trusted=False) == ""
    assert connections.admit(address, trusted=False) == "too many new connections from your network"
    assert connections.admit(address, trusted=True) == ""
    assert connections.count == 2
