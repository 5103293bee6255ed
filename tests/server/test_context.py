"""What is kept with a message comes back as it was."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from vsmtp.effects.transports import ToNobody
from vsmtp.facts.subject import Connection, TlsState
from vsmtp.message.edits import AddField
from vsmtp.server.context import REMARKED, Context, Stop, read_context, write_context
from vsmtp.values.answer import MISSING, Unavailable

CLIENT = Connection(
    ip_address("192.0.2.1"), 25, "mx", 25, "relay", trusted=False, helo_name="c.test", esmtp=True
)
USER = Connection(
    None, None, "", None, "pickup", trusted=True, authenticated=True, user="ann", mechanism="PLAIN",
    auth_success=True, attempt=1, tls=TlsState("1.3", "X", "sni.test", ""),
)  # fmt: skip


@pytest.mark.parametrize(
    "context",
    [
        Context(CLIENT),
        Context(USER),
        Context(CLIENT, {"a": "x", "n": 1.5, "u": Unavailable("down")}),
        Context(CLIENT, known={"a": MISSING, "b": Unavailable("x"), "c": ("p", "q"), "d": True, "e": "t"}),
        Context(CLIENT, edits=(AddField("X", "y"),), way=ToNobody(), released=True, remarked=True),
        Context(CLIENT, passed={"": True, "*a": Stop((("", "r"), ("chain", "s")), after=True)}, top=7),
    ],
)
def test_a_context_comes_back(context: Context) -> None:
    text = write_context(context)
    assert read_context(text) == context
    assert (REMARKED in text) is context.remarked


def test_mail_that_this_server_made_has_no_connection() -> None:
    assert read_context("{}") == Context()


def test_no_text_of_a_client_looks_like_a_remark() -> None:
    liar = Connection(None, None, "", None, "relay", trusted=False, helo_name=REMARKED)
    assert REMARKED not in write_context(Context(liar))
