from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.config.trees import HOST, faults, plant, read, sound, spot
from vsmtp.config.load import Tree, read_tree
from vsmtp.config.models.rules import Rules
from vsmtp.config.models.types import HostPort, RelayName
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.stages import STAGES


def test_an_empty_tree_serves_the_users_of_this_host(tmp_path: Path) -> None:
    settings = sound(plant(tmp_path)).settings
    assert settings.server.name == HOST
    assert settings.server.local_domains == (HOST,)
    assert settings.server.postmaster == f"postmaster@{HOST}"
    assert settings.server.recipients == "system"
    assert settings.server.trusted == ()
    assert [str(where) for where in settings.listeners["mx"].address] == ["0.0.0.0:25", "[::]:25"]
    assert settings.delivery.smarthost is None


def test_written_values_become_values_of_their_kind(tmp_path: Path) -> None:
    tree = sound(
        plant(
            tmp_path,
            a10="""
            [server]
            name = "MX.Example.org."
            trusted = ["127.0.0.1", "2001:db8::/32"]
            max_message_size = "1 MiB"
            [listeners.mx]
            address = ["[::1]:2525"]
            [smtp]
            disable_extensions = ["pipelining"]
            timeouts = { data = "1m30s" }
            [queue]
            path = "spool"
            retry = ["1m", "2h"]
            jitter = 0
            [delivery]
            maildir = "mail/{rcpt.local}"
            smarthost = "@provider"
            [relays.provider]
            host = "192.0.2.7"
            [logs]
            to = ["stderr", "./x.log"]
            """,
        )
    )
    settings = tree.settings
    assert settings.server.name == "mx.example.org"
    assert settings.server.trusted == (ip_network("127.0.0.1/32"), ip_network("2001:db8::/32"))
    assert settings.server.max_message_size == 2**20
    assert settings.listeners["mx"].address == (HostPort("::1", 2525),)
    assert settings.smtp.disable_extensions == ("PIPELINING",)
    assert settings.smtp.timeouts.data == 90.0
    assert settings.smtp.timeouts.command == 300.0
    assert settings.queue.path == tmp_path / "spool"
    assert settings.queue.retry == (60.0, 7200.0)
    assert settings.delivery.maildir == f"{tmp_path}/mail/{{rcpt.local}}"
    assert settings.delivery.smarthost == RelayName("provider")
    assert settings.logs.to == ("stderr", tmp_path / "x.log")


def test_rule_tables_come_raw_with_their_paths(tmp_path: Path) -> None:
    tree = sound(
        plant(
            tmp_path,
            a10='[[rules.rcpt]]\nname = "a"\nwhen.x.y = 1\n[[chains.c]]\nname = "c"\n',
            b20='[[rules.rcpt]]\nname = "b"\n[rules]\ndisable = ["rcpt/x"]\n',
        )
    )
    assert tree.rules == {
        "rcpt": (
            (("rules", "rcpt", 0), {"name": "a", "when": {"x": {"y": 1}}}),
            (("rules", "rcpt", 1), {"name": "b"}),
        )
    }
    assert tree.chains == {"c": ((("chains", "c", 0), {"name": "c"}),)}
    assert tree.settings.rules.disable == ("rcpt/x",)


def test_there_is_a_rule_table_for_every_stage() -> None:
    assert set(Rules.model_fields) - {"disable"} == set(STAGES)


@pytest.mark.parametrize(
    ("path", "code", "at", "expected"),
    [
        (("rules", "rcpt", 1, "when", "spf", "reslt"), "unknown-fact", "key", "20-b.toml:3:6+9 unknown-fact"),
        (("rules", "rcpt", 1, "when", "spf", "reslt"), "wrong-type", "key", "20-b.toml:3:10+5 wrong-type"),
        (("rules", "rcpt", 1, "when", "spf", "reslt"), "wrong-type", "value", "20-b.toml:3:18+6 wrong-type"),
        (
            ("rules", "rcpt", 1, "do", 0, "log", "text"),
            "bad-template",
            "value",
            "20-b.toml:4:24+3 bad-template",
        ),
        (("rules", "rcpt", 1, "any", 0, "a", "b"), "unknown-fact", "key", "20-b.toml:5:10+3 unknown-fact"),
        (("rules", "rcpt", 1, "verdict"), "missing-key", "key", "20-b.toml:1:9+4 missing-key"),
        (("rules", "rcpt", 0), "missing-key", "value", "10-a.toml:1:9+4 missing-key"),
        (("server", "name"), "x", "value", "- x"),
        ((), "x", "value", "- x"),
    ],
)
def test_a_fault_by_path_finds_its_place(
    tmp_path: Path, path: tuple[str | int, ...], code: str, at: str, expected: str
) -> None:
    second = (
        '[[rules.rcpt]]\nname = "b"\nwhen.spf.reslt = "fail"\n'
        'do = [{ log = { text = "{" } }]\nany = [{ a.b = 1 }]\n'
    )
    tree = sound(plant(tmp_path, a10='[[rules.rcpt]]\nname = "a"\n', b20=second))
    fault = Fault(path, code, "m", at="key" if at == "key" else "value")
    assert spot(tree.locate(fault)) == expected


