from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.documents import Writer
from vsmtp.inspect.policies import Known, Policies, read_policies
from vsmtp.inspect.rehearsed import OUTCOMES
from vsmtp.values.address import NULL_SENDER

KNOWN = Known({"no relaying", "tag"}, ("mx", "submission"))
WHOLE = """
[world]
users = ["ann"]
facts.client.rdns = "x.example"

[[test]]
name = "all of it"
client = "2001:db8::1"
port = 12345
listener = "mx"
helo = "x.example"
esmtp = false
auth = "ann@example.org"
mechanism = "LOGIN"
tls = true
from = "a@example.com"
rcpt = ["b@example.org", "c@example.org"]
message = '''
Subject: x

text
'''
time = 2026-03-01T00:00:00Z
[test.world.facts]
"spf.result" = "fail"
[test.expect]
outcome = "rejected"
reply = 550
rules = ["no relaying", "tag"]
not_rules = "tag"
effects = ["add_header"]
headers = { Subject = "x", X-A = false, X-B = true, X-C = ["1", "2"] }
transport = "local"
quarantine = "spam"
recipients = { "b@example.org" = "550" }
"""
LEAST = '[[test]]\nname = "a"\nclient = "192.0.2.1"\nexpect.outcome = "accepted"\n'


def policies(root: Path, **files: str) -> Policies:
    folder = root / "tests.d"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return read_policies(root, KNOWN)


def test_every_key_is_read(tmp_path: Path) -> None:
    found = policies(tmp_path, a=WHOLE)
    assert found.faults == ()
    [test] = found.tests
    scene, expect = test.scene, test.expect
    assert (str(scene.client), scene.port, scene.listener, scene.helo) == (
        "2001:db8::1",
        12345,
        "mx",
        "x.example",
    )
    assert (scene.user, scene.mechanism, scene.tls, scene.esmtp) == ("ann@example.org", "LOGIN", True, False)
    assert [str(one) for one in scene.recipients] == ["b@example.org", "c@example.org"]
    assert scene.message == b"Subject: x\r\n\r\ntext\r\n"
    assert scene.time is not None
    assert test.world.facts == {"spf.result": "fail", "client.rdns": "x.example"}
    assert test.world.users == frozenset({"ann"})
    assert (expect.outcome, expect.reply, expect.rules) == ("rejected", "550", ("no relaying", "tag"))
    assert (expect.not_rules, expect.effects) == (("tag",), ("add_header",))
    assert expect.headers == {"Subject": ("x",), "X-A": False, "X-B": True, "X-C": ("1", "2")}
    assert (expect.transports, expect.quarantine) == (("local",), "spam")
    assert expect.recipients == {"b@example.org": "550"}
    assert (Path(test.place.file).name, test.place.line) == ("a.toml", 6)


def test_files_are_read_in_order_and_only_toml(tmp_path: Path) -> None:
    found = policies(tmp_path, b=LEAST.replace('"a"', '"second"'), a=LEAST)
    (tmp_path / "tests.d" / "c.txt").write_text("nonsense")
    assert [test.name for test in found.tests] == ["a", "second"]


def test_no_directory_is_no_tests(tmp_path: Path) -> None:
    assert read_policies(tmp_path, KNOWN) == Policies((), ())


def test_the_null_sender_is_written_as_in_smtp(tmp_path: Path) -> None:
    [test] = policies(tmp_path, a=LEAST + 'from = "<>"\nrcpt = "a@example.org"\n').tests
    assert test.scene.sender == NULL_SENDER


def test_a_message_can_be_a_file_beside_the_tests(tmp_path: Path) -> None:
    (tmp_path / "tests.d").mkdir()
    (tmp_path / "tests.d" / "m.eml").write_bytes(b"Subject: y\n\n")
    [test] = policies(tmp_path, a=LEAST + 'from = "a@b.c"\nrcpt = "a@example.org"\nfile = "m.eml"\n').tests
    assert test.scene.message == b"Subject: y\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST + "x = 1\n", "5:1 unknown-key: unknown key `x`"),
        (LEAST.replace("outcome", "outcom"), "4:8 unknown-key: unknown key `outcom`"),
        (LEAST.replace("accepted", "acepted"), "4:18 bad-choice: `acepted` is no outcome"),
        (LEAST + 'expect.rules = ["tga"]\n', "5:16 unknown-rule: there is no rule `tga`"),
        (LEAST + 'expect.not_rules = "x"\n', "5:20 unknown-rule: there is no rule `x`"),
        (LEAST + 'listener = "xm"\n', "5:12 bad-choice: `xm` is no listener"),
        (LEAST.replace("192.0.2.1", "x"), "3:10 wrong-type: `x` is no IP address"),
        (LEAST.replace('client = "192.0.2.1"\n', ""), "1:3 missing-key: a test has a `client`"),
        (LEAST.replace('name = "a"\n', ""), "1:3 missing-key: a test has a `name`"),
        (LEAST.replace('expect.outcome = "accepted"\n', ""), "1:3 missing-key: a test has a `expect`"),
        (LEAST + LEAST, "6:8 duplicate-name: there is a test `a` already"),
        (LEAST + 'from = "a@b.c"\n', "5:8 wrong-type: `from` and `rcpt` go together"),
        (LEAST + 'rcpt = "x"\n', "5:8 wrong-type: no domain"),
        (LEAST + 'file = "none.eml"\n', "5:8 wrong-type: "),
        (LEAST + 'world.facts.helo.nmae = "x"\n', "5:1 unknown-fact: unknown fact `helo.nmae`"),
        ("test = 1\n", "1:8 wrong-type: tests are written `[[test]]`"),
        ("test = [1]\n", "1:8 wrong-type: expected a table"),
        ("x =\n", "1:4 syntax: this is not TOML"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    diagnostic = policies(tmp_path, a=text).faults[0]
    assert diagnostic.place is not None
    place = diagnostic.place
    assert f"{place.line}:{place.column} {diagnostic.code}: {diagnostic.message}".startswith(said)


def test_a_name_is_taken_across_files(tmp_path: Path) -> None:
    assert [one.code for one in policies(tmp_path, a=LEAST, b=LEAST).faults] == ["duplicate-name"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_can_be_expected(tmp_path: Path, outcome: str) -> None:
    assert policies(tmp_path, a=LEAST.replace("accepted", outcome)).faults == ()


ODD = (
    "[]", "{}", "[1]", '[""]', "[[]]", "[{}]", "{ x = 1 }", '{ "" = {} }', "true", "5", "1.5", '"@"',
    "1979-05-27",
)  # fmt: skip


@pytest.mark.parametrize("value", ODD)
def test_any_value_anywhere_is_judged_without_a_traceback(tmp_path: Path, value: str) -> None:
    lines = WHOLE.splitlines()
    for number, line in enumerate(lines):
        key, written, _ = line.partition(" = ")
        if written and key != "message":
            policies(tmp_path, a="\n".join([*lines[:number], f"{key} = {value}", *lines[number + 1 :]]))


def test_any_document_is_judged_without_a_traceback(tmp_path: Path) -> None:
    for seed in range(100):
        assert policies(tmp_path, a=Writer(seed).document() + "\n[x]\n").faults
