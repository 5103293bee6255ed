"""What became of recipients is one change: finished, due again, or failed with a report to the sender."""

from __future__ import annotations

import asyncio

import pytest

from tests.queue.fake_spool import FakeSpool, Store
from vsmtp.queue.records import ACTIVE, Addressee, NewMessage
from vsmtp.queue.schedule import Schedule
from vsmtp.server.ledger import Books, Ledger
from vsmtp.server.parcel import Held, Parcel
from vsmtp.smtp.parameters import Notify, OriginalRecipient, RcptParameters
from vsmtp.telemetry.events import RecipientDeferred, RecipientDelivered, RecipientDropped, RecipientFailed
from vsmtp.telemetry.log import Event, Log
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.envelope import Content
from vsmtp.values.outcome import Deferred, Delivered, Failed
from vsmtp.values.reply import Reply
from vsmtp.vocabulary.actions import Level

NOW = 1_800_000_000.0
ARRIVED = NOW - 100.0
A, B = Address.parse("a@there.test"), Address.parse("b@there.test")
LATER = Deferred("smtp:peer:25", Reply(451, "4.3.0", "later"))
NEVER = Failed("smtp:peer:25", Reply(550, "5.1.1", "nobody"))


class Said(Log):
    """A log that keeps its events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event, level: Level | None = None) -> None:  # noqa: ARG002 as `Log` has it
        self.events.append(event)


class Office:
    """A ledger for one message to A and B."""

    def __init__(self, *, sender: str = "s@here.test", lifetime: float = 1000.0) -> None:
        self.log = Said()
        self.spool = FakeSpool(Store())
        schedule = Schedule((60.0, 120.0), 0.0, lifetime)
        self.ledger = Ledger(
            Books("mx.test", schedule, self.log, lambda: NOW, lambda: 0.5), self.spool, "route"
        )
        self.mail = NewMessage(
            self.spool.number(ARRIVED),
            ARRIVED,
            Address.parse(sender) if sender else NULL_SENDER,
            eight_bit=False,
            smtputf8=False,
            session="session",
            state=ACTIVE,
            recipients=(Addressee(A), Addressee(B)),
            content=Content(b"Subject: hello\r\n\r\nbody\r\n"),
        )
        self._held = Held(self.spool, self.mail, self.spool.name(self.mail.number), 2)

    def parcel(self, number: int, attempts: int = 0) -> Parcel:
        return Parcel(self._held, number, (A, B)[number], attempts, "", again=False)


async def _office(sender: str = "s@here.test", lifetime: float = 1000.0) -> Office:
    return Office(sender=sender, lifetime=lifetime)


def office(sender: str = "s@here.test", lifetime: float = 1000.0) -> Office:
    return asyncio.run(_office(sender, lifetime))


def test_a_delivered_recipient_is_finished_and_told_with_its_delay() -> None:
    one = office()
    one.ledger.enter(one.parcel(0), Delivered("maildir:/a", Reply(250, "2.0.0", "delivered")))
    change, reports, first = one.ledger.close()
    assert (change.finished, change.rescheduled, reports) == (((one.mail.number, 0),), (), [])
    assert first == float("inf")
    event = one.log.events[0]
    assert isinstance(event, RecipientDelivered)
    assert (event.recipient, event.delay, event.session) == ("a@there.test", 100.0, "session")


def test_a_dropped_recipient_is_finished_and_nobody_but_the_log_hears_of_it() -> None:
    one = office()
    one.ledger.enter(one.parcel(1), None)
    change, reports, _ = one.ledger.close()
    assert (change.finished, reports) == (((one.mail.number, 1),), [])
    name = one.spool.name(one.mail.number)
    assert one.log.events == [RecipientDropped("session", name, "s@here.test", "b@there.test")]


def test_a_deferred_recipient_waits_by_the_schedule_and_keeps_the_reason() -> None:
    one = office()
    one.ledger.enter(one.parcel(0), LATER)
    one.ledger.enter(one.parcel(1, attempts=1), LATER)
    change, _, first = one.ledger.close()
    assert [(entry.attempts, entry.due - NOW) for entry in change.rescheduled] == [(1, 60.0), (2, 120.0)]
    assert {(entry.route, entry.reply) for entry in change.rescheduled} == {("route", "451 4.3.0 later")}
    assert first == NOW + 60.0
    assert [type(event) for event in one.log.events] == [RecipientDeferred, RecipientDeferred]


def test_a_rule_may_say_when_to_try_again() -> None:
    one = office()
    one.ledger.enter(one.parcel(0), LATER, retry_in=7.0)
    assert one.ledger.close()[0].rescheduled[0].due == NOW + 7.0


def test_when_its_life_is_over_a_deferred_recipient_fails_with_the_last_reason() -> None:
    one = office(lifetime=50.0)
    one.ledger.enter(one.parcel(0), LATER)
    change, reports, _ = one.ledger.close()
    assert (change.rescheduled, change.finished) == ((), ((one.mail.number, 0),))
    assert b"451 4.3.0 later" in reports[0].content.data.replace(b"\r\n ", b" ")


def test_the_failures_of_a_message_are_one_report_in_the_same_change() -> None:
    one = office()
    one.ledger.enter(one.parcel(0), NEVER)
    one.ledger.enter(one.parcel(1), NEVER)
    change, reports, _ = one.ledger.close()
    assert change.accepted == tuple(reports)
    (report,) = reports
    assert report.sender == NULL_SENDER
    assert [to.address for to in report.recipients] == [one.mail.sender]
    assert b"a@there.test" in report.content.data
    assert b"b@there.test" in report.content.data
    told = [event.bounce for event in one.log.events if isinstance(event, RecipientFailed)]
    assert told == [one.spool.name(report.number)] * 2


def test_a_report_that_fails_is_not_reported() -> None:
    one = office(sender="")
    one.ledger.enter(one.parcel(0), NEVER)
    change, reports, _ = one.ledger.close()
    assert (change.accepted, reports) == ((), [])
    assert [event.bounce for event in one.log.events if isinstance(event, RecipientFailed)] == [""]


@pytest.mark.parametrize("outcome", [LATER, NEVER])
def test_one_recipients_trouble_does_not_touch_the_other(outcome: Deferred | Failed) -> None:
    one = office()
    one.ledger.enter(one.parcel(0), outcome)
    one.ledger.enter(one.parcel(1), Delivered("maildir:/b", Reply(250, "2.0.0", "delivered")))
    assert (one.mail.number, 1) in one.ledger.close()[0].finished


DONE = Delivered("maildir:/b", Reply(250, "2.0.0", "delivered"))


def wishing(one: Office, number: int, *notify: Notify) -> Parcel:
    parcel = one.parcel(number)
    parcel.parameters = RcptParameters(frozenset(notify), OriginalRecipient("rfc822", "first@here.test"))
    return parcel


def test_a_success_is_reported_to_who_wants_to_hear_of_it() -> None:
    one = office()
    one.ledger.enter(wishing(one, 0, Notify.SUCCESS), DONE)
    one.ledger.enter(one.parcel(1), DONE)
    [report] = one.ledger.close()[1]
    assert (report.sender, report.recipients[0].address) == (NULL_SENDER, Address.parse("s@here.test"))
    assert report.recipients[0].parameters.notify == {Notify.NEVER}
    assert b"Action: delivered" in report.content.data
    assert b"Original-Recipient: rfc822; first@here.test" in report.content.data
    assert b"b@there.test" not in report.content.data


def test_nobody_reports_what_the_next_server_will() -> None:
    one = office()
    one.ledger.enter(wishing(one, 0, Notify.SUCCESS), Delivered("smtp:x:25", DONE.reply, "passed-on"))
    assert one.ledger.close()[1] == []


def test_the_null_sender_hears_of_no_success() -> None:
    one = office(sender="")
    one.ledger.enter(wishing(one, 0, Notify.SUCCESS), DONE)
    assert one.ledger.close()[1] == []


def test_failures_are_told_of_those_recipients_only_for_whom_it_is_wanted() -> None:
    one = office()
    one.ledger.enter(wishing(one, 0, Notify.NEVER), NEVER)
    one.ledger.enter(wishing(one, 1, Notify.FAILURE), NEVER)
    change, [report], _ = one.ledger.close()
    assert change.finished == ((one.mail.number, 0), (one.mail.number, 1))
    assert b"a@there.test" not in report.content.data
    name = one.spool.name(report.number)
    assert [event.bounce for event in one.log.events if isinstance(event, RecipientFailed)] == ["", name]


def test_successes_and_failures_are_reported_apart() -> None:
    one = office()
    one.ledger.enter(wishing(one, 0, Notify.SUCCESS), DONE)
    one.ledger.enter(one.parcel(1), NEVER)
    assert len({report.number for report in one.ledger.close()[1]}) == 2
