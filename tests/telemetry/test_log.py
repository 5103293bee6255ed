from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.telemetry import log as log_module
from vsmtp.telemetry.events import Bug, CommandRefused, RuleSkipped, SessionOpened, Stopped, Stopping
from vsmtp.telemetry.log import Event, Log
from vsmtp.vocabulary.actions import Level, LogForm

FORMS = get_args(LogForm)
HOSTILE = '"a"=b \\ \n\r\t\x00\x1b[2J\x7f\x85\u2028\u2029\u202e é \ud800'
NOON = 1_700_000_000.25


@contextmanager
def logging_to(
    path: Path, form: LogForm = "json", level: Level = "debug", clock: Callable[[], float] = lambda: NOON
) -> Iterator[Log]:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    log = Log(level, form, [descriptor], clock)
    try:
        yield log
    finally:
        log.close()
        os.close(descriptor)


def written(path: Path, *events: Event, form: LogForm = "json", level: Level = "debug") -> list[str]:
    with logging_to(path, form, level) as log:
        for event in events:
            log.emit(event)
    octets = path.read_bytes()
    assert octets == b"" or octets.endswith(b"\n")
    return octets.decode().split("\n")[:-1]


def refused(text: str) -> CommandRefused:
    return CommandRefused("s", "192.0.2.1", "rcpt", "rule", text, text, text)


def test_a_json_line_has_time_level_and_event_and_then_the_fields(tmp_path: Path) -> None:
    [line] = written(tmp_path / "log", Stopping("SIGTERM", 3))
    assert line == (
        '{"time":"2023-11-14T22:13:20.250+00:00","level":"info","event":"stopping",'
        '"reason":"SIGTERM","sessions":3}'
    )


def test_an_event_without_fields_is_valid_json(tmp_path: Path) -> None:
    [line] = written(tmp_path / "log", Stopped())
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250+00:00", "level": "info", "event": "stopped",
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_event_is_one_line_in_every_form(tmp_path: Path, form: LogForm) -> None:
    events: tuple[Event, ...] = (Stopped(), Stopping("x", 0), RuleSkipped("s", "r", ("a", "b")))
    lines = written(tmp_path / "log", *events, form=form)
    assert all(event.event in line for event, line in zip(events, lines, strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_what_a_client_sent_breaks_no_line(tmp_path: Path, form: LogForm) -> None:
    events = (refused(HOSTILE), RuleSkipped(HOSTILE, HOSTILE, (HOSTILE, HOSTILE)), Bug("", "a\nb\n"))
    lines = written(tmp_path / "log", *events, form=form)
    assert len(lines) == len(events)
    assert all(len(line.splitlines()) == 1 for line in lines) or form == "json"
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("form", FORMS)
@given(st.text(st.characters(), max_size=40))
def test_any_text_is_one_line(form: LogForm, text: str) -> None:
    line = log_module._RENDERERS[form](log_module._Stamp(lambda: NOON))(refused(text), "info")
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    line.decode()


def test_json_gives_a_text_back_as_it_was(tmp_path: Path) -> None:
    sent = HOSTILE.replace("\ud800", "")
    [line] = written(tmp_path / "log", refused(sent))
    assert json.loads(line)["sender"] == sent


@pytest.mark.parametrize(("level", "events"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_what_is_below_the_level_is_left_out(tmp_path: Path, level: Level, events: int) -> None:
    mixed = (SessionOpened("s", "c", "l"), Stopped(), RuleSkipped("s", "r", ()))
    assert len(written(tmp_path / "log", *mixed, level=level)) == events


def test_a_level_that_is_given_goes_before_the_events_own(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", level="warning") as log:
        log.emit(Stopped(), "error")
        log.emit(RuleSkipped("s", "r", ()), "info")
    [line] = (tmp_path / "log").read_text().splitlines()
    assert json.loads(line)["level"] == "error"


def test_the_log_says_which_levels_it_wants(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log", level="warning") as log:
        assert [log.wants(level) for level in get_args(Level)] == [False, False, True, True]


def test_lines_beyond_what_may_wait_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING", 2)
    monkeypatch.setattr(log_module, "FLUSH_EVERY", 3600.0)
    lines = [json.loads(line) for line in written(tmp_path / "log", *[Stopped()] * 5)]
    assert [line["event"] for line in lines] == ["stopped", "stopped", "log lines dropped"]
    assert lines[-1]["count"] == 3
    assert lines[-1]["level"] == "error"


def test_close_writes_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "FLUSH_EVERY", 3600.0)
    assert len(written(tmp_path / "log", *[Stopped()] * 500)) == 500


def test_every_descriptor_gets_every_line(tmp_path: Path) -> None:
    paths = (tmp_path / "a", tmp_path / "b")
    descriptors = [os.open(path, os.O_WRONLY | os.O_CREAT, 0o600) for path in paths]
    log = Log("info", "json", descriptors, lambda: NOON)
    log.emit(Stopped())
    log.close()
    for descriptor in descriptors:
        os.close(descriptor)
    assert paths[0].read_text() == paths[1].read_text() != ""


def test_a_reader_that_has_gone_costs_nobody_else_a_line(tmp_path: Path) -> None:
    read, broken = os.pipe()
    os.close(read)
    whole = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT, 0o600)
    log = Log("info", "json", [broken, whole], lambda: NOON)
    log.emit(Stopped())
    log.close()
    os.close(broken)
    os.close(whole)
    assert "stopped" in (tmp_path / "log").read_text()


def test_the_time_is_the_clocks_to_the_millisecond(tmp_path: Path) -> None:
    moments = iter([0.0, 0.0004, 0.001, 1.5])
    with logging_to(tmp_path / "log", clock=lambda: next(moments)) as log:
        for _ in range(4):
            log.emit(Stopped())
    lines: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["time"].removeprefix("1970-01-01T00:00:") for line in lines] == [
        "00.000+00:00", "00.000+00:00", "00.001+00:00", "01.500+00:00",
    ]  # fmt: skip
