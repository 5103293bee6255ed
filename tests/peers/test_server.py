"""`vsmtp run` among programs nobody here wrote."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import StartServer
from tests.peers.clients import Sink, smtp_source, swaks
from tests.peers.postfix import Postfix
from tests.peers.server import running_server, write_tree

PATIENCE = 20.0


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.02)


def test_mail_from_swaks_lands_in_a_maildir(start_server: StartServer) -> None:
    server = start_server("")
    done = swaks(server.port, "--from", "a@src.test", "--to", "user@local.test", "--body", "one\n.\n..two\n")
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: server.inbox("user"))
    [message] = server.inbox("user")
    assert message.read_text().partition("\n\n")[2].rstrip("\n") == "one\n.\n..two"


def test_mail_from_smtplib_for_two_lands_in_two_maildirs(start_server: StartServer) -> None:
    server = start_server("")
    with smtplib.SMTP("127.0.0.1", server.port, "client.test") as client:
        assert (
            client.sendmail("a@src.test", ["one@local.test", "two@local.test"], "Subject: both\n\nhi\n") == {}
        )
    until(lambda: server.inbox("one") and server.inbox("two"))


@pytest.mark.parametrize("reuse", [[], ["-d"]], ids=["a-connection-each", "many-a-connection"])
def test_all_mail_from_smtp_source_lands_in_a_maildir(start_server: StartServer, reuse: list[str]) -> None:
    server = start_server("")
    options = ["-s", "10", "-m", "100", "-l", "4096", "-f", "a@src.test", "-t", "user@local.test"]
    done = smtp_source(server.port, *reuse, *options)
    assert done.returncode == 0, done.stderr
    until(lambda: len(server.inbox("user")) == 100)


def test_messages_of_a_megabyte_from_many_sessions_arrive_whole(start_server: StartServer) -> None:
    server = start_server("")
    done = smtp_source(
        server.port, "-s", "10", "-m", "20", "-l", "1000000", "-f", "a@src.test", "-t", "user@local.test"
    )
    assert done.returncode == 0, done.stderr
    until(lambda: len(server.inbox("user")) == 20)
    assert all(path.stat().st_size > 950_000 for path in server.inbox("user"))


def test_mail_for_another_domain_goes_to_the_smart_host(start_server: StartServer, sink: Sink) -> None:
    server = start_server(f'[delivery]\nsmarthost = "127.0.0.1:{sink.port}"\n')
    done = swaks(
        server.port, "--from", "a@src.test", "--to", "b@relay.test", "--header", "Subject: on its way"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    until(sink.messages)
    [message] = sink.messages()
    assert "X-Rcpt-Args: <b@relay.test>" in message
    assert "Subject: on its way" in message


@pytest.mark.root
def test_a_real_postfix_takes_what_is_relayed(start_server: StartServer, postfix_server: Postfix) -> None:
    server = start_server(f'[delivery]\nsmarthost = "127.0.0.1:{postfix_server.port}"\n')
    done = swaks(server.port, "--from", "a@src.test", "--to", "b@relay.test")
    assert done.returncode == 0, done.stdout + done.stderr
    # What Postfix makes of it is its own affair: it took it, and answers for it from there.
    until(lambda: "to=<b@relay.test>" in postfix_server.log)


def test_sigterm_ends_a_server_in_order_and_what_it_took_is_delivered(tmp_path: Path) -> None:
    port = write_tree(tmp_path)
    with running_server(tmp_path, port) as server:
        done = smtp_source(port, "-s", "5", "-m", "20", "-f", "a@src.test", "-t", "user@local.test")
        assert done.returncode == 0, done.stderr
        server.stop()
    with running_server(tmp_path, port) as server:
        until(lambda: len(server.inbox("user")) == 20)


def test_after_kill_9_everything_accepted_is_delivered_once(tmp_path: Path) -> None:
    port = write_tree(tmp_path)
    with running_server(tmp_path, port) as server:
        done = smtp_source(port, "-s", "5", "-m", "50", "-f", "a@src.test", "-t", "user@local.test")
        assert done.returncode == 0, done.stderr
        server.kill()
    with running_server(tmp_path, port) as server:
        until(lambda: len(server.inbox("user")) >= 50)
        assert len(server.inbox("user")) == 50
