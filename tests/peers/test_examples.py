"""Real mail through trees of `examples/`: the server says and does what `vsmtp explain` has said."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.peers.clients import swaks
from tests.peers.postfix import free_port
from tests.peers.server import running_server
from tests.server.daemon import until
from vsmtp.cli.main import main

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
# Everybody on loopback is 127.x: the trees as they are played here trust this one alone.
OURS: Final = "127.0.0.9"
STRANGER: Final = "127.0.0.1"
ADDRESS: Final = re.compile(r"^address = \[.*\]", re.MULTILINE)
TRUSTED: Final = re.compile(r"^trusted = \[.*\]", re.MULTILINE)


def settle(name: str, base: Path) -> Path:
    """A copy of the tree whose mail stays below `base` and which trusts `OURS` alone."""
    tree = Path(shutil.copytree(EXAMPLES / name, base / name))
    for path in (*tree.glob("conf.d/*.toml"), *tree.glob("*.csv")):
        text = path.read_text("utf-8").replace("/srv/mail", f"{tree}/mail").replace("587", str(free_port()))
        text = ADDRESS.sub(lambda _: f'address = ["127.0.0.1:{free_port()}"]', text)
        path.write_text(TRUSTED.sub(f'trusted = ["{OURS}"]', text), "utf-8")
    return tree


@contextmanager
def serving(tree: Path) -> Iterator[int]:
    """The port of the tree's first listener, with a server behind it."""
    text = "".join(path.read_text("utf-8") for path in sorted((tree / "conf.d").glob("*.toml")))
    port = int(re.findall(r'^address = \["127.0.0.1:(\d+)"\]', text, re.MULTILINE)[0])
    with running_server(tree, port):
        yield port


def said(dialogue: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was said to MAIL, RCPT and the message, without queue ids."""
    kept = [(command, reply) for command, reply in dialogue if command.startswith(("MAIL", "RCPT", "."))]
    return [(command, re.sub(r"queued as \w+", "queued", reply)) for command, reply in kept]


def heard(output: str) -> list[tuple[str, str]]:
    """Commands and replies in what swaks printed."""
    return re.findall(r"^ -> (.*)\n<(?:- |\*\*) (.*)", output, re.MULTILINE)


def explained(tree: Path, words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["explain", "-c", str(tree), "--format", "json", *words]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def expected(found: dict[str, Any]) -> list[tuple[str, str]]:
    dialogue = [(one["command"], one["reply"]) for one in found["dialogue"]]
    return [("." if command == "(the message)" else command, reply) for command, reply in dialogue]


class Trial:
    """A running tree; `mail` explains a mail, then sends it, and the two must agree."""

    def __init__(self, tree: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.tree = tree
        self._port = port
        self._capsys = capsys

    def mail(self, client: str, sender: str, *recipients: str, file: str = "") -> dict[str, Any]:
        """What `explain` says of it, which is what the server has said."""
        words = ["--client", client, "--helo", "client.test", "--from", sender, "--rcpt", *recipients]
        message = self.tree / "tests.d" / "mails" / file
        found = explained(self.tree, [*words, *([str(message)] if file else [])], self._capsys)
        sent = swaks(
            self._port, "--local-interface", client, "--from", sender, "--to", ",".join(recipients),
            *(["--data", f"@{message}"] if file else []),
        )  # fmt: skip
        assert said(heard(sent.stdout)) == said(expected(found)), sent.stdout
        return found

    def delivered(self, folder: str, count: int = 1) -> str:
        """The newest message in a Maildir that is to get `count`."""
        place = self.tree / "mail" / folder / "new"
        until(lambda: len([*place.glob("*")]) == count)
        return max(place.glob("*"), key=lambda path: path.stat().st_mtime_ns).read_text("utf-8")


@contextmanager
def trial(name: str, base: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Trial]:
    tree = settle(name, base)
    with serving(tree) as port:
        yield Trial(tree, port, capsys)


@pytest.mark.slow
def test_the_company_does_as_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with trial("company", tmp_path, capsys) as company:
        customer = "customer@example.net"
        company.mail(
            STRANGER, customer, "sales@acme.example", "wile@acme.example", "who@elsewhere.example",
            file="picture.eml",
        )  # fmt: skip
        assert "\nX-External: yes\n" in company.delivered("sales")
        company.mail(STRANGER, customer, "sales@acme.example", file="macro.eml")
        found = company.mail(STRANGER, customer, "sales@acme.example", file="program.eml")
        assert found["outcome"] == "quarantined"
        company.mail(STRANGER, "boss@acme.example", "sales@acme.example")
        company.mail(STRANGER, customer, "engineer@jobs.acme.example")
        assert "\nX-Applied-To: engineer@jobs.acme.example\n" in company.delivered("personnel")
        company.mail(OURS, "boss@acme.example", "all@acme.example")
        for member in ("boss", "it"):
            assert "X-External" not in company.delivered(member)
        assert "X-External" not in company.delivered("sales", 2)


@pytest.mark.slow
def test_greylisting_does_as_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with trial("greylisting", tmp_path, capsys) as server:
        mail = (STRANGER, "friend@example.net", "ann@example.org")
        first = server.mail(*mail)
        assert first["reply"].startswith("450 4.7.1 ")
        early = server.mail(*mail)
        assert matched(early)[-1] == "it comes back too early"
        with closing(sqlite3.connect(server.tree / "greylist.db")) as database, database:
            database.execute("UPDATE waiting SET expires = 1")  # five minutes have passed
        assert matched(server.mail(*mail))[-1] == "it has come back"
        assert matched(server.mail(STRANGER, "other@example.net", "ben@example.org"))[-1] == (
            "its network has proven itself"
        )
        server.delivered("ann")
        server.delivered("ben")


@pytest.mark.slow
def test_tagging_does_as_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with trial("tagging", tmp_path, capsys) as desk:
        letters = desk.tree / "tests.d" / "mails"
        (letters / "help.eml").write_text(
            "From: c@example.net\nMessage-ID: <1@a>\nSubject: Help, please\n\n.\n"
        )
        (letters / "loud.eml").write_text("From: d@example.com\nSubject: LOTS OF LUNCH\n\nAt one?\n")
        (letters / "list.eml").write_text(
            "List-Id: <birds.lists.example>\nSubject: a robin\n\nIn the garden.\n"
        )
        customer = "c@example.net"
        desk.mail(STRANGER, customer, "support@helpdesk.example", file="help.eml")
        assert "c@example.net writes: Help, please" in desk.delivered("berta")
        desk.delivered("support")
        desk.mail(STRANGER, customer, "anton@helpdesk.example", file="loud.eml")
        assert "\nX-Spam-Flag: YES\n" in desk.delivered("anton/.Spam")
        desk.mail(STRANGER, customer, "anton+x@helpdesk.example", file="list.eml")
        desk.delivered("anton+x/.Lists.birds")
        desk.mail(STRANGER, "supplier@example.net", "billing@helpdesk.example", file="invoice.eml")
        assert "X-Tag: invoice" in desk.delivered("billing")
        [kept] = (desk.tree / "exports" / "invoices").iterdir()
        assert kept.name.endswith("-example.net.eml")


def matched(found: dict[str, Any]) -> list[str]:
    return [rule["name"] for stage in found["stages"] for rule in stage["rules"] if rule["matched"]]
