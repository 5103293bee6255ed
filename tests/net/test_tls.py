"""The tunnel: what one end says the other hears, however it is cut."""

from __future__ import annotations

import pytest

from tests.net.tunnels import client, policy, shaken
from tests.peers.certificates import certified
from vsmtp.net.certificates import Certificates
from vsmtp.net.tls import MAX_HANDSHAKE, TlsError, Tunnel

each_version = pytest.mark.parametrize("version", ["1.2", "1.3"])


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates(policy(certified("mx.test")))


def server(certificates: Certificates) -> Tunnel:
    return Tunnel(certificates.context("none")())


@each_version
def test_each_end_hears_what_the_other_says(certificates: Certificates, version: str) -> None:
    here, there = shaken(client(version=version), server(certificates))
    assert there.open(here.seal(b"EHLO x\r\n")) == b"EHLO x\r\n"
    assert here.open(there.seal(b"250 y\r\n")) == b"250 y\r\n"
    assert (there.version, there.asked, there.peer) == (version, "mx.test", "")
    assert there.cipher
    assert here.peer == "mx.test"


@each_version
def test_a_handshake_and_what_follows_may_be_cut_anywhere(certificates: Certificates, version: str) -> None:
    length = len(client(version=version).shake())
    for cut in range(0, length, 7):
        here, there = client(version=version), server(certificates)
        hello = here.shake()
        there.feed(hello[:cut])
        answer = there.shake()
        there.feed(hello[cut:])
        here.feed(answer + there.shake())
        there.feed(here.shake())
        here.feed(there.shake())
        here.shake()
        assert here.is_ready
        assert there.is_ready


@each_version
def test_a_handshake_may_come_octet_by_octet(certificates: Certificates, version: str) -> None:
    here, there = client(version=version), server(certificates)
    to_server = here.shake()
    while not (here.is_ready and there.is_ready):
        to_client = b""
        for octet in to_server:
            there.feed(bytes([octet]))
            to_client += there.shake()
        for octet in to_client:
            here.feed(bytes([octet]))
            to_server = here.shake() or to_server
    assert there.version == version


def test_a_record_may_be_cut_anywhere(certificates: Certificates) -> None:
    here, there = shaken(client(), server(certificates))
    length = len(here.seal(b"NOOP\r\n"))
    here, there = shaken(client(), server(certificates))
    for cut in range(1, length):
        sealed = here.seal(b"NOOP\r\n")
        assert there.open(sealed[:cut]) == b""
        assert there.open(sealed[cut:]) == b"NOOP\r\n"


@each_version
def test_a_large_text_is_heard_whole(certificates: Certificates, version: str) -> None:
    here, there = shaken(client(version=version), server(certificates))
    text = bytes(range(256)) * 4000
    sealed = here.seal(text)
    heard = b"".join(there.open(sealed[at : at + 65536]) for at in range(0, len(sealed), 65536))
    assert heard == text


@each_version
def test_who_has_said_the_end_says_nothing_more(certificates: Certificates, version: str) -> None:
    here, there = shaken(client(version=version), server(certificates))
    assert there.open(here.seal(b"QUIT\r\n") + here.close()) == b"QUIT\r\n"
    assert there.ended
    here.open(there.close())
    assert here.ended


@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"\x16\x03\x01\x00\x05hello", b"\0" * 9])
def test_what_is_no_tls_is_a_fault(certificates: Certificates, said: bytes) -> None:
    there = server(certificates)
    there.feed(said)
    with pytest.raises(TlsError):
        there.shake()


def test_clear_text_in_a_tunnel_is_a_fault(certificates: Certificates) -> None:
    _, there = shaken(client(), server(certificates))
    with pytest.raises(TlsError) as caught:
        there.open(b"MAIL FROM:<a@b.test>\r\n")
    assert caught.value.farewell


def test_octets_that_were_changed_on_their_way_are_a_fault(certificates: Certificates) -> None:
    here, there = shaken(client(), server(certificates))
    sealed = bytearray(here.seal(b"EHLO x\r\n"))
    sealed[-1] ^= 1
    with pytest.raises(TlsError, match="bad record mac"):
        there.open(bytes(sealed))


def test_a_handshake_without_end_is_a_fault(certificates: Certificates) -> None:
    there = server(certificates)
    there.feed(b"x" * MAX_HANDSHAKE)
    with pytest.raises(TlsError, match="too many octets"):
        there.feed(b"x")
