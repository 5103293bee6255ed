from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.inspect.playing import BASE
from tests.inspect.proof.proving import claims, relaying

ACCEPTED: Final = "accept = true"
LEAKS: Final = {
    "by the name in HELO": """
[[rules.rcpt]]
name = "a"
when.helo.name = "friend.example"
accept = true
""",
    "by a pattern on the sender": r"""
[[rules.rcpt]]
name = "a"
when.sender.domain.matches = "^mail[0-9]+\\.partner\\."
accept = true
""",
    "by patterns on an address, one of them negated": r"""
[[rules.rcpt]]
name = "a"
when.sender.address = { matches = "^[a-z]+\\.[a-z]+@corp", not = "no.one@corp.example" }
unless.sender.local.starts_with = "a"
accept = true
""",
    "by a table": """
[tables.vips]
type = "csv"
path = "vips.csv"
[[rules.rcpt]]
name = "a"
when.sender.address = "@vips"
accept = true
""",
    "by a row of a table": """
[tables.users]
type = "inline"
entries = { "ann@example.org" = { may = "yes" } }
columns = { may = "text" }
[[rules.rcpt]]
name = "a"
lookup.user = { table = "users", key = "{sender.address}" }
when.user.may = "yes"
accept = true
""",
    "by rewriting to what the client wrote": """
[[rules.rcpt]]
name = "a"
when.rcpt.domain = "example.org"
when.rcpt.local.matches = "^(?P<user>[a-z]+)=(?P<domain>[a-z.]+)$"
do = [{ rewrite_rcpt = "{match.user}@{match.domain}" }]
accept = true
""",
    "by a copy to the sender": """
[[rules.rcpt]]
name = "a"
do = [{ add_rcpt = "{sender.address}" }]
""",
    "by a copy to whoever the header names": """
[[rules.prequeue]]
name = "a"
when.message.headers.x-copy.exists = true
do = [{ add_rcpt = "{message.headers.x-copy}" }]
""",
    "by rewriting on the way": """
[[rules.delivery]]
name = "a"
when.rcpt.tag.exists = true
do = [{ rewrite_rcpt = "{rcpt.tag}@{helo.name}" }]
""",
    "by a host that the client names": """
[[rules.rcpt]]
name = "a"
when.rcpt.tag = "via"
do = [{ forward = { host = "{helo.name}" } }]
""",
    "by trust for a network": """
[[rules.connect]]
name = "a"
when.client.ip = "203.0.113.0/24"
trust = true
""",
    "by trust at HELO, unless it is encrypted": """
[[rules.helo]]
name = "a"
when.helo.esmtp = true
unless.tls.active = true
trust = true
""",
    "by trust at MAIL": """
[[rules.mail]]
name = "a"
when.sender.null = true
trust = true
""",
    "by switching a shipped rule off": """
[rules]
disable = ["rcpt/no-relaying"]
""",
    "by what is unavailable": """
[[rules.rcpt]]
name = "a"
when.spf.result = "pass"
unavailable = "match"
accept = true
""",
    "by a domain's own rules": """
[domains."example.net"]
[[domains."example.net".incoming]]
stage = "rcpt"
name = "a"
accept = true
""",
    "by a jump": """
[[rules.rcpt]]
name = "a"
when.client.net = "203.0.113.0/24"
jump = "c"
[[chains.c]]
name = "b"
when.rcpt.domain.under = "partner.example"
accept = true
""",
    "by a jump behind the shipped rules": """
[rules]
disable = ["rcpt/no-relaying"]
[[rules.rcpt]]
name = "a"
jump = "shipped"
""",
    "by a variable set earlier": """
[[rules.helo]]
name = "a"
when.helo.name = "friend.example"
do = [{ set = { friend = "yes" } }]
[[rules.rcpt]]
name = "b"
when.var.friend = "yes"
accept = true
""",
    "by a sum of points": """
[[rules.mail]]
name = "a"
when.helo.name.under = "a.example"
do = [{ add = { points = 2 } }]
[[rules.mail]]
name = "b"
when.sender.domain = "b.example"
do = [{ add = { points = 1.5 } }]
[[rules.rcpt]]
name = "c"
when.var.points.ge = 3
accept = true
""",
    "by an earlier recipient": """
[[rules.rcpt]]
name = "a"
when.rcpt.address = "magic@example.org"
do = [{ set = { open = "yes" } }]
accept = true
[[rules.rcpt]]
name = "b"
when.var.open = "yes"
accept = true
""",
    "by the kind of listener": """
[[rules.rcpt]]
name = "a"
when.listener.kind = "relay"
when.listener.port = 25
accept = true
""",
    "by the time of day": """
[[rules.rcpt]]
name = "a"
when.time.clock.between = ["03:00", "03:10"]
accept = true
""",
    "by a sender that is the same as the greeting": """
[[rules.rcpt]]
name = "a"
when.sender.domain = "{helo.name}"
accept = true
""",
}  # fmt: skip
SAFE: Final = {
    "no rules": "",
    "trusted clients": """
[[rules.rcpt]]
name = "a"
when.client.trusted = true
accept = true
""",
    "a network of trusted clients": """
[[rules.connect]]
name = "a"
when.client.ip = "198.51.100.0/25"
trust = true
""",
    "a local domain": """
[[rules.rcpt]]
name = "a"
when.rcpt.address.under = "example.org"
unless.rcpt.domain.glob = "*.example.org"
accept = true
""",
    "a relay domain, for whoever says a word": """
[[rules.rcpt]]
name = "a"
when.rcpt.domain = "@relay_domains"
when.helo.name = "friend.example"
accept = true
""",
    "leaving a chain": """
[[rules.rcpt]]
name = "a"
when.helo.name = "friend.example"
return = true
""",
    "refusing first": """
[[rules.rcpt]]
name = "a"
when.client.stranger = true
unless.rcpt.domain = ["@local_domains", "@relay_domains"]
reject = "550 5.7.1 No"
[[rules.rcpt]]
name = "b"
when.rcpt.local.not = "postmaster"
accept = true
""",
    "a rule that never matches": """
[[rules.rcpt]]
name = "a"
when.helo.name = "a.example"
when.helo.literal = true
accept = true
""",
    "patterns that no text has both of": """
[[rules.rcpt]]
name = "a"
when.sender.domain = { starts_with = "x.", matches = "^[a-w]" }
accept = true
""",
    "an alias that the administrator wrote": """
[[rules.rcpt]]
name = "a"
when.rcpt.address = "old@example.org"
do = [{ rewrite_rcpt = "new@partner.example" }]
accept = true
""",
    "an alias to a fixed domain": """
[[rules.rcpt]]
name = "a"
when.rcpt.domain = "example.org"
do = [{ rewrite_rcpt = "{rcpt.local}@partner.example" }]
accept = true
""",
    "an alias that a table knows": """
[tables.aliases]
type = "inline"
entries = { "ann@example.org" = { to = "ann@example.net" } }
columns = { to = "text" }
[[rules.rcpt]]
name = "a"
when.rcpt.domain = "example.org"
lookup.alias = { table = "aliases", key = "{rcpt.address}" }
when.alias.found = true
do = [{ rewrite_rcpt = "{alias.to}" }]
accept = true
""",
    "a copy to senders of ours": """
[[rules.rcpt]]
name = "a"
when.sender.domain = "@local_domains"
do = [{ add_rcpt = "{sender.address}" }]
""",
    "a variable that nobody can have": """
[[rules.helo]]
name = "a"
when.client.trusted = true
do = [{ set = { friend = "yes" } }]
[[rules.rcpt]]
name = "b"
when.var.friend = "yes"
accept = true
""",
    "too few points": """
[[rules.mail]]
name = "a"
when.helo.name.under = "a.example"
do = [{ add = { points = 2 } }]
[[rules.rcpt]]
name = "c"
when.var.points.ge = 3
accept = true
""",
    "a trap": """
[[rules.rcpt]]
name = "a"
when.rcpt.domain = "trap.example"
discard = true
""",
    "what is unavailable, and waits": """
[[rules.rcpt]]
name = "a"
when.spf.result = "pass"
when.rcpt.domain = "example.org"
unavailable = "match"
accept = true
""",
    "domains' rules for ours alone": """
[domains."example.net"]
[[domains."example.net".outgoing]]
stage = "rcpt"
name = "a"
accept = true
""",
}  # fmt: skip


