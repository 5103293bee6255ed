from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.trees import faults, plant, sound, spot
from vsmtp.config.shape import keys_below
from vsmtp.config.validate import LATER

LISTENER = '[listeners.mx]\naddress = ["127.0.0.1:25"]\n'

# A tree, the places and codes expected in it, and a word of the first message or help.
FAULTS = [
    ("[server]\nnmae = 1", "10-a.toml:2:1+4 unknown-key", "did you mean `name`?"),
    ("server.nmae = 1", "10-a.toml:1:8+4 unknown-key", "did you mean `name`?"),
    ("[sever]\nname = 1", "10-a.toml:1:2+5 unknown-key", "did you mean `server`?"),
    ("smtp = { errors = { hrd = 1 } }", "10-a.toml:1:21+3 unknown-key", "did you mean `hard`?"),
    ("[listeners.mx]\naddres = []", "10-a.toml:1:12+2 missing-key|10-a.toml:2:1+6 unknown-key", "`address`"),
    ("[relays.r]\nport = 1", "10-a.toml:1:9+1 missing-key", "`host` is missing"),
    ("server = 5", "10-a.toml:1:10+1 wrong-type", "expected a table, found an integer `5`"),
    ("[[server]]", "10-a.toml:1:3+6 wrong-type", "expected a table, found a list"),
    ("[server]\nname = 5", "10-a.toml:2:8+1 wrong-type", "found an integer `5`"),
    ("[server]\nname = 1979-05-27", "10-a.toml:2:8+10 wrong-type", "found a date or time"),
    ("[server]\nlocal_domains = 'x'", "10-a.toml:2:17+3 wrong-type", "expected a list, found a string"),
    (
        "[server]\nmax_connections = '5'",
        "10-a.toml:2:19+3 wrong-type",
        "expected a whole number, found a string",
    ),
    ("[server]\nmax_connections = true", "10-a.toml:2:19+4 wrong-type", "found a boolean `true`"),
    ("[queue]\nhold = 1", "10-a.toml:2:8+1 wrong-type", "expected `true` or `false`"),
    ("[queue]\njitter = 'x'", "10-a.toml:2:10+3 wrong-type", "expected a number"),
    ("[rules]\nrcpt = [5]", "10-a.toml:2:9+1 wrong-type", "expected a rule"),
    ("[rules]\nrcpt = { name = 'x' }", "10-a.toml:2:8+14 wrong-type", "expected a list, found a table"),
    ("[rules.mail]\nname = 'x'", "10-a.toml:1:8+4 wrong-type", "two brackets: `[[...]]`"),
    ("[server]\nuser = 1000", "10-a.toml:2:8+4 wrong-type", "expected a name"),
    ("[server]\nmax_connections = 0", "10-a.toml:2:19+1 out-of-range", "at least 1"),
    ("[queue]\njitter = 1.0", "10-a.toml:2:10+3 out-of-range", "less than 1"),
    ("[queue]\njitter = nan", "10-a.toml:2:10+3 out-of-range", "it must be"),
    ("[queue]\nretry = []", "10-a.toml:2:9+2 out-of-range", "at least one"),
    ("[queue]\nlifetime = '1000w'", "10-a.toml:2:12+7 out-of-range", "ten years"),
    ("[smtp.timeouts]\ndata = '0s'", "10-a.toml:2:8+4 out-of-range", "more than 0"),
    ("listeners = {}", "10-a.toml:1:13+2 out-of-range", "at least one"),
    ("[queue]\nlifetime = '5 days'", "10-a.toml:2:12+8 bad-duration", "is not a duration"),
    ("[queue]\nlifetime = 5", "10-a.toml:2:12+1 wrong-type", "in quotes"),
    ("[queue]\nretry = ['5m', 'x']", "10-a.toml:2:16+3 bad-duration", "is not a duration"),
    ("[queue]\nmin_free = '5 apples'", "10-a.toml:2:12+10 bad-size", "is not a size"),
    (f"[queue]\nmin_free = '{'9' * 400}'", "10-a.toml:2:12+402 bad-size", "too large"),
    ("[server]\ntrusted = ['10.0.0.1/8']", "10-a.toml:2:12+12 bad-network", "`10.0.0.0/8`"),
    ("[server]\ntrusted = ['ten']", "10-a.toml:2:12+5 bad-network", "neither an address nor a network"),
    ("[server]\nlocal_domains = ['a b']", "10-a.toml:2:18+5 bad-domain", "is not a domain"),
    ("[server]\nlocal_domains = ['a@b.example']", "10-a.toml:2:18+13 bad-domain", "an address, not a domain"),
    ("[server]\nname = '[192.0.2.1]'", "10-a.toml:2:8+13 bad-domain", "an address literal"),
    ("[server]\nname = 'a b'", "10-a.toml:2:8+5 bad-domain", "is not a domain"),
    ("[relays.r]\nhost = '1.2.3'", "10-a.toml:2:8+7 bad-domain", "is not an IP address"),
    ("[server]\npostmaster = 'a b'", "10-a.toml:2:14+5 bad-address", "is not a mail address"),
    ("[server]\ntimezone = 'Mars/Olympus'", "10-a.toml:2:12+14 bad-timezone", "`Europe/Berlin`"),
    ("[server]\nrecipient_delimiter = '+-'", "10-a.toml:2:23+4 bad-delimiter", "one character"),
    ("[server]\nrecipients = 'sistem'", "10-a.toml:2:14+8 bad-choice", "did you mean `system`?"),
    (LISTENER + "tls = 'sometimes'", "10-a.toml:3:7+11 bad-choice", "`none`"),
    ("[smtp]\ndisable_extensions = ['PIPELINE']", "10-a.toml:2:23+10 bad-choice", "`PIPELINING`"),
    ("[logs]\nlevel = 'loud'", "10-a.toml:2:9+6 bad-choice", "`warning`"),
    ("[logs]\nto = ['stdrr']", "10-a.toml:2:7+7 bad-choice", "did you mean `stderr`?"),
    ("[logs]\nto = ['x.log']", "10-a.toml:2:7+7 bad-choice", "`./x.log`"),
    ("[listeners.mx]\naddress = ['localhost']", "10-a.toml:2:12+11 bad-host-port", "not a host and a port"),
    ("[listeners.mx]\naddress = ['localhost:25']", "10-a.toml:2:12+14 bad-host-port", "needs an IP address"),
    ("[listeners.mx]\naddress = ['::1:25']", "10-a.toml:2:12+8 bad-host-port", "in brackets"),
    (
        "[listeners.mx]\naddress = ['127.0.0.1:99999']",
        "10-a.toml:2:12+17 bad-host-port",
        "between 1 and 65535",
    ),
    ("[listeners.mx]\naddress = ['[x]:25']", "10-a.toml:2:12+8 bad-host-port", "is not an IP address"),
    ("[relays.r]\nhost = 'r.example'\npassword = 'x'", "10-a.toml:3:12+3 bad-secret", "where it is kept"),
    ("[relays.r]\nhost = 'r.example'\npassword = { fil = 'x' }", "10-a.toml:3:12+13 bad-secret", "one place"),
    (
        "[relays.r]\nhost = 'r.example'\npassword = { file = 5 }",
        "10-a.toml:3:12+12 wrong-type",
        "`file` as a string",
    ),
    ("[tls]\nprivate_key = { env = 'K' }", "10-a.toml:2:15+13 bad-secret", "from a file or a credential"),
    ('[logs]\nto = ["./a\\u0000"]', "10-a.toml:2:7+11 bad-path", "this is no path"),
    ("[delivery]\nmaildir = '~/Maildir/{user}'", "10-a.toml:2:11+18 bad-path", "`{home}`"),
    ("[tls]\nprivate_key = { file = '' }", "10-a.toml:2:15+13 bad-secret", "nothing that can be read"),
    (
        "[server]\ntrusted = ['fe80::1%eth0']",
        "10-a.toml:2:12+14 bad-network",
        "neither an address nor a network",
    ),
    ("[server]\nname = 0x8000000000000000", "10-a.toml:2:8+18 syntax", "more than 64 bits"),
    ("[[a]]\nb = [1, -9223372036854775809]", "10-a.toml:2:9+20 syntax", "more than 64 bits"),
    ("a1 = 1\nb2 = " + "1" * 5000, "10-a.toml:2:6+5000 syntax", "more than 64 bits"),
    ("[queue]\npath = ''", "10-a.toml:2:8+2 bad-path", "the path is empty"),
    ("[delivery]\nmaildir = '/a/../{user}'", "10-a.toml:2:11+14 bad-path", "must not climb"),
    ("[delivery]\nmaildir = '{hme}/Maildir'", "10-a.toml:2:11+15 bad-template", "unknown name `hme`"),
    ("[delivery]\nmaildir = '/var/{'", "10-a.toml:2:11+8 bad-template", "a brace stands alone"),
    ("[delivery]\nmaildir = '/var/mail'", "10-a.toml:2:11+11 bad-template", "share this Maildir"),
    ("[delivery]\nhelo = 'a b'", "10-a.toml:2:8+5 bad-domain", "is not a name for HELO"),
    ("[smtp.replies]\ngreeting = '250 {server.name}'", "10-a.toml:2:12+19 bad-reply", "begins with `220"),
    ("[smtp.replies]\ngreeting = 'hello'", "10-a.toml:2:12+7 bad-reply", "a reply is written"),
    ('[smtp.replies]\ngreeting = "220 {server.name}\\nx"', "10-a.toml:2:12+22 bad-reply", "one line"),
    ("[smtp.replies]\nqueud = '250 x'", "10-a.toml:2:1+5 unknown-key", "no reply is called `queud`"),
    ("[smtp.replies]\nreset = '451 4.3.0 x'", "10-a.toml:2:9+13 bad-reply", "`reset` is a 2yz reply"),
    ("[smtp.replies]\nnot_smtp = '450 x'", "10-a.toml:2:12+7 bad-reply", "421 and nothing else"),
    ("[smtp.replies]\nnoop = '250 {x}'", "10-a.toml:2:8+9 bad-template", "unknown name `x`"),
    ("[smtp]\nreplies = 5", "10-a.toml:2:11+1 wrong-type", "expected a table"),
    ("[tls.sni.'a b']", "10-a.toml:1:10+5 bad-domain", "is not a domain"),
    ("[tls.sni.'a.example']\ncertificate = 'x'", "10-a.toml:1:10+11 missing-key", "`private_key` is missing"),
    (LISTENER + "kind = 'delegation'", "10-a.toml:3:8+12 not-yet", "delegation arrives"),
    (LISTENER + "client_certificates = 'yes'", "10-a.toml:3:23+5 bad-choice", "known are `none`"),
    ("[tls]\nciphers = ['HIGH']", "10-a.toml:2:12+6 bad-cipher", "no suite of TLS 1.2"),
    ("[tls]\nciphers = ['nonsense']", "10-a.toml:2:12+10 bad-cipher", "does not know"),
    ("[tls]\nciphers = ['!aNULL']", "10-a.toml:2:12+8 bad-cipher", "no name of a cipher suite"),
    ("[tls]\nciphers = ['TLS_AES_128_GCM_SHA256']", "10-a.toml:2:12+24 bad-cipher", "`TLS_AES"),
    ("[server]\nmax_connection_rate = '60'", "10-a.toml:2:23+4 bad-rate", "is no rate"),
    ("[server]\nmax_message_rate = 60", "10-a.toml:2:20+2 wrong-type", "a rate in quotes"),
    ("[smtp]\ngreeting_delay = '2m'", "10-a.toml:2:18+4 out-of-range", "at most 60"),
    ("[smtp]\nbare_newline = 'keep'", "10-a.toml:2:16+6 bad-choice", "known are `reject`, `normalize`"),
    ("[domains.'a b']", "10-a.toml:1:10+5 bad-domain", "is not a name"),
    ("[domains.'[192.0.2.1]']", "10-a.toml:1:10+13 bad-domain", "an address literal"),
    ("[domains.'a.example']\nclass = 'lokal'", "10-a.toml:2:9+7 bad-choice", "did you mean `local`?"),
    ("[domains.'a.example']\nclas = 'local'", "10-a.toml:2:1+4 unknown-key", "did you mean `class`?"),
    ("[domains.'a.example']\nrecipients = 5", "10-a.toml:2:14+1 wrong-type", '`"@name"`'),
    ("[domains.'a.example']\nincoming = 5", "10-a.toml:2:12+1 wrong-type", "the name of a chain or rules"),
    ("[quarantines.q]\nkeep = 30", "10-a.toml:2:8+2 wrong-type", "a duration in quotes"),
    ("[quarantines.q]\nnotify = 'x'", "10-a.toml:2:10+3 bad-address", "no domain"),
    ("[smtp]\nmixed_recipients = 'x'", "10-a.toml:2:20+3 bad-choice", "known are `separate`, `strictest`"),
    ("[smtp]\nmax_hops = 1", "10-a.toml:2:12+1 out-of-range", "at least 10"),
    ("[server]\nlocal_domains = ['@d']", "10-a.toml:2:18+4 not-yet", "tables arrive"),
    ("[server]\ntrusted = ['@t']", "10-a.toml:2:12+4 not-yet", "tables arrive"),
    ("[delivery]\nlocal = 'lmtp:unix:/x'", "10-a.toml:2:9+14 not-yet", "LMTP"),
    ("[delivery]\nlocal = 'mbox'", "10-a.toml:2:9+6 not-yet", "mbox"),
    ("[logs]\nto = ['journald']", "10-a.toml:2:7+10 not-yet", "journald"),
    ("[relays.r]\nhost = 'r.example'\ntls = 'dane'", "10-a.toml:3:7+6 not-yet", "DANE"),
    ("[queue]\nwarn_after = '4h'", "10-a.toml:2:1+10 not-yet", "delay notices"),
]


