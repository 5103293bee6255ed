from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.hostile import LIMIT, TRACED, TRIES, swift
from vsmtp.disk.octets import OpenBody
from vsmtp.facts.answers import FactBook
from vsmtp.facts.message import MessageView
from vsmtp.facts.mime import SurveyJob
from vsmtp.facts.subject import Connection, Transaction
from vsmtp.message.edits import AddField, SetField, edit
from vsmtp.message.mime.survey import read_top, survey
from vsmtp.rules.compile import Ruleset, compile_rules
from vsmtp.rules.evaluate import Ended, Walk
from vsmtp.rules.reading import RuleSource
from vsmtp.values.answer import MISSING, OverLimit, Unavailable
from vsmtp.values.envelope import BodyFile, Content
from vsmtp.vocabulary.answers import UNASKED
from vsmtp.vocabulary.stages import Stage

HEAD = b"From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
BODY = b"--b\r\n\r\nhello\r\n--b\r\nContent-Type: a/b; name=x\r\n\r\n1\r\n--b--\r\n"
LARGE = BODY + b"x" * 70_000
NAMES = (
    "attachments", "attachment_names", "attachment_types", "mime_types", "text", "defects", "subject",
    "from", "to",
    "headers.to", "raw_headers.to", "header_count.to", "date", "received_count",
)  # fmt: skip


def in_file(directory: Path, octets: bytes, offset: int = 0) -> BodyFile:
    path = directory / "body"
    path.write_bytes(octets)
    return BodyFile(path, offset, len(octets))


def test_a_small_message_is_answered_at_once() -> None:
    view = MessageView(HEAD, Content(BODY))
    assert view.ask("message.attachments") == 1
    assert view.ask("message.attachment_names") == ("x",)
    assert view.ask("message.attachment_types") == ("a/b",)
    assert view.ask("message.mime_types") == ("multipart/mixed", "text/plain", "a/b")
    assert view.ask("message.text") == "hello"
    assert view.ask("message.defects") == ()


def test_of_a_header_alone_no_parts_are_known() -> None:
    assert MessageView(HEAD).ask("message.text") == MISSING
    assert MessageView(HEAD).ask("message.defects") == ()


@pytest.mark.parametrize("body", [
    LARGE,
    BODY + b"\n--" * 101,
    BODY + b";" * 501,
])  # fmt: skip
def test_a_large_message_is_answered_by_a_job(body: bytes) -> None:
    view = MessageView(HEAD, Content(body))
    assert view.ask("message.attachments") == UNASKED
    view.store(view.job.run())
    assert view.ask("message.attachments") == 1


def test_a_message_on_the_disk_is_answered_by_a_job(tmp_path: Path) -> None:
    view = MessageView(HEAD, Content(b"", in_file(tmp_path, HEAD + BODY, len(HEAD))))
    assert view.ask("message.text") == UNASKED
    view.store(view.job.run())
    assert view.ask("message.text") == "hello"


def test_a_message_that_cannot_be_read_is_unavailable(tmp_path: Path) -> None:
    view = MessageView(HEAD, Content(b"", BodyFile(tmp_path / "none", 0, 10)))
    view.store(view.job.run())
    assert isinstance(view.ask("message.text"), Unavailable)
    assert isinstance(view.ask("message.defects"), Unavailable)
    short = BodyFile(in_file(tmp_path, b"--b").path, 0, 10)
    assert isinstance(SurveyJob.about(HEAD, Content(b"", short)).run(), Unavailable)


def test_an_edit_of_another_field_keeps_what_is_known() -> None:
    view = MessageView(HEAD, Content(LARGE))
    view.store(view.job.run())
    view = view.edited(edit(HEAD, [AddField("X-A", "1")])).edited(edit(HEAD, [AddField("X-B", "1")]))
    assert view.ask("message.attachments") == 1
    assert view.ask("message.headers.x-b") == ("1",)


def test_an_edit_of_the_type_forgets_what_was_known() -> None:
    view = MessageView(HEAD, Content(BODY))
    assert view.ask("message.attachments") == 1
    view = view.edited(edit(HEAD, [SetField("Content-Type", "text/plain")]))
    assert view.ask("message.attachments") == 0


def test_a_malformed_header_is_a_defect_and_hides_no_parts() -> None:
    view = MessageView(b"junk\r\n" + HEAD, Content(BODY))
    assert view.ask("message.defects") == ("malformed-header-line",)
    assert view.ask("message.attachment_names") == ("x",)


