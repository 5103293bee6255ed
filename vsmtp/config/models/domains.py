"""What holds for single domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from vsmtp.config.models.rules import RuleTable
from vsmtp.config.models.section import Section
from vsmtp.config.models.types import choice, describe, refusal, refused, text_of
from vsmtp.values.address import parse_domain

DomainClass: TypeAlias = Literal["local", "relay"]
_WHO: TypeAlias = Literal["system", "any"]


def who_exists(value: object) -> str:
    """`system`, `any` or the name of a table with its `@`; refused when it is nothing of these."""
    written = text_of(value, '`"system"`, `"any"` or a table (`"@name"`)')
    if written.startswith("@"):
        return written
    return str(choice(_WHO).func(written))  # type: ignore[call-arg]  # the validator takes no context


RecipientsOf: TypeAlias = Annotated[str, PlainValidator(who_exists)]


def _chain(value: object) -> str | tuple[object, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(value, str):
        return value
    message = f"expected the name of a chain or rules, found {describe(value)}"
    remedy = 'write `incoming = "chain"`, or rules as `[[domains."example.org".incoming]]`'
    raise refusal("wrong-type", message, remedy)


DomainRules: TypeAlias = Annotated[str | tuple[RuleTable, ...], BeforeValidator(_chain)]


def _name(written: str) -> str:
    name = refused(written, parse_domain, "bad-domain", "write the domain itself: `example.org`")
    if name.startswith("["):
        raise refusal("bad-domain", f"`{written}` is an address literal, not a domain")
    return name


DomainKey: TypeAlias = Annotated[str, AfterValidator(_name)]


class Domain(Section):
    """One domain; but for `class`, what it does not say falls back to the nearest parent domain that does."""

    class_: Annotated[DomainClass | None, choice(DomainClass)] = Field(default=None, alias="class")
    """`local`: its mail is delivered here, as if it stood in `server.local_domains`; `relay`: it is taken
    from anybody and passed on, as in `server.relay_domains`. Default: the lists of `[server]` decide, never a
    parent domain."""
    recipients: RecipientsOf | None = None
    """Who exists in this domain, if it is local: `system`, `any` or `"@table"`. Default: the parent
    domain's, or else `server.recipients`."""
    incoming: DomainRules | None = None
    """For mail from elsewhere to this domain: a chain's name, rules that carry `stage`, or `none`. Default:
    the parent domain's."""
    outgoing: DomainRules | None = None
    """For mail from this domain, by trusted or authenticated clients, to other domains; likewise. Default:
    the parent domain's."""
    internal: DomainRules | None = None
    """For mail within this domain, by trusted or authenticated clients; likewise. Default: the parent
    domain's."""

    @property
    def chains(self) -> dict[str, str | Sequence[RuleTable]]:
        """What was said of `incoming`, `outgoing` and `internal`."""
        said = {"incoming": self.incoming, "outgoing": self.outgoing, "internal": self.internal}
        return {key: value for key, value in said.items() if value is not None}
