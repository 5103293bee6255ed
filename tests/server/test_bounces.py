"""A report as mail: what of the original comes back, and how it has to travel."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.queue.fake_spool import FakeSpool, Store
from vsmtp.queue.dsn import Told
from vsmtp.queue.records import NewMessage
from vsmtp.server.bounces import Failing, compose_bounce
from vsmtp.smtp.parameters import NO_MAIL_PARAMETERS, MailParameters, Return
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.values.outcome import Delivered, Failed
from vsmtp.values.reply import Reply

CONTENT = Content(b"Subject: a\r\n\r\nthe body\xe4\r\n")
LARGE = Content(b"Subject: a\r\n\r\n", BodyFile(Path("body"), 0, 10))
NEVER = Failed("", Reply(550, "5.1.1", "nobody"))
DONE = Delivered("maildir:/b", Reply(250, "2.0.0", "delivered"))
FULL = MailParameters(Return.FULL, "ID7")


def composed(
    wishes: MailParameters, content: Content = CONTENT, outcome: Failed | Delivered = NEVER
) -> NewMessage:
    async def compose() -> NewMessage:
        failing = Failing(Address("a", "src.test"), 0.0, "S", content, wishes)
        told = [Told(Address("b", "far.test"), outcome)]
        return compose_bounce("mx.test", FakeSpool(Store()), failing, told)

    return asyncio.run(compose())


@pytest.mark.parametrize(
    ("wishes", "content", "outcome", "is_whole"),
    [
        (FULL, CONTENT, NEVER, True),
        (FULL, CONTENT, DONE, False),
        (FULL, LARGE, NEVER, False),
        (MailParameters(Return.HDRS), CONTENT, NEVER, False),
        (MailParameters(Return.FULL, requiretls=True), CONTENT, NEVER, False),
        (NO_MAIL_PARAMETERS, CONTENT, NEVER, False),
    ],
)
def test_the_message_comes_back_whole_only_in_a_failure_and_as_wanted(
    wishes: MailParameters,
    content: Content,
    outcome: Failed | Delivered,
    is_whole: bool,  # noqa: FBT001
) -> None:
    report = composed(wishes, content, outcome)
    assert (b"the body" in report.content.data) is is_whole
    assert report.eight_bit is is_whole


def test_the_envelope_id_comes_back() -> None:
    assert b"Original-Envelope-Id: ID7\r\n" in composed(FULL).content.data


@pytest.mark.parametrize("requiretls", [False, True])
def test_a_report_on_mail_that_required_tls_requires_it_too(requiretls: bool) -> None:  # noqa: FBT001
    assert composed(MailParameters(requiretls=requiretls)).parameters.requiretls is requiretls
