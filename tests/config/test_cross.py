from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.trees import faults, plant, sound, spot

RELAY = "[relays.r]\nhost = 'r.example'\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RELAY + "[delivery]\nsmarthost = '@rr'", "10-a.toml:4:13+5 unknown-relay"),
        ("[delivery]\nsmarthost = '@rr'", "10-a.toml:2:13+5 unknown-relay"),
        (
            "[listeners.a]\naddress = ['[::1]:25']\n[listeners.b]\naddress = ['[::2]:25', '[0::1]:25']",
            "10-a.toml:4:24+11 duplicate-address",
        ),
        ("[listeners.a]\naddress = ['[::1]:25', '[::1]:25']", "10-a.toml:2:24+10 duplicate-address"),
        (
            "[server]\nlocal_domains = ['a.example']\nrelay_domains = ['b.example', 'A.example']",
            "10-a.toml:3:31+11 domain-in-both",
        ),
        (
            "[server]\nlocal_domains = ['a.example']\n[domains.'A.example']\nclass = 'relay'",
            "10-a.toml:4:9+7 domain-in-both",
        ),
        ("[domains.'a.example']\n[domains.'A.example']", "10-a.toml:2:10+11 bad-domain"),
        ("[server]\nrecipients = '@users'", "10-a.toml:2:14+8 unknown-table"),
        ("[domains.'a.example']\nrecipients = '@users'", "10-a.toml:2:14+8 unknown-table"),
        (RELAY + "user = 'me'", "10-a.toml:1:9+1 missing-key"),
        ("[tables.a]\ntype = 'union'\ntables = ['@b']", "10-a.toml:3:11+4 unknown-table"),
        ("[tables.a]\ntype = 'chain'\ntables = ['@a']", "10-a.toml:3:11+4 bad-table"),
        (RELAY + "tls = 'verified'\npassword = { env = 'P' }", "10-a.toml:1:9+1 missing-key"),
    ],
)
def test_settings_that_contradict_each_other_are_errors(tmp_path: Path, text: str, expected: str) -> None:
    assert [spot(each) for each in faults(plant(tmp_path, a10=text))] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user = 'me'\npassword = { env = 'P' }", "10-a.toml:4:12+13 clear-password"),
        ("user = 'me'\npassword = { env = 'P' }\ntls = 'may'", "10-a.toml:5:7+5 clear-password"),
        ("user = 'me'\npassword = { value = 'P' }\ntls = 'verified'", "10-a.toml:4:12+15 secret-in-tree"),
    ],
)
def test_what_is_unwise_is_a_warning(tmp_path: Path, text: str, expected: str) -> None:
    (note,) = sound(plant(tmp_path, a10=RELAY + text)).notes
    assert (note.severity, spot(note)) == ("warning", expected)


@pytest.mark.parametrize("text", ["[tls]\ncertificate = 'c.pem'", "[tls]\nprivate_key = { file = 'c.pem' }"])
def test_a_certificate_and_its_key_belong_together(tmp_path: Path, text: str) -> None:
    found = faults(plant(tmp_path, a10=text))
    assert [spot(each) for each in found if each.severity == "error"] == ["10-a.toml:1:2+3 missing-key"]


PAIR = "[tls]\ncertificate = 'c.pem'\nprivate_key = { file = 'c.key' }\n"
MX = "[listeners.mx]\naddress = ['127.0.0.1:25']\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MX + "tls = 'may'", "10-a.toml:3:7+5 no-certificate"),
        (MX + "tls = 'required'", "10-a.toml:3:7+10 no-certificate"),
        (MX + "kind = 'submission'\nauth = 'none'", "10-a.toml:3:8+12 no-certificate"),
        (MX + "kind = 'submissions'\nauth = 'none'", "10-a.toml:3:8+13 no-certificate"),
        (MX + "kind = 'lmtps'", "10-a.toml:3:8+7 no-certificate"),
        (MX + "client_certificates = 'ask'\n" + PAIR, "10-a.toml:3:23+5 no-certificate"),
        (MX + "kind = 'lmtps'\ntls = 'may'\n" + PAIR, "10-a.toml:4:7+5 bad-choice"),
    ],
)
def test_tls_wants_certificates(tmp_path: Path, text: str, expected: str) -> None:
    assert [spot(each) for each in faults(plant(tmp_path, a10=text))] == [expected]


@pytest.mark.parametrize("text", [MX, MX + "kind = 'lmtp'", MX + "kind = 'lmtps'\n" + PAIR, MX + PAIR])
def test_a_listener_offers_tls_by_itself_where_it_can(tmp_path: Path, text: str) -> None:
    settings = sound(plant(tmp_path, a10=text)).settings
    (listener,) = settings.listeners.values()
    expected = "may" if settings.has_certificate and not listener.is_implicit else "none"
    assert listener.starttls(has_certificate=settings.has_certificate) == expected


def test_a_near_miss_of_a_relay_is_suggested(tmp_path: Path) -> None:
    text = "[relays.provider]\nhost = 'r.example'\n[delivery]\nsmarthost = '@provder'"
    (fault,) = faults(plant(tmp_path, a10=text))
    assert fault.help == "did you mean `@provider`?"