def test_past_a_limit_a_fact_is_over_limit() -> None:
    view = MessageView(HEAD, Content(b"--b\r\n" * 2_000))
    view.store(view.job.run())
    assert view.ask("message.text") == OverLimit("more than 1000 MIME parts")
    assert "mime-over-limit" in str(view.ask("message.defects"))


@given(
    st.lists(st.sampled_from([b"--b\r\n", b"--b--\r\n", b"\r\n", b"Content-Type: a/b; name=x\r\n", b"text"])),
    st.integers(1, 40),
    st.integers(0, 20),
)
def test_a_window_shows_what_is_there(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], window: int, offset: int
) -> None:
    """The parts of a message do not depend on where it lies, or on how much of it is seen at a time."""
    body = b"".join(pieces)
    memory = SurveyJob.about(HEAD, Content(body)).run()
    path = tmp_path_factory.getbasetemp() / "body"
    path.write_bytes(b"y" * offset + body[3:])
    with OpenBody(body[:3], BodyFile(path, offset, offset + len(body[3:])), window) as octets:
        assert octets[:] == body
        assert survey(read_top(HEAD), octets) == memory


HOSTILE = {
    "16,000 addresses": (b"To: " + b"a@b.example, " * 16_000 + b"\r\n\r\n", b""),
    "a header of 200 KB": (b"To: " + b"(" * 200_000 + b"\r\n\r\n", b""),
    "a subject of encoded words": (b"To: " + b"=?utf-8?q?a?= " * 16_000 + b"\r\n\r\n", b""),
    "50,000 parameters": (b"Content-Type: a/b" + b"; a=b" * 50_000 + b"\r\n\r\n", b""),
    "junk for a header": (b"a\r\n" * 80_000 + b"\r\n", b""),
    "5,000 fields": (b"to: b\r\n" * 5_000 + b"\r\n", b""),
    "100 parts": (HEAD, b"--b\r\nContent-Type: a/b; name*0*=a\r\n\r\n" * 99),
    "99 levels": (
        b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n",
        b"".join(
            b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (at, at + 1) for at in range(99)
        ),
    ),
    "10,000 parts": (HEAD, b"--b\r\n" * 10_000),
    "64 KiB of qp": (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"=" * 65_000),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_fact_of_a_hostile_message_holds_up_the_loop(hostile: str, name: str) -> None:
    head, body = HOSTILE[hostile]
    swift(lambda: MessageView(head, Content(body)).ask(f"message.{name}"))


def longest_step(test: dict[str, object], head: bytes, body: bytes) -> float:
    """The most processor time, in seconds, for which a rule with this condition held up the loop."""
    source = RuleSource(
        ("rules", "prequeue", 0), {"name": "r", "when": {"message": test}, "reject": "554 no"}
    )
    compiled = compile_rules(Ruleset({Stage.PREQUEUE: [source]}, {}, {}), {})
    assert not compiled.faults
    pipeline = compiled.graph.stage(Stage.PREQUEUE)
    assert pipeline is not None
    nobody = Connection(None, None, "", None, "pickup", trusted=False)
    book = FactBook(nobody, Transaction(head=head, body=Content(body)), lambda: datetime.now(UTC))
    walk = Walk(pipeline, book)
    longest = 0.0
    while True:
        start = process_time()
        step = walk.advance()
        longest = max(longest, process_time() - start)
        if isinstance(step, Ended):
            return longest
        for question in book.wanted("message.text"):
            assert isinstance(question, SurveyJob)
            book.store(question, question.run())


TEXT_HEAD = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
TEXTS = {"ascii": b"Ab " * 349_000, "latin": "é ".encode() * 349_000, "wide": "日".encode() * 349_000}


@pytest.mark.parametrize("test", [
    {"contains": [f"zz{number}" for number in range(100)]},
    {"matches": ["(?i)viagra|c[1i]alis.*now", "(A+b+)+y"]},
    {"glob": "*a*b*c*zz*"},
    {"not": "{message.subject}"},
])  # fmt: skip
@pytest.mark.parametrize("text", TEXTS)
def test_a_rule_about_a_megabyte_of_text_does_not_hold_up_the_loop(
    text: str, test: dict[str, object]
) -> None:
    steps = (longest_step({"text": test}, TEXT_HEAD, TEXTS[text]) for _ in range(TRIES))
    assert any(step < LIMIT * (TRACED if sys.gettrace() else 1) for step in steps)
