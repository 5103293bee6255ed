"""The peers the other tests lean on start, do their work and end."""

from __future__ import annotations

import time

import pytest

from tests.peers.clients import Sink, smtp_source, swaks
from tests.peers.postfix import Postfix
from tests.peers.programs import find, needs


@pytest.mark.root
def test_postfix_delivers_into_its_inbox(postfix_server: Postfix) -> None:
    done = smtp_source(postfix_server.port, "-m", "3", "-f", "a@src.test", "-t", "user@local.test")
    assert done.returncode == 0, done.stderr
    end = time.monotonic() + 20
    while time.monotonic() < end and (not postfix_server.inbox.is_dir() or postfix_server.queued()):
        time.sleep(0.02)
    assert len(list(postfix_server.inbox.iterdir())) == 3


def test_the_sink_keeps_what_swaks_sends(sink: Sink) -> None:
    done = swaks(sink.port, "--from", "a@src.test", "--to", "b@relay.test", "--header", "Subject: kept")
    assert done.returncode == 0, done.stdout + done.stderr
    [message] = sink.messages()
    assert "X-Rcpt-Args: <b@relay.test>" in message
    assert "Subject: kept" in message


def test_a_missing_program_is_a_failure_in_ci_and_a_skip_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find("a-program-nobody-has") is None
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="required in CI"):
        needs("a-program-nobody-has")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="tools/setup"):
        needs("a-program-nobody-has")
