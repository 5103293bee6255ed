from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.inspect.playing import STRANGER, TRUSTED, WORLD, hello, mail, play, stage
from tests.peers.certificates import certified
from vsmtp.inspect.account import all_fired, verdict_word
from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.inspect.world import World
from vsmtp.values.answer import Unavailable
from vsmtp.values.reply import Reply


def fired(rehearsed: Rehearsed) -> list[str]:
    return [rule.name for rule in all_fired(rehearsed.stages)]


def test_mail_for_a_known_user_is_accepted_and_goes_to_its_mailbox(tmp_path: Path) -> None:
    rehearsed = play(tmp_path, "", mail("ann@example.org"))
    assert rehearsed.outcome == "accepted"
    assert rehearsed.reply.code == 250
    [copy] = rehearsed.copies
    assert (str(copy.recipient), copy.end, copy.transport) == ("ann@example.org", "accepted", "local")
    assert copy.message.startswith(b"Received: from client.example.net (unknown [192.0.2.1])\r\n")


def test_a_user_who_is_not_there_is_refused_by_the_shipped_rules(tmp_path: Path) -> None:
    rehearsed = play(tmp_path, "", mail("nobody@example.org"))
    assert rehearsed.outcome == "rejected"
    assert rehearsed.reply == Reply(550, "5.1.1", "No such user here")
    assert fired(rehearsed) == ["unknown-user"]
    assert rehearsed.copies == ()


def test_a_stranger_may_not_relay_and_a_trusted_client_may(tmp_path: Path) -> None:
    with stage(tmp_path) as ready:
        assert ready.play(mail("a@elsewhere.example")).outcome == "rejected"
        assert ready.play(mail("a@elsewhere.example", client=TRUSTED)).outcome == "accepted"


def test_who_has_logged_in_is_no_stranger(tmp_path: Path) -> None:
    assert play(tmp_path, "", replace(mail("a@elsewhere.example"), user="ann")).outcome == "accepted"


def test_without_a_sender_only_the_greeting_is_played(tmp_path: Path) -> None:
    rehearsed = play(tmp_path, "", hello())
    assert rehearsed.outcome == "accepted"
    assert [said.command for said in rehearsed.dialogue] == ["", "EHLO client.example.net"]


def test_a_refusal_at_connect_ends_the_play(tmp_path: Path) -> None:
    rules = '[[rules.connect]]\nname = "a"\nreject = "554 5.7.1 Go away"\n'
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert rehearsed.outcome == "rejected"
    assert [said.reply.code for said in rehearsed.dialogue] == [554]


