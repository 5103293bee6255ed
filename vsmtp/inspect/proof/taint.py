"""Which addresses in effects a client can choose: by the facts in what stands behind the last `@`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from vsmtp.inspect.proof.facts import Facts
from vsmtp.inspect.proof.formula import Formula, both, some
from vsmtp.inspect.proof.symbols import Mailbox, Single, outside
from vsmtp.rules.language import Binding, Rule
from vsmtp.rules.template import Slot, Template
from vsmtp.vocabulary.facts import Fact
from vsmtp.vocabulary.tables import Column, hidden_of

# What comes from the client or from whoever it works with, the owner of its DNS zones among them.
_CHOSEN: Final = (
    "sender.", "rcpt.", "rcpts.", "helo.", "tls.sni", "tls.client_cert", "message.", "client.rdns",
    "auth.user", "auth.domain", "spf.domain", "spf.explanation", "dkim.", "dmarc.domain", "service.",
)  # fmt: skip


@dataclass(slots=True)
class Taint:
    """What a client can have put where: variables by name, and the tables that rules write into."""

    facts: Facts
    ours: frozenset[str]
    bindings: tuple[Binding, ...]
    written: frozenset[str]
    variables: dict[str, Formula] = field(default_factory=dict)

    def leads_outside(self, template: Template, rule: Rule) -> Formula:
        """When the address that the template makes is outside and its domain the client's choice."""
        if template.constant is not None:
            return False
        whole = template.parts[0] if len(template.parts) == 1 else None
        if isinstance(whole, Slot) and whole.known is not None:
            symbol = self.facts.of(whole.known)
            if isinstance(symbol, Mailbox):
                return both(symbol.chosen, outside(symbol.domain, self.ours))
        tail = _tail(template)
        if len(tail) == 1 and isinstance(tail[0], Slot) and tail[0].known is not None:
            domain = self._domain(tail[0].known)
            if domain is not None:
                return domain
        if _in_a_zone(tail):
            return False
        return self.chosen(tail, rule)

    def _domain(self, fact: Fact) -> Formula | None:
        if fact.name not in {"sender.domain", "rcpt.domain", "message.from_domain"}:
            return None
        symbol = self.facts.of(fact)
        assert isinstance(symbol, Single)
        rcpt = self.facts.symbols.get("rcpt.address")
        chosen = rcpt.chosen if fact.name == "rcpt.domain" and isinstance(rcpt, Mailbox) else True
        return both(chosen, outside(symbol, self.ours))

    def chosen(self, parts: tuple[str | Slot, ...], rule: Rule) -> Formula:
        """When the text is a client's choice, wholly or in part."""
        return some(self._slot(part, rule) for part in parts if isinstance(part, Slot))

    def _slot(self, slot: Slot, rule: Rule) -> Formula:
        if slot.fact.startswith("match."):
            group = slot.fact.removeprefix("match.")
            captures = (capture for capture in rule.captures if group in capture.groups)
            return some(self._fact(capture.fact.name) for capture in captures)
        return self._fact(slot.fact)

    def _fact(self, name: str) -> Formula:
        hidden = hidden_of(name)
        if isinstance(hidden, Column):
            return self.bindings[hidden.binding].table in self.written
        if name in self.variables:
            return self.variables[name]
        if name.startswith(("var.", "rcpt.var.")):
            return False
        return name.startswith(_CHOSEN)


def _tail(template: Template) -> tuple[str | Slot, ...]:
    """What stands behind the last `@` that was written."""
    tail: list[str | Slot] = []
    for part in reversed(template.parts):
        if isinstance(part, str) and "@" in part:
            last = part.rpartition("@")[2]
            return tuple(reversed([*tail, last] if last else tail))
        tail.append(part)
    return tuple(reversed(tail))


def _in_a_zone(tail: tuple[str | Slot, ...]) -> bool:
    """Whether it ends in a domain that the administrator wrote."""
    last = tail[-1] if tail else ""
    return isinstance(last, str) and "." in last.strip(".") and (len(tail) == 1 or last.startswith("."))
