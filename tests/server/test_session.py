"""A session by itself: what is remembered in which scope, what is taken back, what a fault of ours does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.parts import Guest, House, visit
from vsmtp.facts.answers import FactBook
from vsmtp.queue.records import NewMessage
from vsmtp.server.responder import INTERNAL
from vsmtp.values.reply import Reply

MARK = """
[[rules.{stage}]]
name = "mark"
{body}
"""


async def broken(_book: FactBook, _name: str) -> None:
    raise RuntimeError("our mistake")


def test_a_fault_while_facts_are_fetched_ends_the_session_with_421(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> str:
        house.parts.stages.fetch = broken
        return await guest.mail("nobody-here@local.test")

    text = '[domains."local.test"]\nrecipients = "system"\n'
    assert visit(tmp_path, text, scenario) == str(INTERNAL)


def test_a_rule_of_auth_may_refuse_a_login(tmp_path: Path) -> None:
    heard: list[Reply | None] = []

    async def scenario(_: House, guest: Guest) -> None:
        about = guest.session.visit.subject
        about.user, about.mechanism, about.auth_success = "eve", "PLAIN", True
        guest.session.authenticated(heard.append)
        about.user = "ann"
        guest.session.authenticated(heard.append)

    text = MARK.format(stage="auth", body='when.auth.user = "eve"\nreject = "535 5.7.8 not you"')
    visit(tmp_path, text, scenario)
    assert heard == [Reply(535, "5.7.8", "not you"), None]


@pytest.mark.parametrize("stage", ["connect", "mail"])
def test_a_discard_is_remembered_and_the_mail_is_gone(tmp_path: Path, stage: str) -> None:
    async def scenario(house: House, guest: Guest) -> tuple[str, int]:
        return await guest.mail("a@local.test"), len(house.queued)

    answer, queued = visit(tmp_path, MARK.format(stage=stage, body="discard = true"), scenario)
    assert answer.startswith("250 2.0.0 queued as ")
    assert queued == 0


def test_variables_of_the_connection_are_every_mails_and_those_of_a_mail_are_its_own(tmp_path: Path) -> None:
    text = MARK.format(stage="helo", body="do = [{ set = { greeted = true } }]")
    text += MARK.format(stage="mail", body='when.sender.local = "one"\ndo = [{ add = { n = 1 } }]')

    async def scenario(house: House, guest: Guest) -> list[NewMessage]:
        await guest.mail("a@local.test", sender="one@src.test")
        await guest.mail("a@local.test", sender="two@src.test")
        return house.queued

    one, two = visit(tmp_path, text, scenario)
    assert '"vars":{"greeted":true,"n":1}' in one.context
    assert '"vars":{"greeted":true}' in two.context


def test_the_changes_of_a_refused_recipient_are_taken_back(tmp_path: Path) -> None:
    text = MARK.format(
        stage="rcpt",
        body='when.rcpt.local = "no"\ndo = [{ add_rcpt = "leak@local.test" }]\nreject = "550 5.7.1 no"',
    )
    text += MARK.format(
        stage="data", body='do = [{ add_header = { name = "X-To", value = "{rcpts.address}" } }]'
    )

    async def scenario(house: House, guest: Guest) -> NewMessage:
        await guest.say(b"MAIL FROM:<a@src.test>\r\n")
        assert (await guest.say(b"RCPT TO:<no@local.test>\r\n")).startswith("550")
        await guest.say(b"RCPT TO:<yes@local.test>\r\nDATA\r\n")
        assert (await guest.say(b"\r\n.\r\n")).startswith("250")
        return house.queued[0]

    message = visit(tmp_path, text, scenario)
    assert [str(to.address) for to in message.recipients] == ["yes@local.test"]
    assert b"X-To: yes@local.test\r\n" in message.content.data


def test_a_rewritten_sender_and_removed_recipients_are_what_is_queued(tmp_path: Path) -> None:
    text = MARK.format(
        stage="prequeue",
        body='do = [{ rewrite_sender = "new@src.test" }, { remove_rcpt = "b@local.test" }]',
    )

    async def scenario(house: House, guest: Guest) -> NewMessage:
        assert (await guest.mail("a@local.test", "b@local.test")).startswith("250")
        return house.queued[0]

    message = visit(tmp_path, text, scenario)
    assert str(message.sender) == "new@src.test"
    assert [str(to.address) for to in message.recipients] == ["a@local.test"]


def test_mail_that_only_shipped_rules_saw_has_no_decision_record(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> tuple[str, int]:
        await guest.mail("a@local.test")
        return house.queued[0].context, len(house.store.remarks)

    context, remarks = visit(tmp_path, "", scenario)
    assert "remarked" not in context
    assert remarks == 0


def test_hits_are_counted_by_stage_and_rule(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> dict[str, int]:
        await guest.mail("a@local.test")
        await guest.mail("a@elsewhere.test")
        return {f"{stage.label}/{rule}": n for (stage, rule), n in house.parts.stages.hits.items()}

    text = MARK.format(stage="mail", body="do = [{ set = { x = 1 } }]")
    assert visit(tmp_path, text, scenario) == {"mail/mark": 2, "rcpt/no-relaying": 1}
