"""What becomes of a transaction's recipients by the rules of `data` and `prequeue`."""

from __future__ import annotations

from pathlib import Path

from tests.server.parts import Guest, House, visit
from vsmtp.queue.records import NewMessage

DOMAINS = """
[domains."one.test"]
class = "local"
[domains."two.test"]
class = "local"
incoming = "two"
[[chains.two]]
name = "mark"
stage = "prequeue"
do = [{ add_header = { name = "X-Two", value = "yes" } }]
[[chains.two]]
name = "not bad mail"
stage = "prequeue"
when.message.subject = "bad"
reject = "554 5.7.1 not in two.test"
"""
ADDING = """
[[rules.prequeue]]
name = "copy"
do = [{ add_rcpt = "copy@two.test" }, { add_header = { name = "X-Root", value = "once" } }]
"""


def addresses(message: NewMessage) -> list[str]:
    return [str(to.address) for to in message.recipients]


async def queued(house: House, guest: Guest, *to: str, subject: str = "s") -> list[NewMessage]:
    answer = await guest.mail(*to, message=f"Subject: {subject}\r\n\r\n".encode())
    assert answer.startswith("250"), answer
    return house.queued


def test_a_recipient_that_a_rule_added_is_judged_by_its_own_domain(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> list[NewMessage]:
        return await queued(house, guest, "a@one.test")

    one, two = visit(tmp_path, DOMAINS + ADDING, scenario, trusted=True)
    assert (addresses(one), addresses(two)) == (["a@one.test"], ["copy@two.test"])
    assert b"X-Two" not in one.content.data
    assert b"X-Two: yes\r\n" in two.content.data
    assert [message.content.data.count(b"X-Root") for message in (one, two)] == [1, 1]


def test_groups_go_apart_only_where_their_chains_have_rules_for_the_message(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> list[NewMessage]:
        return await queued(house, guest, "a@one.test", "b@local.test", "c@two.test")

    one, two = visit(tmp_path, DOMAINS, scenario, trusted=True)
    assert (addresses(one), addresses(two)) == (["a@one.test", "b@local.test"], ["c@two.test"])


def test_a_trusted_senders_refused_recipients_come_back_as_a_report(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> list[NewMessage]:
        return await queued(house, guest, "a@one.test", "c@two.test", subject="bad")

    one, report = visit(tmp_path, DOMAINS, scenario, trusted=True)
    assert addresses(one) == ["a@one.test"]
    assert (addresses(report), report.sender.is_null) == (["a@src.test"], True)
    assert b"c@two.test" in report.content.data
    assert b"5.7.1 not in two.test" in report.content.data


def test_where_all_are_refused_the_client_hears_it(tmp_path: Path) -> None:
    async def scenario(house: House, guest: Guest) -> tuple[str, int]:
        answer = await guest.mail("b@two.test", "c@two.test", message=b"Subject: bad\r\n\r\n")
        return answer, len(house.queued)

    assert visit(tmp_path, DOMAINS, scenario, trusted=True) == ("554 5.7.1 not in two.test", 0)


def test_the_refusal_for_good_goes_before_the_one_for_now(tmp_path: Path) -> None:
    text = (
        DOMAINS
        + """
[domains."three.test"]
class = "local"
[[domains."three.test".incoming]]
name = "later"
stage = "prequeue"
defer = "451 4.7.1 later"
"""
    )

    async def scenario(_: House, guest: Guest) -> str:
        return await guest.mail("b@three.test", "c@two.test", message=b"Subject: bad\r\n\r\n")

    assert visit(tmp_path, text, scenario, trusted=True) == "554 5.7.1 not in two.test"
