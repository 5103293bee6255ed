"""Where rule tables stand; what they say is judged by the rules package, which knows the language."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import PlainValidator

from vsmtp.config.models.section import Section
from vsmtp.config.models.types import Listed, describe, refusal


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refusal("wrong-type", f"expected a rule, which is a table, found {describe(value)}")
    return value


RuleTable: TypeAlias = Annotated[dict[str, Any], PlainValidator(_table)]
RuleTables: TypeAlias = Listed[RuleTable]


class Lookup(Section):
    """A row of a table, asked for when a rule first needs it: `{user.quota}`, `when.user.found = true`."""

    table: str
    """The table's name: `users` is `[tables.users]`."""
    key: str
    """What is looked up, with facts in it: `"{rcpt.address}"`."""


class Rules(Section):
    """The rules, as an ordered list of tables for each stage: `[[rules.rcpt]]`."""

    disable: Listed[str] = ()
    """Shipped rules that are switched off: `"rcpt/no-relaying"`. Lists in several files add up."""
    connect: RuleTables = ()
    """Asked when a client has connected."""
    helo: RuleTables = ()
    """Asked at HELO and EHLO."""
    auth: RuleTables = ()
    """Asked after a login was verified, whether it was good or not."""
    mail: RuleTables = ()
    """Asked at MAIL."""
    rcpt: RuleTables = ()
    """Asked at each RCPT."""
    data: RuleTables = ()
    """Asked when all recipients are known, before the message is sent."""
    prequeue: RuleTables = ()
    """Asked when the whole message is there, before it is accepted."""
    postqueue: RuleTables = ()
    """Asked once after the message was accepted, before it is delivered."""
    delivery: RuleTables = ()
    """Asked for each recipient at each attempt to deliver."""
