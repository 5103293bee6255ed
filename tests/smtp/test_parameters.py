from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.smtp.script import with_terms
from vsmtp.smtp.commands import VERBS, Dialect, Meaning, Say
from vsmtp.smtp.parameters import MailParameters, Notify, OriginalRecipient, RcptParameters, Return
from vsmtp.smtp.questions import Mail, Rcpt
from vsmtp.values.address import Address

TERMS = with_terms("+DSN", "+REQUIRETLS", "tls=active", "auth=PLAIN", "max_message_size=1000")
ALL = Notify.SUCCESS, Notify.FAILURE, Notify.DELAY


def read(verb: bytes, argument: str, *, smtputf8: bool = False) -> Meaning:
    return VERBS[verb].read(argument.encode(), TERMS.offer, Dialect(esmtp=True, smtputf8=smtputf8))


def mail(parameters: str) -> Meaning:
    return read(b"MAIL", f"FROM:<a@b.example> {parameters}")


def rcpt(parameters: str, *, smtputf8: bool = False) -> Meaning:
    return read(b"RCPT", f"TO:<a@b.example> {parameters}", smtputf8=smtputf8)


@pytest.mark.parametrize(("written", "parameters"), [
    ("RET=FULL", MailParameters(Return.FULL)),
    ("ret=hdrs", MailParameters(Return.HDRS)),
    ("ENVID=QQ314159", MailParameters(envelope_id="QQ314159")),
    ("ENVID=a+2Bb+20c", MailParameters(envelope_id="a+b c")),
    ("ENVID=" + "e" * 100, MailParameters(envelope_id="e" * 100)),
    ("AUTH=<>", MailParameters()),
    ("AUTH=e+3Dmc2@example.com", MailParameters(submitter=Address("e=mc2", "example.com"))),
    ("REQUIRETLS", MailParameters(requiretls=True)),
    ("requiretls SIZE=1000 BODY=7bit", MailParameters(requiretls=True)),
])  # fmt: skip
def test_what_mail_takes_is_read(written: str, parameters: MailParameters) -> None:
    meaning = mail(written)
    assert isinstance(meaning, Mail)
    assert meaning.parameters == parameters


@pytest.mark.parametrize("written", [
    "RET", "RET=", "RET=BODY", "RET=FULL RET=HDRS", "ENVID", "ENVID=", "ENVID=a=b", "ENVID=+0a", "ENVID=+0A",
    "ENVID=+7F", "ENVID=+C3+A4", "ENVID=" + "e" * 101, "AUTH", "AUTH=", "AUTH=a", "AUTH=<a@b>", "AUTH=+FF@b",
    "REQUIRETLS=", "REQUIRETLS=1", "REQUIRETLS REQUIRETLS", "SIZE=-1", "SIZE=1.5", "SIZE=" + "1" * 21,
    "SIZE=٣", "BODY=9BIT", "BODY=BINARYMIME", "SMTPUTF8=", "SMTPUTF8=1",
])  # fmt: skip
def test_what_mail_does_not_take_is_refused(written: str) -> None:
    meaning = mail(written)
    assert isinstance(meaning, Say)
    assert meaning.name == "bad_parameter"


@pytest.mark.parametrize("written", ["NOTIFY=NEVER", "MT-PRIORITY=3", "HOLDFOR=60", "X", "=", "=1"])
def test_what_is_not_offered_is_unknown(written: str) -> None:
    assert mail(written) == Say("unknown_parameter")


@pytest.mark.parametrize(("written", "parameters"), [
    ("NOTIFY=NEVER", RcptParameters(frozenset({Notify.NEVER}))),
    ("NOTIFY=failure", RcptParameters(frozenset({Notify.FAILURE}))),
    ("NOTIFY=SUCCESS,FAILURE,DELAY", RcptParameters(frozenset(ALL))),
    ("NOTIFY=DELAY,DELAY", RcptParameters(frozenset({Notify.DELAY}))),
    ("ORCPT=rfc822;Bob+40b.example", RcptParameters(original=OriginalRecipient("rfc822", "Bob@b.example"))),
    ("ORCPT=x400;/c+3Dus", RcptParameters(original=OriginalRecipient("x400", "/c=us"))),
    ("ORCPT=utf-8;j\\x{FC}rgen@example.org",
     RcptParameters(original=OriginalRecipient("utf-8", "jürgen@example.org"))),
    ("ORCPT=rfc822;" + "a" * 493, RcptParameters(original=OriginalRecipient("rfc822", "a" * 493))),
])  # fmt: skip
def test_what_rcpt_takes_is_read(written: str, parameters: RcptParameters) -> None:
    assert rcpt(written) == Rcpt(Address("a", "b.example"), parameters)


@pytest.mark.parametrize("written", [
    "NOTIFY", "NOTIFY=", "NOTIFY=,", "NOTIFY=ALWAYS", "NOTIFY=NEVER,NEVER", "NOTIFY=NEVER,DELAY",
    "NOTIFY=DELAY,", "NOTIFY=DELAY NOTIFY=DELAY", "ORCPT", "ORCPT=", "ORCPT=a@b", "ORCPT=;a", "ORCPT=rfc822;",
    "ORCPT=rfc822;+0A", "ORCPT=rfc822;+00", "ORCPT=rfc822;+FF", "ORCPT=rfc822;a=b", "ORCPT=rfc(822);a",
    "ORCPT=rfc822;" + "a" * 494, "ORCPT=utf-8;jürgen@b", "ORCPT=utf-8;\\x{}", "ORCPT=utf-8;\\x{D800}",
    "ORCPT=utf-8;\\x{FFFFFF}", "ORCPT=utf-8;\\x{A}", "ORCPT=utf-8;a\\b",
])  # fmt: skip
def test_what_rcpt_does_not_take_is_refused(written: str) -> None:
    meaning = rcpt(written)
    assert isinstance(meaning, Say)
    assert meaning.name == "bad_parameter"


def test_an_original_recipient_may_stand_as_it_is_under_smtputf8() -> None:
    wanted = RcptParameters(original=OriginalRecipient("UTF-8", "jürgen@b"))
    assert rcpt("ORCPT=UTF-8;jürgen@b", smtputf8=True) == Rcpt(Address("a", "b.example"), wanted)


STARTS = st.sampled_from(["", "RET=", "ENVID=", "AUTH=", "NOTIFY=", "ORCPT=utf-8;", "SIZE="])


@given(st.text(max_size=40), STARTS)
def test_any_parameter_is_read_or_refused(text: str, start: str) -> None:
    argument = (start + text).encode("utf-8", "replace").decode()
    assert isinstance(mail(argument), Mail | Say)
    assert isinstance(rcpt(argument, smtputf8=True), Rcpt | Say)
