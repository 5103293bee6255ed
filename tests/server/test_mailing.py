"""What a sender wants of one recipient, and what becomes of it where rules make another or several of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.queue.records import NewMessage
from vsmtp.server.mailing import handed_on
from vsmtp.smtp.parameters import (
    NO_RCPT_PARAMETERS,
    Notify,
    OriginalRecipient,
    RcptParameters,
    Return,
)

ORIGINAL = OriginalRecipient("rfc822", "info@src.test")
RULE = '[[rules.rcpt]]\nname = "change"\n{}\naccept = true\n'


def of(text: str, original: OriginalRecipient | None = None) -> RcptParameters:
    return RcptParameters(frozenset(Notify[word] for word in text.split()), original)


@pytest.mark.parametrize(
    ("named", "added"),
    [
        ("", ""),
        ("NEVER", "NEVER"),
        ("SUCCESS", "NEVER"),
        ("SUCCESS FAILURE", "FAILURE"),
        ("FAILURE DELAY", "FAILURE DELAY"),
    ],
)
def test_success_is_told_of_the_named_recipient_alone(named: str, added: str) -> None:
    assert handed_on(of(named)) == of(added)
    assert handed_on(of(named, ORIGINAL)) == of(added, ORIGINAL)


def test_nothing_is_handed_on_where_nothing_was_said() -> None:
    assert handed_on(NO_RCPT_PARAMETERS) is NO_RCPT_PARAMETERS


def queued(folder: Path, rule: str) -> NewMessage:
    async def scenario(house: House, guest: Guest) -> NewMessage:
        for line in (
            "MAIL FROM:<a@src.test> RET=FULL ENVID=E1",
            "RCPT TO:<b@local.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;info@src.test",
            "DATA",
        ):
            assert (await guest.say(f"{line}\r\n".encode()))[0] in "23"
        assert (await guest.say(b"Subject: s\r\n\r\n.\r\n")).startswith("250")
        return house.queued[0]

    return visit(folder, RULE.format(rule), scenario, trusted=True)


def test_what_was_said_with_a_mail_is_queued_with_it(tmp_path: Path) -> None:
    message = queued(tmp_path, "")
    assert (message.parameters.ret, message.parameters.envelope_id) == (Return.FULL, "E1")
    assert [to.parameters for to in message.recipients] == [of("SUCCESS FAILURE", ORIGINAL)]


def test_a_rewritten_recipient_keeps_what_the_sender_wants(tmp_path: Path) -> None:
    [to] = queued(tmp_path, 'do = [{ rewrite_rcpt = "c@there.test" }]').recipients
    assert (str(to.address), to.parameters) == ("c@there.test", of("SUCCESS FAILURE", ORIGINAL))


def test_a_recipient_added_for_another_one_is_told_of_as_that_one_but_for_success(tmp_path: Path) -> None:
    first, second = queued(tmp_path, 'do = [{ add_rcpt = "c@there.test" }]').recipients
    assert (str(second.address), second.parameters) == ("c@there.test", of("FAILURE", ORIGINAL))
    assert first.parameters == of("SUCCESS FAILURE", ORIGINAL)


@pytest.mark.parametrize("setting", ["always", "not-authenticated"])
@pytest.mark.parametrize("logged_in", [False, True])
def test_the_trace_hides_only_who_logged_in_and_only_if_told_so(
    tmp_path: Path,
    setting: str,
    logged_in: bool,  # noqa: FBT001
) -> None:
    async def scenario(house: House, guest: Guest) -> bytes:
        guest.session.visit.subject.authenticated = logged_in
        await guest.mail("b@local.test")
        return house.queued[0].content.data

    trace = visit(tmp_path, f'[smtp]\nreceived_client = "{setting}"\n', scenario, trusted=True)
    hidden = logged_in and setting == "not-authenticated"
    assert trace.startswith(b"Received: from unknown (authenticated)\r\n") is hidden
    assert (b"192.0.2.1" in trace) is not hidden


TWO_BECOME_ONE = (
    '[[rules.rcpt]]\nname = "alias"\nwhen.rcpt.local = ["c", "d"]\ndo = [{ rewrite_rcpt = "e@local.test" }]\n'
)


def recipients_of(folder: Path, rules: str, *lines: str) -> list[str]:
    """Whom the mail is queued for when it is sent to these."""

    async def scenario(house: House, guest: Guest) -> list[str]:
        await guest.say(b"MAIL FROM:<a@src.test>\r\n")
        for line in lines:
            assert (await guest.say(f"RCPT TO:{line}\r\n".encode())).startswith("250")
        await guest.say(b"DATA\r\n")
        assert (await guest.say(b"Subject: s\r\n\r\n.\r\n")).startswith("250")
        return [str(to.address) for to in house.queued[0].recipients]

    return visit(folder, rules, scenario, trusted=True)


@pytest.mark.parametrize("lines", [
    ("<postmaster>", "<POSTMASTER>"), ("<postmaster>", "<postmaster@local.test>"),
    ("<c@local.test>", "<d@local.test>"), ("<c@local.test>", "<e@local.test>"),
    ("<e@local.test>", "<d@local.test>"),
])  # fmt: skip
def test_recipients_that_become_equal_are_one(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert len(recipients_of(tmp_path, TWO_BECOME_ONE, *lines)) == 1


def test_a_recipient_whose_copy_differs_stays_another(tmp_path: Path) -> None:
    own = '[[rules.rcpt]]\nname = "own"\nwhen.rcpt.local = "d"\n'
    own += 'do = [{ add_header = { name = "X-D", value = "d" } }]\n'
    assert len(recipients_of(tmp_path, own + TWO_BECOME_ONE, "<c@local.test>", "<d@local.test>")) == 2


def test_a_sender_that_wants_to_hear_of_two_hears_of_two(tmp_path: Path) -> None:
    lines = ("<c@local.test> NOTIFY=SUCCESS", "<d@local.test>")
    assert len(recipients_of(tmp_path, TWO_BECOME_ONE, *lines)) == 2
