"""Programs that people and servers submit mail with, all of them written by others, and logged in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import smtplib
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import aiosmtplib
import pytest

from tests.auth.clients import scram
from tests.peers.certificates import authority, certified, tls_section
from tests.peers.clients import swaks
from tests.peers.postfix import free_port, postfix
from tests.peers.programs import needs
from tests.peers.server import Server
from tests.server.daemon import events, serving, strange, until
from tests.server.encrypted import Starting, trusting
from vsmtp.auth.secrets import make_secret

EXTRA = """
[auth]
users = "@users"
owners = "@owners"
default_domain = "local.test"
mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN", "EXTERNAL"]
[tables.users]
type = "inline"
entries = { "ann@local.test" = "{PLAIN}pencil", "relay@local.test" = "HASHED" }
[tables.owners]
type = "inline"
entries = { "ann@local.test" = "ann@local.test, grüße@local.test", "relay@local.test" = "*" }

[listeners.submission]
address = ["127.0.0.1:STARTTLS"]
kind = "submission"
client_certificates = "ask"
[listeners.submissions]
address = ["127.0.0.1:IMPLICIT"]
kind = "submissions"
[listeners.lmtp]
address = ["127.0.0.1:LMTP"]
kind = "lmtp"

[[rules.auth]]
name = "tell"
when.auth.success = true
do = [{ add_header = { name = "X-User", value = "{auth.user} by {auth.mechanism}" } }]
"""
PATIENCE = 60.0


@dataclass(frozen=True)
class Place:
    server: Server
    starttls: int
    implicit: int
    lmtp: int

    def letter(self, user: str) -> str:
        return until(lambda: self.server.inbox(user))[0].read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    ports = [free_port() for _ in range(3)]
    extra = EXTRA.replace("HASHED", make_secret("SCRAM-SHA-256", "pencil"))
    for name, port in zip(("STARTTLS", "IMPLICIT", "LMTP"), ports, strict=True):
        extra = extra.replace(name, str(port))
    extra += tls_section(certified("mx.test")) + f'client_ca = "{authority().certificate}"\n'
    with serving(tmp_path_factory.mktemp("submitting"), extra=extra) as server:
        yield Place(server, *ports)
        assert strange(server) == []


def letter(to: str, text: str = "hi") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ann <ann@local.test>", to, "s"
    message.set_content(text)
    return message


def run(*command: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], input=given, capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_swaks_logs_in(mechanism: str, place: Place) -> None:
    user = f"swaks-{mechanism.lower()}"
    login = ("-tls", "--auth", mechanism, "--auth-user", "ann", "--auth-password")
    envelope = ("--from", "ann@local.test", "--to", f"{user}@local.test")
    done = swaks(place.starttls, *login, "pencil", *envelope)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"X-User: ann@local.test by {mechanism}" in place.letter(user)
    done = swaks(place.starttls, *login, "pen", *envelope)
    assert "535 5.7.8" in done.stdout


def test_swaks_speaks_lmtp(place: Place) -> None:
    to = ("--to", "lmtp1@local.test,lmtp2@local.test")
    done = swaks(place.lmtp, "--protocol", "LMTP", "--from", "a@src.test", *to)
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.letter("lmtp1")
    assert place.letter("lmtp2")


@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login", "auth_cram_md5"])
def test_smtplib_logs_in(mechanism: str, place: Place) -> None:
    user = f"smtplib-{mechanism}"
    with smtplib.SMTP("127.0.0.1", place.starttls) as client:
        client.starttls(context=trusting_anybody_called_mx())
        client.ehlo()
        client.user, client.password = "ann", "pencil"
        client.auth(mechanism.removeprefix("auth_").replace("_", "-").upper(), getattr(client, mechanism))
        client.send_message(letter(f"{user}@local.test"))
    assert "X-User: ann@local.test" in place.letter(user)


def test_smtplib_sends_smtputf8_under_tls_from_the_first_octet(place: Place) -> None:
    with smtplib.SMTP_SSL("127.0.0.1", place.implicit, context=trusting_anybody_called_mx()) as client:
        client.login("ann@local.test", "pencil")
        message = letter("grüße@local.test", "Grüße")
        del message["From"]
        message["From"] = "grüße@local.test"
        client.send_message(message)
    assert "X-User: ann@local.test" in place.letter("grüße".casefold())


def trusting_anybody_called_mx() -> ssl.SSLContext:
    """A context for programs that connect to an address and know no name to ask for."""
    context = trusting()
    context.check_hostname = False
    return context


@pytest.mark.parametrize("implicit", [False, True])
def test_aiosmtplib_logs_in(implicit: bool, place: Place) -> None:  # noqa: FBT001 parametrised
    user = "aiosmtplib-implicit" if implicit else "aiosmtplib"
    port = place.implicit if implicit else place.starttls
    asyncio.run(
        aiosmtplib.send(
            letter(f"{user}@local.test"), hostname="127.0.0.1", port=port, username="ann", password="pencil",
            tls_context=trusting_anybody_called_mx(), use_tls=implicit, start_tls=not implicit,
        )
    )  # fmt: skip
    assert "X-User: ann@local.test" in place.letter(user)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_curl_logs_in(scheme: str, mechanism: str, place: Place, tmp_path: Path) -> None:
    user = f"curl-{scheme}-{mechanism.lower()}"
    port = place.starttls if scheme == "smtp" else place.implicit
    (tmp_path / "letter").write_bytes(letter(f"{user}@local.test").as_bytes(policy=SMTP))
    done = run(
        needs("curl"), "--silent", "--show-error", "--ssl-reqd", "--cacert", authority().certificate,
        "--resolve", f"mx.test:{port}:127.0.0.1", "--url", f"{scheme}://mx.test:{port}/client.test",
        "--user", "ann:pencil", "--login-options", f"AUTH={mechanism}",
        "--mail-from", "ann@local.test", "--mail-rcpt", f"{user}@local.test", "--upload-file",
        tmp_path / "letter",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"X-User: ann@local.test by {mechanism}" in place.letter(user)


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "scram-sha-256"])
def test_msmtp_logs_in(mechanism: str, place: Place) -> None:
    user = f"msmtp-{mechanism}"
    done = msmtp(place, "--auth=" + mechanism, "--user=ann", to=f"{user}@local.test")
    assert done.returncode == 0, done.stderr
    assert f"X-User: ann@local.test by {mechanism.upper()}" in place.letter(user)


def test_msmtp_logs_in_by_its_certificate(place: Place) -> None:
    own = certified("ann@local.test")
    key = (f"--tls-cert-file={own.certificate}", f"--tls-key-file={own.key}")
    done = msmtp(place, "--auth=external", "--user=ann@local.test", *key, to="external@local.test")
    assert done.returncode == 0, done.stderr
    assert "X-User: ann@local.test by EXTERNAL" in place.letter("external")


def test_msmtp_is_told_what_it_did_wrong(place: Place) -> None:
    assert "535 5.7.8" in msmtp(place, "--auth=scram-sha-256", "--user=eve", to="nobody@local.test").stderr
    done = msmtp(place, "--auth=plain", "--user=ann", sender="boss@local.test", to="nobody@local.test")
    assert "553 5.7.1" in done.stderr


def msmtp(
    place: Place, *options: str, to: str, sender: str = "ann@local.test"
) -> subprocess.CompletedProcess[str]:
    return run(
        needs("msmtp"), "--host=127.0.0.1", f"--port={place.starttls}", "--tls=on", "--tls-starttls=on",
        f"--tls-trust-file={authority().certificate}", "--tls-host-override=mx.test",
        "--passwordeval=echo pencil", f"--from={sender}", *options, to,
        given=letter(to).as_string(),
    )  # fmt: skip


def relaying(place: Place, authorities: Path) -> Mapping[str, str]:
    """What makes a Postfix relay all its mail by way of us, logged in."""
    return {
        "relayhost": f"[127.0.0.1]:{place.starttls}",
        "smtp_tls_security_level": "encrypt",
        "smtp_tls_CAfile": str(authorities),
        "smtp_sasl_auth_enable": "yes",
        "smtp_sasl_security_options": "noanonymous",
        "smtp_sasl_password_maps": "static:relay@local.test:pencil",
        "smtputf8_enable": "yes",
        "virtual_mailbox_domains": "",
    }


@pytest.mark.root
def test_postfix_relays_with_pipelining_smtputf8_and_dsn(place: Place, open_dir: Path) -> None:
    authorities = open_dir / "authorities.pem"
    authorities.write_bytes(authority().certificate.read_bytes())
    (open_dir / "postfix").mkdir()
    with postfix(open_dir / "postfix", relaying(place, authorities)) as relay:
        with smtplib.SMTP("127.0.0.1", relay.port) as client:
            client.ehlo()
            client.sendmail(
                "a@src.test", ["post1@local.test", "post2@local.test"], letter("x@local.test").as_string(),
                ["RET=HDRS", "ENVID=QQ314159"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@src.test"],
            )  # fmt: skip
            client.sendmail("jürgen@src.test", ["post3@local.test"], letter("x@y").as_bytes(), ["SMTPUTF8"])
        received = [place.letter(f"post{n}") for n in (1, 2, 3)]
        until(lambda: relay.queued() == 0)
    assert all("by SCRAM-SHA-256" in text or "by PLAIN" in text for text in received)
    assert not [line for line in events(place.server, "refused") if "src.test" in line["sender"]]


@pytest.mark.parametrize("binding", [True, False])
def test_a_login_is_bound_to_our_certificate(binding: bool, place: Place) -> None:  # noqa: FBT001 parametrised
    der = ssl.PEM_cert_to_DER_cert(certified("mx.test").certificate.read_text())
    seen = hashlib.sha256(der if binding else b"another one's").digest()
    with Starting(place.starttls).hello() as client:
        party = scram("ann", "pencil", seen, "SCRAM-SHA-256-PLUS")
        reply = client.say(f"AUTH SCRAM-SHA-256-PLUS {base64.b64encode(next(party)).decode()}")
        while reply.startswith("334"):
            reply = client.say(base64.b64encode(party.send(base64.b64decode(reply[4:]))).decode())
    assert reply.startswith("235" if binding else "535"), reply