def test_a_closing_refusal_is_told_as_such(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "a"\nreject = "554 5.7.1 Go away"\nclose = true\n'
    assert play(tmp_path, rules, mail("ann@example.org")).outcome == "closed"


def test_a_deferral_is_told_as_such(tmp_path: Path) -> None:
    rules = '[[rules.rcpt]]\nname = "a"\ndefer = "450 4.7.1 Later"\n'
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert (rehearsed.outcome, str(rehearsed.reply)) == ("deferred", "450 4.7.1 Later")


def test_a_discarded_message_gets_its_250_and_no_copy(tmp_path: Path) -> None:
    rules = '[[rules.prequeue]]\nname = "a"\ndiscard = true\n'
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert (rehearsed.outcome, rehearsed.reply.code, rehearsed.copies) == ("discarded", 250, ())


def test_a_quarantined_message_says_where_it_is(tmp_path: Path) -> None:
    rules = '[quarantines.spam]\n[[rules.prequeue]]\nname = "a"\nquarantine = "spam"\n'
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert rehearsed.outcome == "quarantined"
    assert [copy.quarantine for copy in rehearsed.copies] == ["spam"]


def test_some_recipients_refused_leave_the_mail_accepted_for_the_rest(tmp_path: Path) -> None:
    rehearsed = play(tmp_path, "", mail("nobody@example.org", "ann@example.org"))
    assert rehearsed.outcome == "accepted"
    assert [str(copy.recipient) for copy in rehearsed.copies] == ["ann@example.org"]
    rcpts = [seen for seen in rehearsed.stages if seen.stage.label == "rcpt"]
    assert [(str(seen.recipient), verdict_word(seen.verdict)) for seen in rcpts] == [
        ("nobody@example.org", "reject"), ("ann@example.org", ""),
    ]  # fmt: skip


def test_edits_of_rules_are_in_the_copy(tmp_path: Path) -> None:
    rules = (
        '[[rules.prequeue]]\nname = "a"\ndo = [{ add_header = { name = "X-A", value = "{helo.name}" } }]\n'
    )
    rehearsed = play(tmp_path, rules, mail("ann@example.org", text="Subject: x\n\n.dot\n"))
    assert rehearsed.copies[0].message.endswith(b"Subject: x\r\nX-A: client.example.net\r\n\r\n.dot\r\n")
    [deed] = [deed for seen in rehearsed.stages for deed in seen.effects]
    assert (deed.rule.name, deed.text) == ("a", "add_header X-A client.example.net")


def test_a_way_is_called_as_the_tree_calls_it(tmp_path: Path) -> None:
    rules = (
        '[delivery]\nsmarthost = "@provider"\n[relays.provider]\nhost = "smtp.example.com"\n'
        '[[rules.rcpt]]\nname = "a"\naccept = true\n'
    )
    assert [copy.transport for copy in play(tmp_path, rules, mail("a@elsewhere.example")).copies] == [
        "@provider"
    ]


MEMORY = (
    '[tables.memory]\ntype = "sqlite"\npath = "memory.db"\nwritable = true\n'
    '[[rules.rcpt]]\nname = "a"\nlookup.row = { table = "memory", key = "k" }\nwhen.row.found = true\n'
    'reject = "550 5.7.1 {row.value}"\n'
    '[[rules.rcpt]]\nname = "b"\n'
    'do = [{ table_set = { table = "memory", key = "k", row = { value = "x" } } }]\n'
)


def test_a_database_is_not_made_by_a_rehearsal(tmp_path: Path) -> None:
    assert play(tmp_path, MEMORY, mail("ann@example.org")).outcome == "accepted"
    assert list(tmp_path.rglob("memory.db*")) == []


def test_a_database_is_looked_at_as_it_is_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE another (a)")
    before = path.read_bytes()
    assert play(tmp_path, MEMORY, mail("ann@example.org")).outcome == "accepted"
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, value, expires)")
        database.execute("INSERT INTO entries VALUES ('k', 'known', NULL)")
    assert str(play(tmp_path, MEMORY, mail("ann@example.org")).reply) == "550 5.7.1 known"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE entries SET expires = 1")
    assert play(tmp_path, MEMORY, mail("ann@example.org")).outcome == "accepted"


def test_an_effect_is_told_with_the_texts_it_had_before_it_changed_them(tmp_path: Path) -> None:
    rules = (
        '[tables.aliases]\ntype = "inline"\nentries = { "sales@example.org" = "ann@example.org" }\n'
        '[[rules.rcpt]]\nname = "a"\nlookup.alias = { table = "aliases", key = "{rcpt.address}" }\n'
        'when.alias.found = true\ndo = [{ rewrite_rcpt = "{alias.value}" }]\n'
    )
    rehearsed = play(tmp_path, rules, mail("sales@example.org"))
    [deed] = [deed for seen in rehearsed.stages for deed in seen.effects]
    assert deed.text == "rewrite_rcpt ann@example.org"


def test_a_large_message_is_played_from_the_disk(tmp_path: Path) -> None:
    text = "Subject: x\n\n" + "0123456789\n" * 20_000
    rehearsed = play(tmp_path, "", mail("ann@example.org", text=text))
    assert rehearsed.outcome == "accepted"
    assert rehearsed.copies[0].message.endswith(b"\r\n\r\n" + b"0123456789\r\n" * 20_000)


def test_delivery_rules_decide_for_each_recipient(tmp_path: Path) -> None:
    rules = (
        '[[rules.delivery]]\nname = "a"\nwhen.rcpt.local = "ann"\nreject = "550 5.7.1 No"\n'
        '[[rules.delivery]]\nname = "b"\nwhen.rcpt.local = "bob"\ndefer = "450 4.7.1 Later"\n'
    )
    with stage(tmp_path, rules) as ready:
        both = ready.play(mail("ann@example.org", "bob@example.org"))
        assert {str(copy.recipient): copy.end for copy in both.copies} == {
            "ann@example.org": "rejected", "bob@example.org": "deferred",
        }  # fmt: skip
        assert both.outcome == "accepted"
        assert ready.play(mail("ann@example.org")).outcome == "rejected"
        assert ready.play(mail("bob@example.org")).outcome == "deferred"


