from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.delivery.mailbox import Mailbox, Mailboxes, Template, system_home
from vsmtp.values.address import Address
from vsmtp.values.outcome import Deferred, Failed


def find(
    template: str, recipient: Address, homes: dict[str, str] | None = None
) -> Mailbox | Deferred | Failed:
    known = homes or {"anna": "/home/anna"}
    mailboxes = Mailboxes(Template.parse(template), "+", known.__getitem__)
    return asyncio.run(mailboxes.find(recipient))


def test_a_system_user_has_the_maildir_at_home() -> None:
    found = find("{home}/Maildir", Address("Anna+shop", "local.test"))
    assert found == Mailbox("/home/anna/Maildir", "/home/anna")


def test_a_path_without_home_is_made_from_the_top() -> None:
    found = find("/srv/{{x}}/{rcpt.domain}/{rcpt.local}", Address("Anna", "Local.Test"))
    assert found == Mailbox("/srv/{x}/local.test/anna", "/")


def test_an_address_may_be_one_name() -> None:
    found = find("/srv/{rcpt.address}", Address("Anna+x", "Local.Test"))
    assert found == Mailbox("/srv/anna@local.test", "/")


def test_nobody_has_no_maildir() -> None:
    found = find("{home}/Maildir", Address("zoe", "local.test"))
    assert isinstance(found, Failed)
    assert str(found.reply) == "550 5.1.1 no such user here: zoe@local.test"


def test_a_failing_name_service_defers() -> None:
    def homes(user: str) -> str:
        raise OSError(user)

    mailboxes = Mailboxes(Template.parse("{home}/Maildir"), "+", homes)
    assert isinstance(asyncio.run(mailboxes.find(Address("anna", "local.test"))), Deferred)


def test_a_home_is_looked_up_once_a_minute() -> None:
    asked = []

    def homes(user: str) -> str:
        asked.append(user)
        return "/home/x"

    async def run() -> None:
        mailboxes = Mailboxes(Template.parse("{home}/Maildir"), "", homes)
        for _ in range(3):
            await mailboxes.find(Address("anna", "local.test"))

    asyncio.run(run())
    assert asked == ["anna"]


@pytest.mark.parametrize("local", ["..", ".hidden", "a/b", "a\0b", "", "+tag/../x", "x" * 256, "a\nb"])
def test_a_local_part_does_not_leave_its_place(local: str) -> None:
    assert isinstance(find("/srv/{rcpt.local}", Address(local, "local.test")), Failed)


@given(st.text("./a\0+~", max_size=8))
def test_every_maildir_is_directly_below_its_directory(local: str) -> None:
    found = find("/srv/{rcpt.local}", Address(local, "local.test"))
    if isinstance(found, Mailbox):
        assert found.path.startswith("/srv/")
        assert "/" not in found.path.removeprefix("/srv/")
        assert found.path.removeprefix("/srv/") not in ("", ".", "..")


@pytest.mark.parametrize("text", ["mail/{rcpt.local}", "/srv/{nobody}", "/srv/{", "/srv/}", "", "/a\0"])
def test_a_template_that_makes_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Maildir's path"):
        Template.parse(text)


def test_root_has_a_home_and_the_unknown_have_none() -> None:
    assert system_home("root") == "/root"
    for user in ("no-such-user-here", "../root"):
        with pytest.raises(LookupError):
            system_home(user)
