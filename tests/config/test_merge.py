from __future__ import annotations

from pathlib import Path

from tests.config.trees import plant, sound, spot
from vsmtp.config.merge import Document, dotted, merge
from vsmtp.config.models.types import SecretSource
from vsmtp.config.read import parse


def merged(*texts: str) -> object:
    documents = []
    for n, text in enumerate(texts):
        document = parse(f"{n}.toml", text)
        assert isinstance(document, Document)
        documents.append(document)
    root, _ = merge(documents)
    assert root is not None
    return root.plain()


def test_no_documents_make_nothing() -> None:
    assert merge([]) == (None, ())


def test_tables_merge_key_by_key() -> None:
    assert merged("[a]\nx = 1\n[a.b]\ny = 2", "[a]\nz = 3\n[a.b]\nw = 4") == {
        "a": {"x": 1, "b": {"y": 2, "w": 4}, "z": 3}
    }


def test_a_scalar_set_again_replaces() -> None:
    assert merged("a = 1", "a = 'two'") == {"a": "two"}


def test_a_list_set_again_replaces() -> None:
    assert merged("a = [1, 2]", "a = [3]") == {"a": [3]}


def test_a_table_replaces_a_scalar_and_a_scalar_a_table() -> None:
    assert merged("a = 1\n[b]\nx = 1", "b = 2\n[a]\ny = 2") == {"a": {"y": 2}, "b": 2}


def test_four_lists_add_up() -> None:
    text = "[server]\nlocal_domains = ['{0}']\nrelay_domains = ['{0}']\ntrusted = ['{0}']\n"
    text += "[rules]\ndisable = ['{0}']\n"
    both = ["a", "b"]
    assert merged(text.format("a"), text.format("b")) == {
        "server": {"local_domains": both, "relay_domains": both, "trusted": both},
        "rules": {"disable": both},
    }


def test_arrays_of_tables_are_appended_in_reading_order() -> None:
    assert merged("[[r]]\nn = 1\n[[r]]\nn = 2", "[[r]]\nn = 3", "r = [{ n = 4 }]") == {
        "r": [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]
    }


def test_an_empty_list_takes_back_an_array_of_tables() -> None:
    assert merged("[[r]]\nn = 1", "r = []") == {"r": []}


def test_a_secret_is_replaced_whole_when_its_kind_changes() -> None:
    assert merged("p = { file = 'a' }", "p = { env = 'B' }") == {"p": {"env": "B"}}
    assert merged("p = { file = 'a' }", "p = { file = 'b' }") == {"p": {"file": "b"}}


def test_a_table_with_a_type_is_replaced_whole_when_its_type_changes() -> None:
    assert merged("[t]\ntype = 'csv'\npath = 'x'", "[t]\ntype = 'ldap'\nurl = 'y'") == {
        "t": {"type": "ldap", "url": "y"}
    }
    assert merged("[t]\ntype = 'csv'\npath = 'x'", "[t]\ntype = 'csv'\nkey = 'y'") == {
        "t": {"type": "csv", "path": "x", "key": "y"}
    }
    assert merged("[t]\ntype = 'csv'\npath = 'x'", "[t]\nkey = 'y'") == {
        "t": {"type": "csv", "path": "x", "key": "y"}
    }


def test_a_value_set_again_is_noted_with_both_places(tmp_path: Path) -> None:
    tree = sound(plant(tmp_path, a10='[server]\nname = "a.example"\n', b20='[server]\nname = "b.example"\n'))
    (note,) = tree.notes
    assert (note.severity, spot(note)) == ("note", "20-b.toml:2:1+4 set-again")
    assert note.message == "`server.name` is set again"
    assert "10-a.toml:2 " in note.help


def test_elements_of_added_lists_keep_their_own_places(tmp_path: Path) -> None:
    files = {"a10": '[server]\ntrusted = ["10.0.0.0/8"]\n', "b20": '[server]\ntrusted = ["::1"]\n'}
    tree = sound(plant(tmp_path, **files))
    places = [tree.origin(("server", "trusted", n)) for n in (0, 1)]
    assert [(Path(place.file).name, place.column) for place in places if place] == [
        ("10-a.toml", 12),
        ("20-b.toml", 12),
    ]
    assert tree.notes == ()


def test_a_replaced_secret_reaches_the_settings(tmp_path: Path) -> None:
    first = '[relays.r]\nhost = "r.example"\nuser = "u"\ntls = "verified"\npassword = { file = "a" }\n'
    tree = sound(plant(tmp_path, a10=first, b20='[relays.r]\npassword = { env = "P" }\n'))
    assert tree.settings.relays["r"].password == SecretSource("env", "P")


def test_paths_are_written_with_dots_and_brackets() -> None:
    assert dotted(("rules", "rcpt", 3, "name")) == "rules.rcpt[3].name"
