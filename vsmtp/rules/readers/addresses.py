"""Reading the effects on addresses, those of the envelope and those of the message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from vsmtp.rules.effects import AddRcpt, Effect, RewriteSender, RewriteTo
from vsmtp.rules.readers.given import Given
from vsmtp.rules.template import Template

# RFC 3461 4.1, in lower case.
_NOTIFY: Final = ("never", "success", "failure", "delay")


def one_address(make: Callable[[Template], Effect]) -> Callable[[Given], Effect | None]:
    """A reader of `"a@b.example"`, a template."""
    return lambda given: make(given.address())


def add_rcpt(given: Given) -> Effect | None:
    """`"a@b.example"` or `{ address = "a@b.example", notify = ["failure"] }`."""
    if not isinstance(given.raw, Mapping):
        return AddRcpt(given.address())
    fields = given.fields(("address",), ("notify",))
    if fields is None:
        return None
    return AddRcpt(fields["address"].address(), _notify(fields["notify"]) if "notify" in fields else ())


def rewrite_sender(given: Given) -> Effect | None:
    """`"a@b.example"`, or `"<>"` for the null sender."""
    template = given.text()
    return RewriteSender(template if template.constant in ("", "<>") else given.address())


def rewrite_to(given: Given) -> Effect | None:
    """`{ from = "old@b.example", to = "new@b.example" }`."""
    fields = given.fields(("from", "to"))
    if fields is None:
        return None
    return RewriteTo(fields["from"].address(), fields["to"].address())


def _notify(given: Given) -> tuple[str, ...]:
    listed = given.raw if isinstance(given.raw, list) else [given.raw]
    items = (given.inner(n, raw) for n, raw in enumerate(listed)) if listed is given.raw else (given,)
    words = tuple(word for item in items if (word := item.choice(_NOTIFY, "`notify`")))
    if "never" in words and len(words) > 1:
        given.wrong("wrong-type", "`never` stands alone: no report, whatever happens")
    return words