def test_the_condition_that_decided_is_told(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "a"\nwhen.sender.domain = "example.net"\nreject = "550 5.7.1 No"\n'
    [seen] = [
        seen for seen in play(tmp_path, rules, mail("ann@example.org")).stages if seen.stage.label == "mail"
    ]
    assert [(rule.info.name, rule.fate, rule.condition) for rule in seen.rules] == [
        ("a", "refuted", ("when", "sender", "domain"))
    ]
    assert seen.facts == {"sender.domain": "example.com"}


def test_what_is_supposed_is_believed(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "a"\nwhen.client.rdns.under = "bad.example"\nreject = "550 5.7.1 No"\n'
    with stage(tmp_path, rules) as ready:
        bad = replace(WORLD, facts={"client.rdns": "x.bad.example"})
        good = replace(WORLD, facts={"client.rdns": "x.good.example"})
        down = replace(WORLD, facts={"client.rdns": Unavailable("down")})
        assert ready.play(mail("ann@example.org"), bad).outcome == "rejected"
        assert ready.play(mail("ann@example.org"), good).outcome == "accepted"
        assert ready.play(mail("ann@example.org"), down).outcome == "deferred"


def test_the_time_of_the_scene_is_that_of_rules_and_received(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "night"\nwhen.time.hour = 3\naccept = true\n'
    moment = datetime(2026, 3, 1, 3, 30, tzinfo=UTC)
    with stage(tmp_path, rules) as ready:
        rehearsed = ready.play(replace(mail("ann@example.org"), time=moment))
        assert fired(rehearsed) == ["night"]
        assert b"Sun, 01 Mar 2026 03:30:00 +0000" in rehearsed.copies[0].message
        assert fired(ready.play(mail("ann@example.org"), replace(WORLD, time=moment))) == ["night"]
        without_zone = moment.replace(tzinfo=None)
        assert fired(ready.play(replace(mail("ann@example.org"), time=without_zone))) == ["night"]


def test_a_scene_for_a_listener_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no listener `x`"):
        play(tmp_path, "", hello(listener="x"))


def test_a_greeting_that_breaks_the_protocol_is_refused_by_the_engine(tmp_path: Path) -> None:
    rehearsed = play(tmp_path, "", hello(helo="not a name"))
    assert (rehearsed.outcome, rehearsed.reply.code) == ("rejected", 501)


def test_one_rehearsal_plays_many_scenes_that_know_nothing_of_each_other(tmp_path: Path) -> None:
    with stage(tmp_path) as ready:
        first = ready.play(mail("ann@example.org"), World(users=frozenset({"ann"})))
        second = ready.play(mail("ann@example.org"), World(users=frozenset()))
        assert (first.outcome, second.outcome) == ("accepted", "rejected")


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    play(tmp_path, "", mail("ann@example.org", client=STRANGER))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conf.d"]


# The whole language.

USERS = '[tables.vips]\ntype = "inline"\nentries = { "ann@example.org" = "gold" }\n'


def test_postqueue_rules_are_asked_once_and_may_refuse_defer_or_hold(tmp_path: Path) -> None:
    rules = (
        "[quarantines.late]\n"
        '[[rules.postqueue]]\nname = "r"\nwhen.sender.local = "r"\nreject = "550 5.7.1 No"\n'
        '[[rules.postqueue]]\nname = "d"\nwhen.sender.local = "d"\ndefer = "450 4.7.1 Later"\n'
        '[[rules.postqueue]]\nname = "q"\nwhen.sender.local = "q"\nquarantine = "late"\n'
        '[[rules.postqueue]]\nname = "x"\nwhen.sender.local = "x"\ndiscard = true\n'
    )
    with stage(tmp_path, rules) as ready:

        def outcome(sender: str) -> str:
            rehearsed = ready.play(mail("ann@example.org", "bob@example.org", sender=f"{sender}@example.com"))
            assert rehearsed.reply.code == 250
            assert [seen.stage.label for seen in rehearsed.stages].count("postqueue") == 1
            return rehearsed.outcome

        assert [outcome(sender) for sender in "rdqxa"] == [
            "rejected", "deferred", "quarantined", "discarded", "accepted",
        ]  # fmt: skip


def test_domain_chains_judge_their_own_recipients(tmp_path: Path) -> None:
    rules = (
        '[domains."example.org"]\nclass = "local"\nrecipients = "any"\n'
        '[[domains."example.org".incoming]]\nname = "in"\nstage = "rcpt"\n'
        'when.rcpt.local = "ann"\nreject = "550 5.7.1 Not ann"\n'
    )
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert (rehearsed.outcome, fired(rehearsed)) == ("rejected", ["in"])
    assert [seen.chains for seen in rehearsed.stages] == [("domains.example.org.incoming",)]


def test_transports_are_named_and_never_run(tmp_path: Path) -> None:
    rules = (
        '[relays.inner]\nhost = "inner.example"\nport = 2525\n'
        '[[rules.delivery]]\nname = "a"\nwhen.rcpt.local = "ann"\ndo = [{ forward = "@inner" }]\n'
        '[[rules.delivery]]\nname = "b"\nwhen.rcpt.local = "bob"\ndo = [{ forward = "smtp://b.test:26" }]\n'
    )
    rehearsed = play(tmp_path, rules, mail("ann@example.org", "bob@example.org"))
    assert [copy.transport for copy in rehearsed.copies] == ["@inner", "b.test:26"]


def test_who_logs_in_meets_the_rules_of_auth(tmp_path: Path) -> None:
    rules = '[[rules.auth]]\nname = "no eve"\nwhen.auth.user = "eve"\nreject = "535 5.7.8 Not you"\n'
    with stage(tmp_path, rules) as ready:
        eve = ready.play(replace(mail("ann@example.org"), user="eve"))
        assert (eve.outcome, fired(eve), eve.reply.code) == ("rejected", ["no eve"], 535)
        assert ready.play(replace(mail("ann@example.org"), user="ann")).outcome == "accepted"


def test_tls_is_what_the_scene_says(tmp_path: Path) -> None:
    rules = '[[rules.mail]]\nname = "clear"\nwhen.tls.active = false\nreject = "530 5.7.0 Encrypt"\n'
    with stage(tmp_path, rules) as ready:
        assert ready.play(mail("ann@example.org")).outcome == "rejected"
        assert ready.play(replace(mail("ann@example.org"), tls=True)).outcome == "accepted"


def test_the_trees_tables_are_asked_unless_others_are_supposed(tmp_path: Path) -> None:
    rules = USERS + '[[rules.rcpt]]\nname = "vip"\nwhen.rcpt.address = "@vips"\nreject = "550 5.7.1 Rich"\n'
    with stage(tmp_path, rules) as ready:
        assert ready.play(mail("ann@example.org")).outcome == "rejected"
        assert ready.play(mail("bob@example.org")).outcome == "accepted"
        others = replace(WORLD, tables={"vips": {"bob@example.org": {"value": "x"}}})
        assert ready.play(mail("ann@example.org"), others).outcome == "accepted"
        assert ready.play(mail("bob@example.org"), others).outcome == "rejected"
        with pytest.raises(ValueError, match="no table `x`"):
            ready.play(mail("bob@example.org"), World(tables={"x": {}}))


def test_rows_are_looked_up_and_called_as_the_rule_calls_them(tmp_path: Path) -> None:
    rules = USERS + (
        '[[rules.rcpt]]\nname = "vip"\nlookup.vip = { table = "vips", key = "{rcpt.address}" }\n'
        'when.vip.value = "gold"\ndo = [{ add_header = { name = "X-Vip", value = "{vip.value}" } }]\n'
    )
    with stage(tmp_path, rules) as ready:
        rehearsed = ready.play(mail("ann@example.org"))
        assert b"X-Vip: gold\r\n" in rehearsed.copies[0].message
        [seen] = [seen for seen in rehearsed.stages if seen.stage.label == "rcpt"]
        assert seen.facts["vip.value"] == "gold"
        down = replace(WORLD, tables={"vips": None})
        assert ready.play(mail("ann@example.org"), down).outcome == "accepted"


def test_variables_are_seen_by_later_rules_and_lost_with_the_scene(tmp_path: Path) -> None:
    rules = (
        '[[rules.mail]]\nname = "add"\ndo = [{ add = { score = 2 } }]\n'
        '[[rules.rcpt]]\nname = "high"\nwhen.var.score.ge = 2\nreject = "550 5.7.1 {var.score} points"\n'
    )
    with stage(tmp_path, rules) as ready:
        for _ in range(2):
            assert str(ready.play(mail("ann@example.org")).reply) == "550 5.7.1 2 points"


def test_exports_and_notices_leave_no_trace(tmp_path: Path) -> None:
    rules = (
        '[exports]\npath = "exports"\n'
        '[[rules.prequeue]]\nname = "a"\ndo = [{ write = "x.eml" }, { dump = "x.json" },\n'
        '  { notify = { to = "bob@example.org", subject = "s", text = "t" } }]\n'
    )
    rehearsed = play(tmp_path, rules, mail("ann@example.org"))
    assert [deed.text.split()[0] for seen in rehearsed.stages for deed in seen.effects] == [
        "write",
        "dump",
        "notify",
    ]
    assert [str(copy.recipient) for copy in rehearsed.copies] == ["ann@example.org"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conf.d"]


LISTENERS = """
[listeners.mx]
address = ["127.0.0.1:2525"]
[listeners.submission]
address = ["127.0.0.1:2587"]
kind = "submission"
tls = "required"
[listeners.lmtp]
address = ["127.0.0.1:2424"]
kind = "lmtp"
[tls]
certificate = "CERTIFICATE"
private_key = { file = "KEY" }
[auth]
users = "@users"
default_domain = "example.org"
[tables.users]
type = "inline"
entries = { "ann@example.org" = "{PLAIN}pencil" }
"""


def listening() -> str:
    pair = certified("mx.test")
    return LISTENERS.replace("CERTIFICATE", str(pair.certificate)).replace("KEY", str(pair.key))


@pytest.mark.parametrize(
    ("user", "sender", "outcome", "reply"),
    [
        ("ann", "ann@example.org", "accepted", "250 2.0.0"),
        ("ann@example.org", "ann@example.org", "accepted", "250 2.0.0"),
        ("ann", "bob@example.org", "rejected", "553 5.7.1"),
        ("", "ann@example.org", "rejected", "530 5.7.0"),
    ],
)
def test_on_a_submission_listener_a_login_is_granted_and_held_to_what_it_owns(
    user: str, sender: str, outcome: str, reply: str, tmp_path: Path
) -> None:
    scene = replace(mail("you@elsewhere.example", sender=sender), listener="submission", user=user)
    played = play(tmp_path, listening(), scene)
    assert played.outcome == outcome
    assert str(played.reply).startswith(reply)


def test_over_lmtp_a_message_is_played_too(tmp_path: Path) -> None:
    played = play(tmp_path, listening(), replace(mail("ann@example.org", "bob@example.org"), listener="lmtp"))
    assert played.outcome == "accepted"
    assert played.dialogue[1].command.startswith("LHLO")


HELD = '[quarantines.q]\n[[rules.mail]]\nname = "q"\nquarantine = "q"\n'
LOUD = '[[rules.{0}]]\nname = "{0}"\nwhen.{1}\nreject = "550 5.7.1 Heard"\n'


@pytest.mark.parametrize("stage", ["rcpt", "data", "prequeue"])
def test_a_later_refusal_wins_over_a_quarantine(tmp_path: Path, stage: str) -> None:
    rules = HELD + LOUD.format(stage, "client.stranger = true")
    assert play(tmp_path, rules, mail("ann@example.org")).outcome == "rejected"


def test_a_quarantine_before_there_is_a_message_is_remembered(tmp_path: Path) -> None:
    assert play(tmp_path, HELD, mail("ann@example.org")).outcome == "quarantined"


def test_the_count_of_a_refused_recipient_stays(tmp_path: Path) -> None:
    rules = (
        '[limiters.l]\nkey = "{client.ip}"\nper = "1h"\n[[rules.rcpt]]\nname = "a"\nwhen.rcpt.local = "ann"\n'
    )
    rules += 'do = [{ count = "l" }]\nreject = "550 5.7.1 No"\n' + LOUD.format("rcpt", "rate.l = 1")
    assert play(tmp_path, rules, mail("ann@example.org", "bob@example.org")).reply.text == "Heard"


def test_the_last_transport_that_is_set_wins(tmp_path: Path) -> None:
    ways = '{ forward = "smtp://a.example:25" }, { forward = "smtp://b.example:25" }'
    seen = play(tmp_path, f'[[rules.rcpt]]\nname = "a"\ndo = [{ways}]\n', mail("ann@example.org"))
    assert [copy.transport for copy in seen.copies] == ["b.example:25"]


def test_recipients_that_are_equal_are_one(tmp_path: Path) -> None:
    assert len(play(tmp_path, "", mail("ann@example.org", "ANN@EXAMPLE.ORG")).copies) == 1


def test_an_added_recipient_does_not_meet_the_rules_of_rcpt(tmp_path: Path) -> None:
    rules = LOUD.format("rcpt", 'rcpt.local = "bob"')
    rules += '[[rules.prequeue]]\nname = "b"\ndo = [{ add_rcpt = "bob@example.org" }]\n'
    assert len(play(tmp_path, rules, mail("ann@example.org")).copies) == 2


def test_of_an_absent_sender_positive_tests_fail_and_negative_ones_hold(tmp_path: Path) -> None:
    null = mail("ann@example.org", sender="")
    for n, (test, outcome) in enumerate(
        [('= "x.example"', "accepted"), ('.not = "x.example"', "rejected"), (".exists = false", "rejected")]
    ):
        root = tmp_path / str(n)
        assert play(root, LOUD.format("mail", f"sender.domain{test}"), null).outcome == outcome


def test_what_a_client_wrote_breaks_no_reply_and_no_header(tmp_path: Path) -> None:
    hostile = mail("ann@example.org", text="Subject: =?utf-8?q?a=0D=0AX-Evil:_1=0D=00b?=\r\n\r\nhi\r\n")
    reply = '[[rules.prequeue]]\nname = "a"\nreject = "550 5.7.1 {message.subject}"\n'
    assert play(tmp_path / "1", reply, hostile).reply.text.isprintable()
    field = '{ name = "X-S", value = "{message.subject}" }'
    header = f'[[rules.prequeue]]\nname = "a"\ndo = [{{ add_header = {field} }}]\n'
    copy = play(tmp_path / "2", header, hostile).copies[0]
    assert not [line for line in copy.message.lower().splitlines() if line.startswith(b"x-evil")]


@pytest.mark.parametrize("test", ["none = { is = 'x' }", "exists = false"])
@pytest.mark.parametrize("positive", ["any = { not = 'x' }", "all = { not = 'x' }", "exists = true"])
def test_of_an_empty_list_none_holds_and_nothing_positive_does(
    tmp_path: Path, test: str, positive: str
) -> None:
    bare = mail("ann@example.org", text="Subject: s\r\n\r\nhi\r\n")
    holds = LOUD.format("prequeue", f"message.headers.x-y.{test}".replace("'", '"'))
    assert play(tmp_path / "1", holds, bare).outcome == "rejected"
    fails = LOUD.format("prequeue", f"message.headers.x-y.{positive}".replace("'", '"'))
    assert play(tmp_path / "2", fails, bare).outcome == "accepted"


@pytest.mark.parametrize(("stage", "sees"), [("connect", True), ("helo", True), ("rcpt", False)])
def test_a_variable_set_for_one_mail_is_forgotten_with_it(tmp_path: Path, stage: str, sees: bool) -> None:  # noqa: FBT001 what is seen
    rules = f'[[rules.{stage}]]\nname = "set"\ndo = [{{ set = {{ x = "a" }} }}]\n'
    rules += LOUD.format("mail", "var.x.exists = true")
    assert (play(tmp_path, rules, mail("ann@example.org")).outcome == "rejected") is sees


def test_a_path_is_told_as_it_would_be_made(tmp_path: Path) -> None:
    rules = '[exports]\npath = "exports"\n[[rules.prequeue]]\nname = "a"\n'
    rules += 'do = [{ write = "{sender.local}.eml" }]\n'
    played = play(tmp_path, rules, mail("ann@example.org", sender='"../x"@example.com'))
    assert [deed.text for seen in played.stages for deed in seen.effects] == ["write %2E.%2Fx.eml"]
