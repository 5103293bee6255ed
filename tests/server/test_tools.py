"""The commands beside `run`: trying out, writing a tree, looking into the queue; and the other event loop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.peers.clients import swaks
from tests.peers.postfix import await_greeting, free_port
from tests.peers.server import VSMTP, Server, running_server
from tests.server.daemon import TRUSTING, Client, events, plant, serving, until, written
from tests.server.test_unsound import ROOT, told, vsmtp

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def trying(base: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """`vsmtp try` with a port and the file that its output goes to."""
    port, said = free_port(), base / "try.out"
    command = [*VSMTP, "try", "--port", str(port), *words]
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        await_greeting(port, lambda: process.poll() is None)
        yield process, port, said
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_try_prints_each_message_and_what_the_rules_did(tmp_path: Path, how: signal.Signals) -> None:
    with trying(tmp_path) as (process, port, said):
        done = swaks(port, "--from", "you@example.net", "--to", "user@example.org", "--body", "over here")
        assert done.returncode == 0, done.stdout
        until(lambda: "over here" in said.read_text())
        done = swaks(port, "--from", "you@example.net", "--to", "user@elsewhere.test")
        assert "554 5.7.1" in done.stdout
        process.send_signal(how)
        assert process.wait(20) == 0
        text = said.read_text()
        assert "from <you@example.net> to <user@example.org>" in text
        assert "rule `no-relaying`: MATCHES" in text
        assert "Traceback" not in text
        assert f"swaks --server 127.0.0.1:{port}" in text


def test_try_cannot_be_made_to_drive_a_terminal(tmp_path: Path) -> None:
    with trying(tmp_path) as (_, port, said), Client(port) as client:
        client.reply()
        client.say("HELO \x1b[31mred")
        client.say("HELO red")
        client.mail("user@example.org", message=b"Subject: \x1b]0;owned\x07\r\n\r\n\x1b[2J\xff\r\n")
        until(lambda: said.read_text().count("---") >= 2)
        assert "\x1b" not in said.read_text()
        assert "\x07" not in said.read_text()


def test_try_takes_the_rules_of_a_tree_even_one_without_local_domains(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "mine"\nwhen.sender.local = "me"\nreject = "550 5.7.1 by my rule"\n'
    plant(tmp_path, extra=rules)
    text = tmp_path / "conf.d" / "00-test.toml"
    text.write_text(text.read_text().replace('["local.test"]', "[]"))
    with trying(tmp_path, "-c", str(tmp_path)) as (process, port, said):
        with Client(port).greet() as client:
            assert client.say("MAIL FROM:<me@src.test>") == "550 5.7.1 by my rule"
        until(lambda: "rule `mine`: MATCHES" in said.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_try_says_that_its_port_is_taken(tmp_path: Path) -> None:
    with trying(tmp_path) as (_, port, _):
        done = vsmtp("try", "--port", port)
        assert done.returncode == 78
        assert "port-in-use" in told(done)


def test_what_init_writes_is_sound_and_serves(tmp_path: Path) -> None:
    base = tmp_path / "a tree"
    done = vsmtp("init", base)
    assert done.returncode == 0
    assert f"vsmtp run -c '{base}'" in told(done)
    checked = vsmtp("check", "-c", base)
    assert checked.returncode == 0, told(checked)
    port = free_port()
    listeners = base / "conf.d" / "10-listeners.toml"
    listeners.write_text(listeners.read_text().replace(":2525", f":{port}"))
    with running_server(base, port) as server:
        done = swaks(port, "--from", "you@example.net", "--to", "user@example.org")
        assert done.returncode == 0, done.stdout
        until(lambda: server.inbox("user"))
    assert vsmtp("init", base).returncode == 1


# The queue.


def queue(base: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = vsmtp("queue", "-c", base, *words)
    told(done)
    return done


def rows(base: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in queue(base, "list", "--format", "json").stdout.splitlines()]


def deferring(server: Server, *recipients: str) -> None:
    """Mail that waits: there is no smart host."""
    with Client(server.port).greet() as client:
        for recipient in recipients:
            assert client.mail(recipient, sender="me@local.test").startswith("250")
    until(lambda: len(events(server, "deferred")) == len(recipients))


@pytest.mark.parametrize("up", [True, False], ids=["server-up", "server-down"])
def test_the_queue_is_listed_shown_and_thinned_out(tmp_path: Path, *, up: bool) -> None:
    with serving(tmp_path, server=TRUSTING) as server:
        deferring(server, "one@relay.test", "two@relay.test", "three@relay.test")
        if not up:
            server.stop()
        one, two, three = rows(tmp_path)
        assert [row["recipients"][0]["address"] for row in (one, two, three)] == [
            "one@relay.test",
            "two@relay.test",
            "three@relay.test",
        ]
        assert one["sender"] == "me@local.test"
        assert one["recipients"][0]["attempts"] == 1
        text = queue(tmp_path, "list").stdout
        assert "3 messages" in text
        assert "to <two@relay.test>  again in" in text
        shown = queue(tmp_path, "show", two["id"]).stdout
        assert "Subject: s" in shown
        assert "Received: from client.test" in shown
        assert json.loads(queue(tmp_path, "show", "--format", "json", two["id"]).stdout)["id"] == two["id"]
        removed = queue(tmp_path, "remove", two["id"])
        assert (removed.returncode, removed.stdout) == (0, f"{two['id']} removed\n")
        again = queue(tmp_path, "remove", two["id"], one["id"])
        assert again.returncode == 1
        assert "there is no message" in again.stderr
        assert [row["id"] for row in rows(tmp_path)] == [three["id"]]
        answer = json.loads(queue(tmp_path, "retry", "--format", "json", "all").stdout)
        assert answer == {"done": "retry", "ids": [three["id"]]}
        if up:
            until(lambda: len(events(server, "deferred")) == 4)
        else:
            assert rows(tmp_path)[0]["recipients"][0]["due"] == 0
        assert queue(tmp_path, "remove", "all").returncode == 0
        assert queue(tmp_path, "list").stdout == "the queue is empty\n"
        assert queue(tmp_path, "show", "nonsense").returncode == 1
        assert queue(tmp_path, "remove", "all").returncode == 0


def test_what_is_expedited_while_the_server_is_down_is_tried_at_the_start(tmp_path: Path) -> None:
    with serving(tmp_path, server=TRUSTING) as server:
        deferring(server, "one@relay.test")
    assert queue(tmp_path, "retry", "all").returncode == 0
    with serving(tmp_path, server=TRUSTING) as server:
        until(lambda: [line for line in events(server, "deferred") if line["attempts"] == 2])


def test_the_tree_may_be_named_before_the_action_and_behind_it(tmp_path: Path) -> None:
    plant(tmp_path)
    for words in (["-c", tmp_path, "list"], ["list", "-c", tmp_path]):
        assert vsmtp("queue", *words).stdout == "the queue is empty\n"


def test_a_queue_that_was_never_used_is_empty(tmp_path: Path) -> None:
    plant(tmp_path)
    assert queue(tmp_path, "list").stdout == "the queue is empty\n"
    assert rows(tmp_path) == []


@pytest.mark.slow
def test_a_great_many_messages_are_removed_at_once(tmp_path: Path) -> None:
    def fill(port: int) -> str:
        one = b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\nSubject: s\r\n\r\n.\r\n"
        with Client(port).greet() as client:
            client.send(one * 300 + b"QUIT\r\n")
            return client.rest()

    with serving(tmp_path, server=TRUSTING, queue="hold = true") as server:
        # At once: each commit, and its sync, is then for many.
        with ThreadPoolExecutor(20) as clients:
            said = [*clients.map(fill, [server.port] * 20)]
        assert all(words.endswith("closing connection") for words in said)
        assert len(rows(tmp_path)) == 6000
        done = queue(tmp_path, "remove", "all")
        assert (done.returncode, done.stderr) == (0, "")
        assert queue(tmp_path, "list").stdout == "the queue is empty\n"


def test_a_listing_whose_reader_leaves_is_no_error(tmp_path: Path) -> None:
    everybody = "".join(f"RCPT TO:<{number}.{'x' * 50}@local.test>\r\n" for number in range(500))
    one = f"MAIL FROM:<a@src.test>\r\n{everybody}DATA\r\nSubject: s\r\n\r\n.\r\n"
    with serving(tmp_path, queue="hold = true") as server:
        with Client(server.port).greet() as client:
            # More than a pipe holds: whoever writes it meets the end.
            client.send(one.encode() * 3 + b"QUIT\r\n")
            assert client.rest().count("queued as") == 3
        command = [*VSMTP, "queue", "-c", str(tmp_path), "list"]
        lister = subprocess.Popen(
            command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert lister.stdout is not None
        assert lister.stderr is not None
        lister.stdout.read(1)
        lister.stdout.close()
        said = lister.stderr.read().decode()
        lister.stderr.close()
        assert said == ""
        assert lister.wait(20) == 0


def test_a_control_socket_survives_nonsense(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        [control] = until(lambda: [*tmp_path.glob("spool/shard/*/control")])
        with chdir(control.parent):  # the path of a socket has at most 107 octets
            for order in (
                b"\n",
                b"{}\n",
                b"[1]\n",
                b'{"do": 1}\n',
                b'{"do": "remove", "messages": ["x"]}\n',
                b'"x"\n',
                b'{"do": "remove", "messages": 5}\n',
                b'{"do":"remove","messages":[1e400]}\n',
                b"\xff" * 5000 + b"\n",
                b'{"do": "remove", "messages": [99999999999999999999999999]}\n',
                b'{"do": "retry", "messages": [-1]}\n',
            ):
                with socket.socket(socket.AF_UNIX) as asker:
                    asker.settimeout(5)
                    asker.connect("control")
                    asker.sendall(order)
                    assert asker.recv(65536).endswith(b"}\n"), order
            with socket.socket(socket.AF_UNIX) as asker:
                asker.settimeout(5)
                asker.connect("control")
                asker.sendall(b'{"do": "status"}\n')
                assert json.loads(asker.recv(65536))["sessions"] == 0
        with Client(server.port).greet() as client:
            assert client.mail("user@local.test").startswith("250")
        until(lambda: server.inbox("user"))
        assert not events(server, "internal error")


# The other loop, and the log in other forms.


def test_plain_asyncio_serves_as_well(tmp_path: Path) -> None:
    port = plant(tmp_path, server=TRUSTING)
    without = 'import sys; sys.modules["uvloop"] = None\nfrom vsmtp.cli.main import main; sys.exit(main())'
    output = (tmp_path / "server.out").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-c", without, "run", "-c", str(tmp_path)],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
    )  # fmt: skip
    output.close()
    server = Server(tmp_path, port, process)
    try:
        await_greeting(port, lambda: process.poll() is None)
        with Client(port).greet() as client:
            assert client.mail("user@local.test").startswith("250")
            assert client.mail(
                "user@local.test", message=b"Subject: l\r\n\r\n" + b"x\r\n" * 500_000
            ).startswith("250")
        with Client(port).greet() as client:
            client.say("MAIL FROM:<a@src.test>")
            client.say("RCPT TO:<user@local.test>")
            client.say("DATA")
            client.send(b"x\r\n" * 100_000)
            client.vanish()
        until(lambda: len(server.inbox("user")) == 2)
        with Client(port).greet() as client:
            server.stop()
            assert client.rest().startswith("421 4.3.2")
    finally:
        process.kill()
        process.wait()


HOSTILE = "\x07\x1b[31m\u2028\u202e\x85 level=error event=forged"


@pytest.mark.parametrize("form", ["json", "logfmt", "console"])
def test_no_sender_can_break_a_line_of_the_log(tmp_path: Path, form: str) -> None:
    rule = '[[rules.mail]]\nname = "says"\ndo = [{ log = "from {sender.address} {helo.name}" }]\n'
    logs = f'[logs]\nformat = "{form}"\nlevel = "debug"\n{rule}'
    with serving(tmp_path, extra=logs) as server:
        with Client(server.port) as client:
            client.reply()
            client.say(f"EHLO {HOSTILE}")
            client.say("EHLO x")
            for sender in (
                f'"{HOSTILE}"@src.test',
                '"a b=c"@src.test',
                '"\\"x\\""@src.test',
            ):
                if client.say(f"MAIL FROM:<{sender}> SMTPUTF8").startswith("250"):
                    client.say("RCPT TO:<user@local.test>")
                    client.say("DATA")
                    client.send(b"Subject: s\r\n\r\n.\r\n")
                    assert client.reply().startswith("250")
        until(lambda: server.output.count("session closed") >= 1)
        output = "\n".join(written(server))
        assert all(c.isprintable() or c == "\n" for c in output) or form == "json"
        assert "\x1b" not in output
        assert "Traceback" not in output
        if form == "json":
            assert all(json.loads(line)["event"] != "forged" for line in written(server))
        else:
            start = "time=20" if form == "logfmt" else "20"
            assert all(line.startswith(start) for line in written(server))