def test_a_value_knows_the_file_that_set_it_last(tmp_path: Path) -> None:
    tree = sound(plant(tmp_path, a10='[server]\nname = "a.example"\n', b20='[server]\nname = "b.example"\n'))
    place = tree.origin(("server", "name"))
    assert place is not None
    assert (Path(place.file).name, place.line, place.column) == ("20-b.toml", 2, 8)
    assert tree.origin(("server", "trusted")) is None


def test_all_broken_files_are_named_not_only_the_first(tmp_path: Path) -> None:
    found = faults(plant(tmp_path, a10="a = \n", b20="ok = 1\n", c30="[x\n"))
    assert [spot(each) for each in found] == ["10-a.toml:1:5+1 syntax", "30-c.toml:1:3+1 syntax"]


def test_a_file_that_is_not_utf8_is_a_diagnostic(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "conf.d" / "10-a.toml").write_bytes('a = 1\nb = "é'.encode() + b'\xe9"\n')
    (found,) = faults(tmp_path)
    assert spot(found) == "10-a.toml:2:7+1 not-utf8"
    assert found.place is not None
    assert found.place.source == 'b = "é\N{REPLACEMENT CHARACTER}"'


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    plant(tmp_path, a10='\ufeff[server]\nname = "a.example"\n')
    assert sound(tmp_path).settings.server.name == "a.example"


def test_a_file_that_cannot_be_opened_is_a_diagnostic(tmp_path: Path) -> None:
    plant(tmp_path)
    (tmp_path / "conf.d" / "10-a.toml").symlink_to(tmp_path / "nowhere")
    assert [spot(each) for each in faults(tmp_path)] == ["10-a.toml:1:1+1 unreadable-file"]


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "a" + ".a" * 100 + " = 1"])
def test_what_is_nested_too_deep_is_refused(tmp_path: Path, text: str) -> None:
    assert [each.code for each in faults(plant(tmp_path, a10=text))] == ["syntax"]


def test_a_requirement_that_is_not_met_is_said_before_anything_else(tmp_path: Path) -> None:
    plant(tmp_path, a10='version_requirement = ">=2"\nnonsense = 1\n', b20="broken")
    assert [spot(each) for each in faults(tmp_path)] == ["10-a.toml:1:23+5 version-requirement"]


def test_a_requirement_that_is_none_is_said(tmp_path: Path) -> None:
    plant(tmp_path, a10='version_requirement = "one"\n')
    assert [spot(each) for each in faults(tmp_path)] == ["10-a.toml:1:23+5 bad-requirement"]


def test_a_requirement_that_is_met_lets_the_tree_be_used(tmp_path: Path) -> None:
    assert isinstance(read(plant(tmp_path, a10='version_requirement = ">=1.0,<2"\n')), Tree)


def test_a_host_without_a_usable_name_is_told_to_write_one(tmp_path: Path) -> None:
    found = read_tree(plant(tmp_path), hostname="bad host", version="1.0")
    assert isinstance(found, tuple)
    assert [spot(each) for each in found] == ["- bad-domain"]
    assert "[server]" in found[0].help


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = sound(plant(tmp_path)).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.server.name = "other.example"


def test_domains_join_the_lists_of_their_class_and_bring_chains_or_rules(tmp_path: Path) -> None:
    text = """
    [domains."a.example"]
    class = "local"
    incoming = "strict"
    [[domains."a.example".internal]]
    name = "x"
    stage = "rcpt"
    [domains."b.example"]
    class = "relay"
    """
    tree = sound(plant(tmp_path, a10=text))
    assert tree.settings.local_domains == (HOST, "a.example")
    assert tree.settings.relay_domains == ("b.example",)
    rule = {"name": "x", "stage": "rcpt"}
    internal = ((("domains", "a.example", "internal", 0), rule),)
    assert tree.domains == {"a.example": {"incoming": "strict", "internal": internal}, "b.example": {}}
