from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from vsmtp.inspect.world import Zone
from vsmtp.inspect.zone import client_facts
from vsmtp.values.answer import MISSING, Unavailable

CLIENT = ip_address("192.0.2.1")
POINTER: Final[Zone] = {"1.2.0.192.in-addr.arpa": {"PTR": ["Mail.example.net."]}}


def test_without_a_zone_nothing_is_supposed() -> None:
    assert client_facts({}, CLIENT) == {}


def test_a_name_that_leads_back_is_valid() -> None:
    zone: Zone = {**POINTER, "mail.example.net": {"A": ["192.0.2.9", "192.0.2.1"]}}
    assert client_facts(zone, CLIENT) == {"client.rdns": "Mail.example.net", "client.rdns_valid": True}


def test_a_name_that_does_not_lead_back_is_not() -> None:
    assert client_facts(POINTER, CLIENT)["client.rdns_valid"] is False


def test_a_client_without_a_name_has_none() -> None:
    zone: Zone = {"other.example": {"A": "192.0.2.1"}}
    assert client_facts(zone, CLIENT) == {"client.rdns": MISSING, "client.rdns_valid": MISSING}


def test_a_failure_of_a_name_or_of_a_type_is_unavailable() -> None:
    zone: Zone = {"1.2.0.192.in-addr.arpa": {"fail": "timeout"}}
    assert isinstance(client_facts(zone, CLIENT)["client.rdns"], Unavailable)
    zone = {**POINTER, "mail.example.net": {"fail": {"A": "servfail"}}}
    facts = client_facts(zone, CLIENT)
    assert facts["client.rdns"] == "Mail.example.net"
    assert isinstance(facts["client.rdns_valid"], Unavailable)


def test_an_ipv6_client_is_asked_for_as_such() -> None:
    client = ip_address("2001:db8::1")
    zone: Zone = {client.reverse_pointer: {"PTR": "six.example"}, "six.example": {"AAAA": ["2001:db8::1"]}}
    assert client_facts(zone, client) == {"client.rdns": "six.example", "client.rdns_valid": True}
