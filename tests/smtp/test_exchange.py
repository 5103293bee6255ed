from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.script import Challenge, with_terms
from tests.smtp.session import Session
from vsmtp.smtp.exchange import challenge, command, decoded, initial
from vsmtp.smtp.moves import State
from vsmtp.smtp.questions import AUTH_ABORTED, Authenticate, AuthResponse
from vsmtp.values.reply import Reply

TERMS = with_terms("auth=PLAIN,LOGIN", "hard_error_limit=4")
WRONG = Reply(535, "5.7.8", "Wrong")


@given(st.binary(max_size=100))
def test_a_challenge_is_read_back_as_a_response(data: bytes) -> None:
    line = challenge(data)
    assert line.startswith(b"334 ")
    assert line.endswith(b"\r\n")
    assert decoded(line[4:-2]) == data


@pytest.mark.parametrize(
    "line", [b"=", b"a", b"YQ", b"YQ=", b"YQ== ", b" YQ==", b"YQ==YQ==", b"Y!==", b"\xff", b"*"]
)
def test_what_is_no_base64_is_nothing(line: bytes) -> None:
    assert decoded(line) is None


@given(st.binary(max_size=40))
def test_any_octets_are_read_without_an_exception(line: bytes) -> None:
    decoded(line)
    command(line)


def test_an_initial_response_may_be_empty() -> None:
    assert initial(b"=") == b""
    assert initial(b"YQ==") == b"a"


@pytest.mark.parametrize(("argument", "parts"), [
    (b"plain", ("PLAIN", None)),
    (b" SCRAM-SHA-256  biws ", ("SCRAM-SHA-256", b"biws")),
    (b"X_1 =", ("X_1", b"=")),
    (b"", None),
    (b"A" * 21, None),
    (b"a/b x", None),
])  # fmt: skip
def test_a_mechanism_has_its_letters(argument: bytes, parts: tuple[str, bytes | None] | None) -> None:
    assert command(argument) == parts


@pytest.mark.parametrize(("line", "asked"), [
    ("AUTH PLAIN AGEAYg==", b"\0a\0b"), ("AUTH PLAIN =", b""), ("AUTH PLAIN", None), ("AUTH PLAIN ", None),
])  # fmt: skip
def test_the_initial_response_reaches_the_driver(line: str, asked: bytes | None) -> None:
    session = Session(TERMS)
    session.talk("EHLO a", line)
    assert session.events[-1] == Authenticate("PLAIN", asked)


def test_a_secret_is_not_in_the_repr() -> None:
    assert "secret" not in repr((Authenticate("PLAIN", b"secret"), AuthResponse(b"secret")))


def test_responses_reach_the_driver_and_commands_wait_behind_them() -> None:
    session = Session(TERMS, answers=(None, None, Challenge(b"User"), Challenge(b"Pass"), WRONG))
    session.talk("EHLO a")
    session.send(b"AUTH LOGIN\r\nYQ==\r\nYg==\r\nNOOP\r\n")
    assert session.events[-3:] == [Authenticate("LOGIN", None), AuthResponse(b"a"), AuthResponse(b"b")]
    assert session.said() == ["334 VXNlcg==", "334 UGFzcw==", "535 5.7.8 Wrong", "250 2.0.0 Ok"]
    assert session.engine.state is State.GREETED


def test_a_long_initial_response_is_taken_and_a_long_line_of_another_command_is_not() -> None:
    session = Session(TERMS)
    session.talk("EHLO a")
    assert session.talk("NOOP " + "AAAA" * 600) == ["500 5.5.2 Line too long"]
    assert session.talk("AUTH PLAIN " + "AAAA" * 3100) == ["500 5.5.2 Line too long"]
    for letter in b"auth plain " + b"AAAA" * 3068 + b"\r\n":
        session.send(bytes([letter]))
    assert session.said() == ["235 2.7.0 Authentication succeeded"]


@pytest.mark.parametrize("line", ["*", "?", "YQ=", "a" * 12_300])
def test_an_exchange_that_breaks_off_is_told(line: str) -> None:
    session = Session(TERMS, answers=(None, None, Challenge(b"")))
    session.talk("EHLO a", "AUTH LOGIN", line)
    assert session.events[-1] == AUTH_ABORTED
    assert session.engine.state is State.GREETED
    assert session.engine.errors == 1


def test_failed_logins_are_errors_and_end_the_session_at_last() -> None:
    session = Session(TERMS, answers=(None, None, *(WRONG,) * 9))
    session.talk("EHLO a")
    assert [line[:3] for line in session.talk(*("AUTH PLAIN YQ==",) * 5)] == ["535"] * 4 + ["421"]
    assert session.engine.closed


def test_a_back_end_that_is_down_is_no_error_of_the_clients() -> None:
    session = Session(TERMS, answers=(None, None, Reply(454, "4.7.0", "Later")))
    session.talk("EHLO a", "AUTH PLAIN YQ==")
    assert session.engine.errors == 0


def test_a_login_outlives_other_terms_and_a_second_ehlo() -> None:
    session = Session(with_terms("auth=PLAIN", "auth_required=true"))
    assert session.talk("EHLO a", "MAIL FROM:<a@b>")[-1].startswith("530 5.7.0")
    session.talk("AUTH PLAIN YQ==")
    session.engine.on_terms(with_terms("auth_required=true", "+DSN"))
    assert session.talk("EHLO a")[-1] == "250 DSN"
    assert session.talk("AUTH PLAIN YQ==") == ["503 5.5.1 Already authenticated"]
    assert session.talk("MAIL FROM:<a@b> RET=FULL")[0].startswith("250")


def test_a_challenge_to_nobody_is_the_drivers_mistake() -> None:
    session = Session(TERMS)
    with pytest.raises(RuntimeError, match="no authentication"):
        session.engine.challenge(b"")
    session.engine.close(Reply(421, "4.0.0", "Bye"))
    session.engine.challenge(b"")
    assert session.engine.take_output() == b"421 4.0.0 Bye\r\n"
