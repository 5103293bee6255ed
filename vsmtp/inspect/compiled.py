"""The rules of a tree, compiled: the one way from settings to the graph that serves and is questioned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vsmtp.config.load import RulePair, Tree
from vsmtp.config.models.settings import Settings
from vsmtp.config.shipped import read_shipped
from vsmtp.rules.compile import Compiled, Ruleset, compile_rules
from vsmtp.rules.names import Names
from vsmtp.rules.reading import RuleSource
from vsmtp.tables.kinds import static_elements, traits
from vsmtp.vocabulary.stages import STAGES

# The shipped rules of `submission.toml`.
OF_LOGINS: Final = ("mail/not-your-address", "prequeue/not-your-from")


def compile_tree(tree: Tree) -> Compiled:
    """The graph of the tree's rules and the shipped ones, and all faults in them, by path."""
    rules = Ruleset(
        {STAGES[stage]: _sources(pairs) for stage, pairs in tree.rules.items()},
        {name: _sources(pairs) for name, pairs in tree.chains.items()},
        {STAGES[stage]: _shipped(stage, tables) for stage, tables in read_shipped().items()},
        (*tree.settings.rules.disable, *_idle(tree.settings)),
        _domains(tree),
        {name: lookup.model_dump() for name, lookup in tree.settings.lookups.items()},
        _names(tree.settings),
    )
    return compile_rules(rules, elements_of(tree.settings), traits(tree.settings.tables))


def _idle(settings: Settings) -> Sequence[str]:
    """Shipped rules that could never decide: where nobody logs in they need not be asked about any mail."""
    logins = any(
        listener.logins != "none" or listener.xclient_from for listener in settings.listeners.values()
    )
    return () if logins else OF_LOGINS


def elements_of(settings: Settings) -> Mapping[str, Sequence[str]]:
    """What is compiled into rules: the keys of static tables, and of those that every tree has."""
    return {
        **static_elements(settings.tables),
        "local_domains": settings.local_domains,
        "relay_domains": settings.relay_domains,
        "trusted": tuple(str(network) for network in settings.server.trusted),
    }


def _domains(tree: Tree) -> Mapping[str, Mapping[str, str | tuple[RuleSource, ...]]]:
    return {
        name: {key: said if isinstance(said, str) else _sources(said) for key, said in chains.items()}
        for name, chains in tree.domains.items()
    }


def _names(settings: Settings) -> Names:
    # Services come with their release: until then a rule that names one is told there is none.
    return Names(
        limiters={name: limiter.key for name, limiter in settings.limiters.items()},
        quarantines=frozenset(settings.quarantines),
        services=frozenset(),
        relays=frozenset(settings.relays),
    )


def _sources(pairs: Sequence[RulePair]) -> tuple[RuleSource, ...]:
    return tuple(RuleSource(path, table) for path, table in pairs)


def _shipped(stage: str, tables: Sequence[Mapping[str, Any]]) -> tuple[RuleSource, ...]:
    return tuple(RuleSource(("shipped", stage, n), table) for n, table in enumerate(tables))
