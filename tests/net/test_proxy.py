"""PROXY headers of both versions, whole and cut."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.net.proxy import Endpoints, Header, read_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 1, 198, 51, 100, 2]) + (4711).to_bytes(2, "big") + (25).to_bytes(2, "big")
V6 = ip_address("2001:db8::1").packed + ip_address("2001:db8::2").packed + V4[-4:]
TLV = b"\x03\x00\x04abcd"


def version_2(block: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(block).to_bytes(2, "big") + block


ONE = Endpoints(ip_address("192.0.2.1"), 4711, 25)
SIX = Endpoints(ip_address("2001:db8::1"), 4711, 25)

GOOD = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\r\n", ONE),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n", SIX),
    (b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 4711 25\r\n", ONE),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN whatever it says\r\n", None),
    (version_2(V4), ONE),
    (version_2(V4 + TLV), ONE),
    (version_2(V6, family=0x21), SIX),
    (version_2(b"", command=0x20, family=0), None),  # LOCAL
    (version_2(V4, command=0x20), None),
    (version_2(b"", family=0x00), None),  # UNSPEC
    (version_2(b"/run/x".ljust(216, b"\0"), family=0x31), None),  # UNIX
    (version_2(V4, family=0x12), None),  # UDP
]
BAD = [
    b"EHLO x\r\n",
    b"proxy TCP4 192.0.2.1 198.51.100.2 4711 25\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25 26\r\n",
    b"PROXY TCP4 2001:db8::1 2001:db8::2 4711 25\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 65536\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n",
    b"PROXY TCP6 fe80::1%(any)text 2001:db8::2 4711 25\r\n",
    b"PROXY TCP4 192.0.2.1  198.51.100.2 4711 25\r\n",
    b"PROXY TCP5 192.0.2.1 198.51.100.2 4711 25\r\n",
    b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 25\n" + b"x" * 107,
    b"PROXY " + b"x" * 200,
    SIGNATURE[:-1] + b"X" + b"\x21\x11\0\0",
    version_2(V4, command=0x31),
    version_2(V4, command=0x22),
    version_2(V4[:-1]),
    version_2(V4, family=0x21),
    SIGNATURE + b"\x21\x11\xff\xff",
]


@pytest.mark.parametrize(("octets", "client"), GOOD)
def test_a_header_says_who_the_client_is(octets: bytes, client: Endpoints | None) -> None:
    assert read_header(octets) == Header(len(octets), client)
    assert read_header(octets + b"EHLO x\r\n") == Header(len(octets), client)


@pytest.mark.parametrize(("octets", "client"), GOOD)
def test_a_header_is_waited_for_at_every_cut(octets: bytes, client: Endpoints | None) -> None:
    assert [read_header(octets[:cut]) for cut in range(len(octets))] == [None] * len(octets)


@pytest.mark.parametrize("octets", BAD)
def test_what_is_no_header_is_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_header(octets)


@given(
    st.sampled_from([b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=300)
)
def test_nothing_else_is_ever_raised(beginning: bytes, rest: bytes) -> None:
    try:
        header = read_header(beginning + rest)
    except ValueError:
        return
    assert header is None or header.octets <= len(beginning + rest)