@pytest.mark.parametrize(("text", "expected", "word"), FAULTS, ids=[text[:40] for text, _, _ in FAULTS])
def test_a_fault_is_named_at_its_place(tmp_path: Path, text: str, expected: str, word: str) -> None:
    found = faults(plant(tmp_path, a10=text))
    assert "|".join(sorted(spot(each) for each in found)) == expected
    assert any(word in f"{each.message} {each.help}" for each in found)
    for each in found:
        assert "\n" not in each.message
        assert not each.message.endswith(".")


def test_all_faults_of_all_files_are_found_in_one_run(tmp_path: Path) -> None:
    found = faults(plant(tmp_path, a10="[server]\nnmae = 1\nuser = 5\n", b20="[queue]\nretry = ['x', 5]\n"))
    assert sorted(spot(each) for each in found) == [
        "10-a.toml:2:1+4 unknown-key",
        "10-a.toml:3:8+1 wrong-type",
        "20-b.toml:2:10+3 bad-duration",
        "20-b.toml:2:15+1 wrong-type",
    ]


def test_a_fault_in_a_list_that_adds_up_is_shown_in_its_own_file(tmp_path: Path) -> None:
    files = {"a10": "[server]\ntrusted = ['::1']\n", "b20": "[server]\n\ntrusted = ['x']\n"}
    assert [spot(each) for each in faults(plant(tmp_path, **files))] == ["20-b.toml:3:12+3 bad-network"]


