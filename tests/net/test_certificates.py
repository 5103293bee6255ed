"""Which certificate is shown to whom, and what becomes of it when files change."""

from __future__ import annotations

import hashlib
import shutil
import ssl
from pathlib import Path

import pytest

from tests.net.tunnels import client, key_pair, policy, shaken
from tests.peers.certificates import Pair, authority, certified
from vsmtp.net.certificates import Ask, Certificates, KeyPair, binding_of
from vsmtp.net.tls import TlsError, Tunnel
from vsmtp.values.answer import Unavailable


def meet(certificates: Certificates, here: Tunnel, ask: Ask = "none") -> tuple[Tunnel, Tunnel]:
    return shaken(here, Tunnel(certificates.context(ask)()))


def test_the_name_that_a_client_asks_for_chooses_the_certificate() -> None:
    other = key_pair(certified("other.test"))
    certificates = Certificates(policy(certified("mx.test"), others={"other.test": other}))
    for name in ("mx.test", "other.test"):
        here, there = meet(certificates, client(name))
        assert (here.peer, there.asked) == (name, name)


def test_an_unknown_name_is_shown_the_fallback() -> None:
    certificates = Certificates(policy(certified("mx.test")))
    with pytest.raises(TlsError, match="certificate verify failed"):
        meet(certificates, client("unknown.test"))


def test_a_clients_certificate_names_it() -> None:
    certificates = Certificates(policy(certified("mx.test"), client_ca=authority().certificate))
    for ask in ("ask", "require"):
        _, there = meet(certificates, client(own=certified("client.test")), ask)
        assert there.peer == "client.test"


def test_a_clients_certificate_counts_under_every_name_of_ours() -> None:
    other = key_pair(certified("other.test"))
    certificates = Certificates(
        policy(certified("mx.test"), others={"other.test": other}, client_ca=authority().certificate)
    )
    _, there = meet(certificates, client("other.test", own=certified("client.test")), "require")
    assert there.peer == "client.test"
    stranger = policy(
        certified("mx.test"), others={"other.test": other}, client_ca=authority("x.test").certificate
    )
    with pytest.raises(TlsError, match="certificate verify failed"):
        meet(Certificates(stranger), client("other.test", own=certified("client.test")), "require")


def test_who_is_only_asked_need_show_nothing() -> None:
    certificates = Certificates(policy(certified("mx.test"), client_ca=authority().certificate))
    _, there = meet(certificates, client(), "ask")
    assert there.peer == ""


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_who_has_to_show_a_certificate_and_does_not_is_refused(version: str) -> None:
    certificates = Certificates(policy(certified("mx.test"), client_ca=authority().certificate))
    with pytest.raises(TlsError, match="peer did not return a certificate"):
        meet(certificates, client(version=version), "require")


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    certificates = Certificates(policy(certified("mx.test"), client_ca=authority("another.test").certificate))
    with pytest.raises(TlsError, match="certificate verify failed"):
        meet(certificates, client(own=certified("client.test")), "ask")


def test_older_versions_are_not_spoken() -> None:
    certificates = Certificates(policy(certified("mx.test"), min_version="1.3"))
    with pytest.raises(TlsError, match="unsupported protocol"):
        meet(certificates, client(version="1.2"))


def test_the_suites_named_are_spoken() -> None:
    suite = "ECDHE-ECDSA-AES128-GCM-SHA256"
    certificates = Certificates(policy(certified("mx.test"), ciphers=(suite,)))
    assert meet(certificates, client(version="1.2"))[1].cipher == suite


def test_files_that_change_are_read_anew_and_sessions_go_on(tmp_path: Path) -> None:
    pair = KeyPair(tmp_path / "c.pem", tmp_path / "c.key")
    _copy(certified("mx.test"), pair)
    certificates = Certificates(policy(Pair(pair.chain, pair.key)))
    here, there = meet(certificates, client())
    assert certificates.renew() is False
    _copy(certified("mx.test", serial=7), pair)
    assert certificates.renew() is True
    assert certificates.renew() is False
    assert there.open(here.seal(b"still here")) == b"still here"
    assert _serial(certificates) == "07"


def test_a_broken_certificate_keeps_the_old_one_and_is_told_of_once(tmp_path: Path) -> None:
    pair = KeyPair(tmp_path / "c.pem", tmp_path / "c.key")
    _copy(certified("mx.test", serial=3), pair)
    certificates = Certificates(policy(Pair(pair.chain, pair.key)))
    pair.chain.write_text("no certificate")
    assert isinstance(certificates.renew(), Unavailable)
    assert certificates.renew() is False
    assert _serial(certificates) == "03"
    pair.chain.unlink()
    gone = certificates.renew()
    assert isinstance(gone, Unavailable)
    assert "No such file" in gone.reason
    _copy(certified("mx.test", serial=4), pair)
    assert certificates.renew() is True
    assert _serial(certificates) == "04"


def _copy(source: Pair, target: KeyPair) -> None:
    shutil.copy(source.certificate, target.chain)
    shutil.copy(source.key, target.key)


def _serial(certificates: Certificates) -> str:
    here, _ = meet(certificates, client())
    shown = here._object.getpeercert() or {}
    assert isinstance(here._object, ssl.SSLObject)
    return str(shown["serialNumber"])


def test_logins_can_be_bound_to_the_certificate_that_openssl_hashes_alike() -> None:
    pair = certified("bound.test")
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    assert binding_of(pair.certificate) == hashlib.sha256(der).digest()


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_nothing_can_be_bound_to_what_is_no_certificate(text: str, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_text(text)
    assert binding_of(tmp_path / "chain.pem") == b""
