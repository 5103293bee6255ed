"""What the guides show is sound, is understood, and says what the server says."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.peers.certificates import authority, certified
from tests.peers.clients import PATIENCE
from tests.peers.postfix import free_port
from tests.peers.programs import needs
from tests.peers.server import VSMTP, Server, running_server
from tests.server.daemon import events, strange, until
from tests.server.test_unsound import told, vsmtp
from vsmtp.cli.main import main
from vsmtp.inspect.check import check
from vsmtp.telemetry import events as catalogue

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
GUIDES: Final = ("listeners", "logins", "queue", "tables", "tls")
TEXTS: Final = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in GUIDES}
REFERENCE: Final = (DOCS / "configuration.md").read_text("utf-8")

BASE: Final = """\
[server]
name = "mail.example.org"
local_domains = ["example.org"]
recipients = "any"
postmaster = "ann@example.org"
[queue]
path = "spool"
min_free = "1 MiB"
[delivery]
maildir = "mail/{rcpt.local}"
"""
# What a piece of one of these guides takes for granted.
AROUND: Final = {
    "logins": '[tables.users]\ntype = "inline"\nentries = { ann = "{PLAIN}pencil" }\n',
    "tls": '[tls]\ncertificate = "tls/fullchain.pem"\nprivate_key = { file = "tls/privkey.pem" }\n',
}
# The base says it already, or the example stands alone where a tree would use it.
EXPECTED: Final = {"set-again"}


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXTS[name], re.DOTALL | re.MULTILINE)


def told_by(name: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a guide, each with the lines that are shown of its output."""
    for block in blocks(name, "console"):
        for piece in ("\n" + block).split("\n$ ")[1:]:
            command, *shown = piece.splitlines()
            yield command.partition("  #")[0].strip(), shown


def surround(base: Path, name: str) -> None:
    """The files that the guide's trees name."""
    tls = base / "tls"
    (base / "conf.d").mkdir()
    tls.mkdir()
    for own, called in (("mail.example.org", "fullchain.pem privkey.pem"), ("mail.example.net", "")):
        pair = certified(own)
        certificate, key = called.split() or ("example.net.pem", "example.net.key")
        shutil.copy(pair.certificate, tls / certificate)
        shutil.copy(pair.key, tls / key)
    shutil.copy(authority().certificate, tls / "branches.pem")
    for csv in blocks("tables", "csv") if name == "tables" else ():
        (base / "people.csv").write_text(csv, "utf-8")
    (base / "conf.d" / "00-base.toml").write_text(BASE + AROUND.get(name, ""), "utf-8")


PIECES: Final = [
    (name, block) for name in GUIDES for language in ("toml", "toml tree") for block in blocks(name, language)
]


@pytest.mark.parametrize(("name", "block"), PIECES, ids=[f"{n}-{b.splitlines()[0]}" for n, b in PIECES])
def test_a_piece_of_a_tree_is_sound(tmp_path: Path, name: str, block: str) -> None:
    surround(tmp_path, name)
    if "accounts.db" in block:
        make_accounts(tmp_path / "accounts.db")
    (tmp_path / "conf.d" / "50-guide.toml").write_text(block, "utf-8")
    report = check(tmp_path, hostname="mail.example.org", version="1.0")
    assert [each for each in report.diagnostics if each.code not in EXPECTED] == []


