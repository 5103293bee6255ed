"""Logins of every mechanism against a table, as a client and a server play them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.clients import cram_md5, login, plain, play, scram
from vsmtp.auth.backends import Backend
from vsmtp.auth.exchange import Challenge, Denied, Failure, Granted, Success
from vsmtp.auth.from_table import TableBackend
from vsmtp.auth.login import Login, Reached
from vsmtp.auth.mechanisms import MAX_USER, MECHANISMS, Setting
from vsmtp.auth.secrets import make_secret
from vsmtp.tables.contract import Lookup
from vsmtp.tables.fixed import Fixed
from vsmtp.values.answer import Unavailable
from vsmtp.values.secret import Secret

Client = Callable[[str, str], Generator[bytes, bytes, None]]
CLIENTS: dict[str, Client] = {"PLAIN": plain, "LOGIN": login, "CRAM-MD5": cram_md5, "SCRAM-SHA-256": scram}
SETTING = Setting("fyko+d2lbbFgONRv9qkxdawL", "mx.example.org")
SALTED = "{SSHA}WtNA1CQpbXvx5eR1F7SN6sPUSdFU9j8F"
DOVECOT_KEYS = (
    "{SCRAM-SHA-256}4096,2zTtMGH+0WOr6jcdRdvixQ==,7/y8KeVLhLXDNpuFh54KPb2JVqV0HKHDz3iJsDEcjlg=,"
    "viZXOPPTnEFVeOd+eBQlZ5eKqpaYA6NS3aGhHGdIrCk="
)
USERS = Fixed({
    "ann@example.org": {"password": Secret("{PLAIN}pencil")},
    "bob": {"password": Secret(DOVECOT_KEYS)},
    "eve": {"password": Secret(SALTED)},
    "max": {"password": Secret("nonsense")},
    "tom": {"quota": 1},
    "j,o=e": {"password": Secret("{PLAIN}pencil")},
})  # fmt: skip


class Down:
    """A table that cannot be asked."""

    async def find(self, _key: str) -> Lookup:
        return Unavailable("the table is down")

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@pytest.fixture
def users(pool: ThreadPoolExecutor) -> TableBackend:
    return TableBackend(USERS, pool, b"pepper")


def reach(
    backend: Backend, name: str, client: Generator[bytes, bytes, None], setting: Setting = SETTING
) -> Reached:
    return asyncio.run(play(Login(backend, name, setting), client))


def trouble(reached: object) -> str:
    assert isinstance(reached, Failure), reached
    return reached.trouble


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_right_password_logs_in(name: str, at_once: bool, users: TableBackend) -> None:  # noqa: FBT001 parametrised
    exchange = Login(users, name, SETTING)
    at_once = at_once and name != "CRAM-MD5"
    if name == "CRAM-MD5":
        client = CLIENTS[name]("Ann@Example.org", "pencil")
        next(client)
        challenge = asyncio.run(exchange.start(None))
        assert isinstance(challenge, Challenge)
        reached = asyncio.run(exchange.step(client.send(challenge.octets)))
    else:
        reached = asyncio.run(play(exchange, CLIENTS[name]("Ann@Example.org", "pencil"), at_once=at_once))
    assert reached == Success("Ann@Example.org")


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
@pytest.mark.parametrize(
    ("user", "password"), [("ann@example.org", "Pencil"), ("nobody", "pencil"), ("bob", "x")]
)
def test_a_wrong_password_and_an_unknown_user_are_denied_alike(
    name: str, user: str, password: str, users: TableBackend
) -> None:
    reached = reach(users, name, CLIENTS[name](user, password))
    assert trouble(reached) == "denied"


def test_a_user_without_a_domain_is_one_of_the_default_domain(users: TableBackend) -> None:
    for name in ("PLAIN", "SCRAM-SHA-256"):
        exchange = Login(users, name, SETTING, "example.org")
        assert asyncio.run(play(exchange, CLIENTS[name]("ann", "pencil"))) == Success("ann@example.org")


def test_keys_that_dovecot_made_do_for_scram(users: TableBackend) -> None:
    assert reach(users, "SCRAM-SHA-256", scram("bob", "pässword 1")) == Success("bob")


def test_signs_of_scram_in_a_name_are_taken_back(users: TableBackend) -> None:
    assert reach(users, "SCRAM-SHA-256", scram("j,o=e", "pencil")) == Success("j,o=e")


@pytest.mark.parametrize("user", ["max", "tom"])
@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256"])
def test_a_secret_that_cannot_be_used_is_no_wrong_password(user: str, name: str, users: TableBackend) -> None:
    reached = reach(users, name, CLIENTS[name](user, "nonsense"))
    assert trouble(reached) == "unavailable"


def test_a_hash_will_not_do_for_scram_but_for_plain(users: TableBackend) -> None:
    assert reach(users, "PLAIN", plain("eve", "pässword 1")) == Success("eve")
    assert trouble(reach(users, "SCRAM-SHA-256", scram("eve", "x"))) == "unavailable"


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_table_that_is_down_denies_nobody(name: str, pool: ThreadPoolExecutor) -> None:
    backend = TableBackend(Down(), pool, b"pepper")
    assert trouble(reach(backend, name, CLIENTS[name]("ann", "pencil"))) == "unavailable"


class Strict:
    """A back end that tells no secrets."""

    async def check(self, user: str, password: Secret) -> Granted | Denied:
        return Granted("known-as") if (user, password) == ("ann", Secret("pencil")) else Denied()


def test_a_back_end_that_tells_no_secrets_checks_passwords_only() -> None:
    assert asyncio.run(play(Login(Strict(), "PLAIN", SETTING), plain("ann", "pencil"))) == Success("known-as")
    assert (
        trouble(asyncio.run(play(Login(Strict(), "SCRAM-SHA-256", SETTING), scram("ann", "x"))))
        == "unavailable"
    )


@pytest.mark.parametrize(
    ("actor", "reached"), [("ANN@example.org", "granted"), ("bob", "denied"), ("root", "denied")]
)
def test_nobody_acts_as_somebody_else(actor: str, reached: str, users: TableBackend) -> None:
    found = reach(users, "PLAIN", plain("ann@example.org", "pencil", actor))
    assert (found == Success("ann@example.org")) is (reached == "granted")


@pytest.mark.parametrize(
    "said",
    [b"", b"ann", b"\0ann", b"\0ann\0pencil\0", b"\0\xff\0pencil", b"\0ann\0\xff", b"\0\0pencil",
     b"\0a\nb\0pencil", b"\0" + b"x" * (MAX_USER + 1) + b"\0pencil", b"x" * 5000],
)  # fmt: skip
def test_a_malformed_response_is_said_to_be_one(said: bytes, users: TableBackend) -> None:
    assert trouble(asyncio.run(Login(users, "PLAIN", SETTING).start(said))) == "malformed"


def test_a_certificate_says_who_its_owner_is(users: TableBackend) -> None:
    shown = Setting("n" * 20, "mx", external="ann@example.org")
    for said in (b"", b"Ann@example.org"):
        assert asyncio.run(Login(users, "EXTERNAL", shown).start(said)) == Success("ann@example.org")
    assert trouble(asyncio.run(Login(users, "EXTERNAL", shown).start(b"bob"))) == "denied"
    assert trouble(asyncio.run(Login(users, "EXTERNAL", SETTING).start(b""))) == "denied"


BOUND = Setting(SETTING.nonce, SETTING.host, binding=b"h" * 32)


def test_scram_plus_is_bound_to_the_server_s_certificate(users: TableBackend) -> None:
    name = "SCRAM-SHA-256-PLUS"
    ours = scram("bob", "pässword 1", b"h" * 32, name)
    assert reach(users, name, ours, BOUND) == Success("bob")
    another = scram("bob", "pässword 1", b"x" * 32, name)
    assert trouble(reach(users, name, another, BOUND)) == "denied"


def test_a_client_from_which_plus_was_hidden_is_not_let_in(users: TableBackend) -> None:
    # RFC 5802 6: it says `y`, that it would have bound the login had the server offered to.
    hidden = scram("bob", "pässword 1", b"h" * 32)
    assert trouble(reach(users, "SCRAM-SHA-256", hidden, BOUND)) == "denied"


def test_rfc_7677_is_played_as_it_is_printed(pool: ThreadPoolExecutor) -> None:
    keys = (
        "{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    backend = TableBackend(Fixed({"user": {"password": Secret(keys)}}), pool, b"")
    setting = Setting("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "mx")
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    exchange = Login(backend, "SCRAM-SHA-256", setting)

    async def dialogue() -> list[object]:
        return [
            await exchange.start(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
            await exchange.step(f"c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".encode()),
            await exchange.step(b""),
        ]

    assert asyncio.run(dialogue()) == [
        Challenge(f"r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()),
        Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        Success("user"),
    ]


def test_an_unknown_user_gets_the_same_salt_each_time(users: TableBackend) -> None:
    def first(user: str) -> bytes:
        reached = asyncio.run(Login(users, "SCRAM-SHA-256", SETTING).start(f"n,,n={user},r=abc".encode()))
        assert isinstance(reached, Challenge)
        return reached.octets

    assert first("nobody") == first("nobody")
    assert first("nobody") != first("no-one")
    known = first("bob").partition(b",s=")[2]
    assert len(known) == len(first("nobody").partition(b",s=")[2])


def test_an_unknown_user_costs_as_much_as_the_one_before(pool: ThreadPoolExecutor) -> None:
    seen: list[str] = []

    class Watched(ThreadPoolExecutor):
        def submit(self, job: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
            seen.append(job.args[0])
            return super().submit(job, *arguments, **named)

    with Watched(1) as watched:
        backend = TableBackend(USERS, watched, b"pepper")
        asyncio.run(backend.check("eve", Secret("x")))
        asyncio.run(backend.check("nobody", Secret("x")))
        # And the secret that the stranger's password is compared with lets no stranger in.
        assert asyncio.run(backend.check("nobody", Secret("pässword 1"))) == Denied()
    assert seen == [SALTED] * 3


@settings(max_examples=300)
@given(st.sampled_from(sorted(MECHANISMS)), st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_octets_of_any_kind_end_in_a_failure(name: str, responses: list[bytes]) -> None:
    async def attack() -> object:
        exchange = Login(Strict(), name, BOUND)
        reached: object = await exchange.start(responses[0])
        for response in responses[1:]:
            if not isinstance(reached, Challenge):
                break
            reached = await exchange.step(response)
        return reached

    assert isinstance(asyncio.run(attack()), Failure | Challenge)


@settings(max_examples=200)
@given(st.text("nypr=,ab%\0é", max_size=30), st.text("cpr=,biwsa+/", max_size=40))
def test_scram_messages_of_any_kind_end_in_a_failure(first: str, final: str) -> None:
    async def attack(prefix: str) -> object:
        with ThreadPoolExecutor(1) as threads:
            exchange = Login(TableBackend(USERS, threads, b""), "SCRAM-SHA-256", SETTING)
            reached = await exchange.start((prefix + first).encode())
            if isinstance(reached, Challenge):
                reached = await exchange.step(final.encode())
            return reached

    assert isinstance(asyncio.run(attack("")), Failure)
    assert isinstance(asyncio.run(attack("n,,n=bob,r=abc")), Failure)


def test_what_is_made_by_us_logs_in_by_every_mechanism_it_should(pool: ThreadPoolExecutor) -> None:
    backend = TableBackend(Fixed({"ann": {"value": make_secret("SCRAM-SHA-256", "pencil")}}), pool, b"")
    for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        assert reach(backend, name, CLIENTS[name]("ann", "pencil")) == Success("ann")