def test_keys_that_arrive_later_are_not_in_the_models() -> None:
    assert [path for path in LATER if path[-1] in keys_below(path[:-1])] == []
    assert all(keys_below(path[:-1]) for path in LATER)


def test_the_greeting_can_be_reworded(tmp_path: Path) -> None:
    text = "[smtp.replies]\ngreeting = '220 {server.name} No spam here'\n"
    assert (
        sound(plant(tmp_path, a10=text)).settings.smtp.replies["greeting"] == "220 {server.name} No spam here"
    )


def test_sizes_may_be_plain_numbers(tmp_path: Path) -> None:
    assert sound(plant(tmp_path, a10="[queue]\nmin_free = 0\n")).settings.queue.min_free == 0


@pytest.mark.parametrize("written", ["@r", "mail.example.org:587", "[2001:db8::1]:25"])
def test_a_smarthost_is_a_relay_or_a_host_and_a_port(tmp_path: Path, written: str) -> None:
    text = f"[delivery]\nsmarthost = '{written}'\n[relays.r]\nhost = 'r.example'\n"
    smarthost = sound(plant(tmp_path, a10=text)).settings.delivery.smarthost
    assert written in (str(smarthost), f"@{getattr(smarthost, 'name', '')}")


def test_a_root_with_braces_stays_text_in_the_maildir_template(tmp_path: Path) -> None:
    tree = sound(plant(tmp_path / "a{b}", a10="[delivery]\nmaildir = 'm/{user}'\n"))
    assert tree.settings.delivery.maildir == f"{tmp_path}/a{{{{b}}}}/m/{{user}}"