def make_accounts(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE accounts (name TEXT, password TEXT, home TEXT, active INTEGER)")


@pytest.mark.parametrize("name", GUIDES)
def test_a_command_of_ours_is_understood(name: str) -> None:
    ours = [shlex.split(command)[1:] for command, _ in told_by(name) if command.startswith("vsmtp ")]
    for words in ours:
        with pytest.raises(SystemExit) as done:
            main([*words, "--help"])
        assert done.value.code == 0, words


ROWS: Final = [
    (name, *row)
    for name in GUIDES
    for row in re.findall(
        r"^\| `((?:server|smtp|auth|queue)\.[\w.]+)` \| (`[^|]+`|any number) \|", TEXTS[name], re.MULTILINE
    )
]


@pytest.mark.parametrize(("_name", "setting", "default"), ROWS)
def test_a_default_is_the_one_of_the_reference(_name: str, setting: str, default: str) -> None:
    table, _, key = setting.rpartition(".")
    section = REFERENCE.partition(f"\n## `[{table}]`\n")[2].partition("\n## ")[0]
    assert f"\n| `{key}` | {default} |" in section


def test_there_are_defaults() -> None:
    assert len(ROWS) > 20


def test_an_event_is_one_that_the_server_tells_of() -> None:
    known = {kind.event: kind.level for kind in vars(catalogue).values() if hasattr(kind, "event")}
    section = TEXTS["listeners"].partition("## In the log")[2]
    rows = re.findall(r"^\| (`.*?`) \| (\w+) \|", section, re.MULTILINE)
    assert rows
    for names, level in rows:
        assert {known.get(name) for name in re.findall(r"`(.*?)`", names)} == {level}, names


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([\w./-]*)(?:#([\w-]+))?\)", page.read_text("utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            heads = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text("utf-8")
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert [page for page in pages if f"]({page})" not in index] == []


def serve(base: Path, name: str) -> tuple[int, dict[str, str]]:
    """Plant the guide's tree on free ports; the first of them, and by its own port each that was taken."""
    [tree] = blocks(name, "toml tree")
    tree = re.sub(r', "\[::\]:\d+"', "", tree).replace("0.0.0.0", "127.0.0.1")
    ports = {port: str(free_port()) for port in re.findall(r"127\.0\.0\.1:(\d+)", tree)}
    for port, taken in ports.items():
        tree = tree.replace(f":{port}", f":{taken}")
    (base / "conf.d" / "50-guide.toml").write_text(tree, "utf-8")
    return int(next(iter(ports.values()))), ports


def swaks(command: str, ports: dict[str, str]) -> str:
    program, *words = shlex.split(command)
    moved = [re.sub(r"^127\.0\.0\.1:(\d+)$", lambda at: f"127.0.0.1:{ports[at[1]]}", word) for word in words]
    done = subprocess.run(
        [needs(program), *moved], capture_output=True, text=True, check=False, timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout


def dialogues(server: Server, name: str, ports: dict[str, str]) -> None:
    """Say all that the guide says, and hear what it shows."""
    for command, shown in told_by(name):
        if command.startswith("swaks "):
            heard = swaks(command, ports)
            assert [line for line in shown if line not in heard] == [], heard
    assert strange(server) == []


@pytest.mark.slow
def test_the_submission_service_does_what_the_guide_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    surround(tmp_path, "")
    port, ports = serve(tmp_path, "logins")
    ours = [(command, shown) for command, shown in told_by("logins") if command.startswith("vsmtp ")]
    made = subprocess.run(
        ["sh", "-c", f"echo pencil | {_own(ours[0][0], tmp_path)}"], capture_output=True, check=False
    )
    assert made.returncode == 0, made
    for command, shown in ours[1:]:
        main(shlex.split(command.replace("DIR", str(tmp_path)))[1:])
        assert capsys.readouterr().out.splitlines()[: len(shown)] == shown
    with running_server(tmp_path, port) as server:
        dialogues(server, "logins", ports)
        until(lambda: len(server.inbox("bob")) == 2)
        assert events(server, "login failed")[0]["client"] == "127.0.0.1"


def _own(command: str, base: Path) -> str:
    return shlex.join([*VSMTP, *shlex.split(command.replace("DIR", str(base)))[1:]])


@pytest.mark.slow
def test_the_listeners_do_what_the_guide_says(tmp_path: Path) -> None:
    surround(tmp_path, "")
    port, ports = serve(tmp_path, "listeners")
    with running_server(tmp_path, port) as server:
        dialogues(server, "listeners", ports)
        clients = {line["client"] for line in until(lambda: events(server, "accepted"))}
        assert clients == {"127.0.0.1", "192.0.2.1"}


def test_the_certificate_for_trying_can_be_made(tmp_path: Path) -> None:
    for command in [command for command, _ in told_by("tls")][:2]:
        subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "00-base.toml").write_text(BASE + blocks("tls", "toml")[0], "utf-8")
    done = vsmtp("check", "-c", tmp_path)
    assert done.returncode == 0, told(done)