@pytest.mark.parametrize("rules", LEAKS.values(), ids=LEAKS)
def test_a_leak_is_found_and_played(rules: str, tmp_path: Path) -> None:
    if "csv" in rules:
        (tmp_path / "vips.csv").write_text("key,value\nann@example.org,x\n")
    verdict = relaying(tmp_path, rules)
    assert verdict.outcome == "refuted", verdict.reason
    assert verdict.session is not None
    assert verdict.session.rehearsed.outcome == "accepted"


@pytest.mark.parametrize("rules", SAFE.values(), ids=SAFE)
def test_what_is_safe_is_proved(rules: str, tmp_path: Path) -> None:
    verdict = relaying(tmp_path, rules)
    assert verdict.outcome == "proved", (verdict.reason, verdict.session)


def test_a_session_is_as_short_and_plain_as_can_be(tmp_path: Path) -> None:
    verdict = relaying(tmp_path, LEAKS["by the name in HELO"])
    assert verdict.session is not None
    scene = verdict.session.scene
    assert (str(scene.client), scene.helo, scene.esmtp, scene.tls) == (
        "192.0.2.1",
        "friend.example",
        True,
        False,
    )
    assert str(scene.sender) == "sender@stranger.example"
    assert [str(one) for one in scene.recipients] == ["someone@victim.example"]
    assert verdict.session.world.facts.keys() <= {"rcpt.known"}


