"""Which chains domains use, and the stage that each rule of a chain is for (`rules.md`, "Domains").

A domain's `incoming`, `outgoing` or `internal` is the name of a chain, or a list of rules, which becomes a
chain under a name of its own: `domains.example.org.incoming`. A rule with a `stage` is read at that
stage alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from vsmtp.rules.graph import NONE, SHIPPED
from vsmtp.rules.reading import RuleSource, did_you_mean
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.stages import OF_DOMAINS, STAGES, Stage

Chains: TypeAlias = Mapping[str, Sequence[RuleSource]]
# By domain and by `incoming`, `outgoing`, `internal`: a chain's name, `"none"`, or rules.
Domains: TypeAlias = Mapping[str, Mapping[str, str | Sequence[RuleSource]]]

_OWN: Final = "domains."
_RESERVED: Final = {
    SHIPPED: '`jump = "shipped"` means the shipped rules',
    NONE: '`"none"` says that a domain uses no chain',
}


@dataclass(slots=True)
class Used:
    """The chains that domains use: `by_domain` as in `Graph`, `chains` all there are, theirs included."""

    by_domain: dict[str, dict[str, str]] = field(default_factory=dict)
    chains: dict[str, Sequence[RuleSource]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """The chains that a domain uses, each once."""
        found = (name for keys in self.by_domain.values() for name in keys.values())
        return tuple(dict.fromkeys(name for name in found if name != NONE))


def read_domains(domains: Domains, chains: Chains) -> Used:
    """The chains that domains use; a fault for each that is not there and each rule without a fit stage."""
    used = Used(chains=dict(chains), faults=list(_reserved(chains)))
    for domain, keys in domains.items():
        mine = used.by_domain.setdefault(domain.casefold(), {})
        for key, written in keys.items():
            if not isinstance(written, str):
                mine[key] = f"{_OWN}{domain.casefold()}.{key}"
                used.chains[mine[key]] = written
            elif written in chains or written == NONE:
                mine[key] = written
            else:
                remedy = did_you_mean(written, {*chains, NONE}) or f"declare it: `[[chains.{written}]]`"
                message = f"there is no chain `{written}`"
                used.faults.append(Fault(("domains", domain, key), "unknown-chain", message, remedy))
    for name in used.names:
        used.faults.extend(_without_stage(used.chains[name]))
    return used


def at_stage(sources: Sequence[RuleSource], stage: Stage) -> list[RuleSource]:
    """The rules of a chain that are for this stage: those that say so, and those that do not say."""
    return [source for source in sources if source.table.get("stage", stage.label) == stage.label]


def astray(sources: Sequence[RuleSource], stage: Stage) -> Iterator[Fault]:
    """A fault for each rule of a chain that a jump at `stage` leads to and that is for another one."""
    for source in sources:
        written = source.table.get("stage", stage.label)
        if isinstance(written, str) and written in STAGES and written != stage.label:
            message = f"a jump leads here at `{stage.label}`, and the rule is for `{written}`"
            remedy = "jump to a chain whose rules are for that stage, or carry none"
            yield Fault((*source.path, "stage"), "bad-stage", message, remedy)


def superfluous(sources: Sequence[RuleSource]) -> Iterator[Fault]:
    """A fault for each rule of a root table that carries `stage`: its table says it."""
    for source in sources:
        if "stage" in source.table:
            message = "the table says which stage the rule is for"
            yield Fault((*source.path, "stage"), "bad-stage", message, "leave `stage` out", at="key")


def _without_stage(sources: Sequence[RuleSource]) -> Iterator[Fault]:
    there_are = ", ".join(f"`{stage.label}`" for stage in sorted(OF_DOMAINS))
    for source in sources:
        written = source.table.get("stage")
        if written is None:
            message = "a rule of a chain that a domain uses carries `stage`"
            yield Fault(source.path, "missing-key", message, f"it is one of {there_are}", at="key")
        elif written not in [stage.label for stage in OF_DOMAINS]:
            message = f"`{written}` is no stage for a domain's rules"
            yield Fault((*source.path, "stage"), "bad-stage", message, f"there are {there_are}")


def _reserved(chains: Chains) -> Iterator[Fault]:
    for name in chains:
        reason = _RESERVED.get(name, "domains' own rules go by such names" if name.startswith(_OWN) else "")
        if reason:
            message = f"a chain cannot be called `{name}`: {reason}"
            yield Fault(("chains", name), "reserved-name", message, "give it another name", at="key")
