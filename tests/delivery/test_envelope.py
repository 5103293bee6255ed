"""What is said to a peer is what it offers to hear."""

from __future__ import annotations

from typing import Any

import pytest

from vsmtp.delivery import envelope
from vsmtp.delivery.consignment import Consignment
from vsmtp.smtp.parameters import (
    MailParameters,
    Notify,
    OriginalRecipient,
    RcptParameters,
    Return,
    rcpt_parameters,
)
from vsmtp.values.address import Address
from vsmtp.values.envelope import BodyFile, Content

NOTHING: dict[str, str] = {}
WISHES = MailParameters(Return.FULL, "QQ+1 2")
ALL = {"size": "", "8bitmime": "", "smtputf8": "", "dsn": "", "requiretls": ""}


def consignment(**more: Any) -> Consignment:
    usual: dict[str, Any] = {"content": Content(b"Subject: a\r\n\r\n")}
    return Consignment(1, 0, "1", Address("a", "src.test"), Address("b", "far.test"), 0.0, **(usual | more))


def rcpt(wished: RcptParameters, **offers: str) -> str:
    return envelope.rcpt(consignment(wished=wished), offers.get)


def test_all_that_is_offered_is_said_in_one_order() -> None:
    one = consignment(wishes=WISHES, eight_bit=True)
    assert envelope.mail(one, ALL.get, size=14, utf8=True) == (
        "MAIL FROM:<a@src.test> SIZE=14 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=QQ+2B1+202"
    )


def test_nothing_is_said_that_is_not_offered() -> None:
    one = consignment(wishes=WISHES, eight_bit=True, wished=RcptParameters(frozenset({Notify.NEVER})))
    assert envelope.mail(one, NOTHING.get, size=14, utf8=False) == "MAIL FROM:<a@src.test>"
    assert envelope.rcpt(one, NOTHING.get) == "RCPT TO:<b@far.test>"


def test_a_size_that_nobody_knows_is_not_said() -> None:
    assert envelope.mail(consignment(), ALL.get, size=None, utf8=False) == "MAIL FROM:<a@src.test>"


def test_the_text_of_mail_that_requires_tls_is_never_to_come_back() -> None:
    one = consignment(wishes=MailParameters(Return.FULL, requiretls=True))
    assert envelope.mail(one, ALL.get, size=None, utf8=False) == "MAIL FROM:<a@src.test> REQUIRETLS RET=HDRS"


@pytest.mark.parametrize(
    ("kind", "address", "written"),
    [
        ("rfc822", "o+1@src.test", "rfc822;o+2B1@src.test"),
        ("utf-8", "ü=@x.test", r"utf-8;\x{FC}\x{3D}@x.test"),
    ],
)
def test_an_orcpt_reads_as_it_was_given(kind: str, address: str, written: str) -> None:
    wished = RcptParameters(frozenset({Notify.SUCCESS, Notify.DELAY}), OriginalRecipient(kind, address))
    assert rcpt(wished, dsn="") == f"RCPT TO:<b@far.test> NOTIFY=DELAY,SUCCESS ORCPT={written}"
    assert rcpt_parameters({"ORCPT": written}, smtputf8=False).original == wished.original


def test_an_orcpt_that_grew_too_long_is_left_out() -> None:
    assert (
        rcpt(RcptParameters(original=OriginalRecipient("utf-8", "ü" * 200)), dsn="") == "RCPT TO:<b@far.test>"
    )


@pytest.mark.parametrize(
    ("more", "may_be"),
    [
        ({}, False),
        ({"eight_bit": True}, True),
        ({"content": Content(b"\xe4")}, True),
        ({"content": Content(b"a", BodyFile(None, 0, 1))}, True),  # type: ignore[arg-type] # nobody opens it
    ],
)
def test_what_nobody_has_looked_at_may_be_eight_bit(more: dict[str, Any], may_be: bool) -> None:  # noqa: FBT001
    assert envelope.may_be_eight_bit(consignment(**more)) is may_be
