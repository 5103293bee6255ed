"""From rule tables to the decision graph, with every fault on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from vsmtp.rules.bindings import read_lookups
from vsmtp.rules.changes import changes_of_chains
from vsmtp.rules.depth import too_deep
from vsmtp.rules.domains import Chains, Domains, Used, astray, at_stage, read_domains, superfluous
from vsmtp.rules.effects import Log, describe
from vsmtp.rules.graph import SHIPPED, Graph, Pipeline
from vsmtp.rules.language import Jump, Rule
from vsmtp.rules.names import Names
from vsmtp.rules.nodes import build_nodes
from vsmtp.rules.read import read_rule
from vsmtp.rules.reading import Known, Reading, RuleSource, did_you_mean
from vsmtp.rules.template import Template
from vsmtp.rules.variables import variable_types
from vsmtp.rules.wording import describe_move
from vsmtp.values.diagnostic import Fault
from vsmtp.vocabulary.stages import Stage
from vsmtp.vocabulary.tables import TableTraits

Tables: TypeAlias = Mapping[Stage, Sequence[RuleSource]]


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that is compiled together.

    `tables` are the root tables by stage, `chains` the chains by name, `shipped` the rules that follow each
    root table, less those that `disable` names as `rcpt/no-relaying`. `domains` are by domain what it has as
    `incoming`, `outgoing` and `internal`: a chain's name, or rules. `lookups` are those of `[lookups.<var>]`,
    `names` what else of the configuration rules may name.
    """

    tables: Tables
    chains: Chains
    shipped: Tables
    disable: Sequence[str] = ()
    domains: Domains = field(default_factory=dict)
    lookups: Mapping[str, Any] = field(default_factory=dict)
    names: Names = field(default_factory=Names)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The graph, and all faults in order of stages; with an error among them the graph is not to be used."""

    graph: Graph
    faults: tuple[Fault, ...]


def compile_rules(
    rules: Ruleset,
    tables: Mapping[str, Sequence[str]],
    dynamic: Mapping[str, TableTraits] | None = None,
) -> Compiled:
    """Compile all rule tables.

    `tables` are the elements of `@name` tables that are known at load, `local_domains` and so on; `dynamic`
    what is known of those that are asked while rules run, and of any that a lookup may look in.
    """
    faults: dict[Fault, None] = {}
    used = read_domains(rules.domains, rules.chains)
    _add(faults, _unknown_disabled(rules))
    _add(faults, used.faults)
    _add(faults, _cycles(used.chains))
    _add(faults, too_deep(used.chains))
    opening = Reading(None, _known(rules, tables, dynamic or {}))
    lookups = read_lookups(opening, rules.lookups, ("lookups",))
    known = replace(opening.known, lookups=lookups, unbound=opening.unbound)
    _add(faults, opening.faults)
    stages = {}
    for stage in Stage:
        own, shipped = rules.tables.get(stage, ()), _enabled(rules, stage)
        _add(faults, superfluous((*own, *shipped)))
        if own or shipped or any(at_stage(used.chains[name], stage) for name in used.names):
            reading = Reading(stage, known)
            stages[stage] = _pipeline(reading, stage, (own, shipped), used)
            _add(faults, reading.faults)
    _add(faults, _unreached(rules, known, used))
    return Compiled(Graph(stages, used.by_domain, known.bindings.all()), tuple(faults))


def _known(rules: Ruleset, tables: Mapping[str, Sequence[str]], dynamic: Mapping[str, TableTraits]) -> Known:
    chains = frozenset({*rules.chains, SHIPPED})
    return Known(tables, chains, dynamic, rules.names, variable_types(_everything(rules)))


def _everything(rules: Ruleset) -> Iterator[RuleSource]:
    for table in (*rules.tables.values(), *rules.shipped.values(), *rules.chains.values()):
        yield from table
    for keys in rules.domains.values():
        for written in keys.values():
            yield from () if isinstance(written, str) else written


def _add(faults: dict[Fault, None], more: Iterable[Fault]) -> None:
    # A chain that several stages reach is read once for each: its faults are told once.
    faults.update(dict.fromkeys(more))


def _pipeline(
    reading: Reading, stage: Stage, tables: tuple[Sequence[RuleSource], Sequence[RuleSource]], used: Used
) -> Pipeline:
    root, shipped = (_read_table(reading, table) for table in tables)
    chains = _reached(reading, [*root, *shipped], stage, used)
    everything = {**chains, SHIPPED: shipped}
    changes = changes_of_chains(everything)
    return Pipeline(
        stage,
        build_nodes(root, changes),
        build_nodes(shipped, changes),
        {name: build_nodes(chain, changes) for name, chain in chains.items()},
    )


def _read_table(reading: Reading, sources: Sequence[RuleSource]) -> list[Rule]:
    rules: list[Rule] = []
    names: set[str] = set()
    for source in sources:
        rule = read_rule(reading, source)
        if rule.info.name in names:
            message = f"there is a rule `{rule.info.name}` above"
            reading.fault((*source.path, "name"), "duplicate-name", message, "give each rule its own name")
        if isinstance(source.table.get("name"), str):
            names.add(rule.info.name)
        rules.append(_rehearsed(rule) if rule.dry_run else rule)
    return rules


def _rehearsed(rule: Rule) -> Rule:
    """What a dry run does: say what the rule would have done."""
    deeds = [describe(effect) for effect in rule.effects]
    if rule.move is not None:
        deeds.append(describe_move(rule.move))
    text = Template((f"dry run of rule {rule.info.name}: would " + ("; ".join(deeds) or "do nothing"),))
    return replace(rule, effects=(Log("info", text),), move=None, policy="skip")


def _reached(reading: Reading, roots: Sequence[Rule], stage: Stage, used: Used) -> dict[str, list[Rule]]:
    """The chains that this stage reads: those that domains use for it, and all that jumps lead to."""
    domains = ((name, at_stage(used.chains[name], stage)) for name in used.names)
    chains = {name: _read_table(reading, sources) for name, sources in domains if sources}
    todo = [*roots, *(rule for chain in chains.values() for rule in chain)]
    followed = {SHIPPED}
    while todo:
        move = todo.pop().move
        if isinstance(move, Jump) and move.chain not in followed:
            followed.add(move.chain)
            reading.faults.extend(astray(used.chains[move.chain], stage))
            if move.chain not in chains:
                chains[move.chain] = _read_table(reading, at_stage(used.chains[move.chain], stage))
                todo.extend(chains[move.chain])
    return chains


def _cycles(chains: Chains) -> Iterator[Fault]:
    """One fault for a circle, at the `jump` that closes it."""
    done: set[str] = set()
    for start in chains:
        # The chains on the way, in order, each with the jumps that are still to be followed.
        way = {} if start in done else {start: _jumps(chains[start])}
        while way:
            name, jumps = next(reversed(way.items()))
            source, target = next(jumps, (None, ""))
            if source is None:
                done.add(name)
                del way[name]
            elif target in way:
                message = f"the chain `{target}` leads back to `{name}`"
                yield Fault((*source.path, "jump"), "chain-cycle", message, "take one of the jumps out")
            elif target in chains and target not in done:
                way[target] = _jumps(chains[target])


def _jumps(table: Sequence[RuleSource]) -> Iterator[tuple[RuleSource, str]]:
    for source in table:
        target = source.table.get("jump")
        if isinstance(target, str):
            yield source, target


def _unreached(rules: Ruleset, known: Known, used: Used) -> Iterator[Fault]:
    """The faults of chains that no stage reaches: they are read too, as if every fact were known."""
    reached = set(used.names)
    todo = [source for table in (*rules.tables.values(), *rules.shipped.values()) for source in table]
    todo += [source for name in used.names for source in used.chains[name]]
    while todo:
        target = todo.pop().table.get("jump")
        if isinstance(target, str) and target in rules.chains and target not in reached:
            reached.add(target)
            todo.extend(rules.chains[target])
    for name in rules.chains.keys() - reached:
        reading = Reading(None, known)
        _read_table(reading, rules.chains[name])
        yield from reading.faults


def _label(stage: Stage, source: RuleSource) -> str:
    return f"{stage.label}/{source.table.get('name', '')}"


def _enabled(rules: Ruleset, stage: Stage) -> Sequence[RuleSource]:
    return [source for source in rules.shipped.get(stage, ()) if _label(stage, source) not in rules.disable]


def _unknown_disabled(rules: Ruleset) -> Iterator[Fault]:
    known = {_label(stage, source) for stage, table in rules.shipped.items() for source in table}
    for n, name in enumerate(rules.disable):
        if name not in known:
            there_are = "there are " + ", ".join(f"`{label}`" for label in sorted(known))
            remedy = did_you_mean(name, known) or there_are
            yield Fault(("rules", "disable", n), "unknown-rule", f"there is no shipped rule `{name}`", remedy)