def test_everybody_is_a_friend_of_a_server_that_trusts_all(tmp_path: Path) -> None:
    base = BASE.replace('["198.51.100.0/24"]', '["0.0.0.0/0", "::/0"]')
    assert relaying(tmp_path, LEAKS["by the name in HELO"], base).outcome == "proved"


def test_what_greetings_may_leave_behind_is_not_overlooked(tmp_path: Path) -> None:
    rules = """
[[rules.helo]]
name = "a"
when.helo.name = "one.example"
do = [{ set = { one = true } }]
[[rules.rcpt]]
name = "b"
when.var.one = true
when.helo.name = "other.example"
accept = true
"""
    verdict = relaying(tmp_path, rules)
    assert verdict.outcome == "undecided"
    assert "greetings" in verdict.reason


INVARIANT: Final = """
[[invariants]]
name = "ours never comes from strangers"
when.client.stranger = true
when.sender.domain = "@local_domains"
expect = "rejected"
"""


def test_an_invariant_that_does_not_hold_is_refuted(tmp_path: Path) -> None:
    relay, ours = claims(tmp_path, INVARIANT).claims
    assert relay.verdict.outcome == "proved"
    assert ours.verdict.outcome == "refuted"
    assert ours.verdict.session is not None
    assert ours.verdict.session.scene.sender is not None
    assert ours.verdict.session.scene.sender.domain == "example.org"


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "prequeue"])
def test_an_invariant_holds_wherever_rules_see_to_it(stage: str, tmp_path: Path) -> None:
    rules = f"""
[[rules.{stage}]]
name = "that is us"
when.client.stranger = true
when.sender.domain = "example.org"
reject = "550 5.7.1 You are not one of us"
"""
    outcomes = [claim.verdict.outcome for claim in claims(tmp_path, INVARIANT + rules).claims]
    assert outcomes == ["proved", "proved"]


def test_an_invariant_can_be_that_mail_is_accepted(tmp_path: Path) -> None:
    rules = """
[[invariants]]
name = "the postmaster is always there"
when.rcpt.address = "postmaster@relayed.example"
expect = "accepted"
[[rules.rcpt]]
name = "a"
when.helo.name = "bad.example"
unless.rcpt.local = "postmaster"
reject = "550 5.7.1 No"
"""
    assert [claim.verdict.outcome for claim in claims(tmp_path / "a", rules).claims] == ["proved", "proved"]
    broken = rules.replace('unless.rcpt.local = "postmaster"\n', "")
    assert [claim.verdict.outcome for claim in claims(tmp_path / "b", broken).claims] == ["proved", "refuted"]


def test_a_proof_says_what_it_rests_on(tmp_path: Path) -> None:
    proofs = claims(tmp_path, SAFE["an alias that the administrator wrote"])
    assert any("198.51.100.0/24" in each for each in proofs.assumptions)
    assert any("relayed.example" in each for each in proofs.assumptions)
    assert proofs.notes == ("`a` sends mail to new@partner.example, as you wrote",)


def test_what_an_alias_leads_to_is_an_address_when_it_is_played(tmp_path: Path) -> None:
    rules = """
[tables.aliases]
type = "csv"
path = "aliases.csv"
columns = { to = "text" }
[[rules.rcpt]]
name = "aliases"
lookup.alias = { table = "aliases", key = "{rcpt.address}" }
when.alias.found = true
do = [{ rewrite_rcpt = "{alias.to}" }]
[[rules.rcpt]]
name = "not to all"
when.rcpt.address = "all@example.org"
when.client.stranger = true
reject = "550 5.7.1 No"
[[invariants]]
name = "nobody writes to all"
when.client.stranger = true
when.rcpt.address = "all@example.org"
expect = "rejected"
"""
    (tmp_path / "aliases.csv").write_text("key,to\n")
    _, to_all = claims(tmp_path, rules).claims
    assert to_all.verdict.outcome == "refuted"
