"""`unreachable-stage`: rules of a stage that no mail comes to, for an earlier stage ends all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from vsmtp.rules.analyse.cover import covering
from vsmtp.rules.analyse.finding import Finding
from vsmtp.rules.analyse.flow import Met, Region
from vsmtp.rules.analyse.study import ROOT, Study
from vsmtp.rules.language import Rule, Written
from vsmtp.rules.verdicts import Defer, Discard, Refuse, Trust
from vsmtp.vocabulary.stages import Stage

# Whoever does not log in never comes by `auth`: nothing there is said to all.
_FOR_ALL: Final = (Stage.CONNECT, Stage.HELO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.PREQUEUE)
_TRUSTING: Final = frozenset({Stage.CONNECT, Stage.HELO, Stage.MAIL})
_EVERYTHING: Final = Region({}, ())


def find_unreachable_stages(studies: Sequence[Study]) -> Iterator[Finding]:
    """The first stage that lets nothing through to later ones that have rules."""
    by_stage = {study.stage: study for study in studies}
    for stage in _FOR_ALL:
        rule = _ends_all(by_stage[stage]) if stage in by_stage else None
        if rule is not None:
            missed = [each for each in _missed(rule, stage) if _has_rules(by_stage, each)]
            if missed:
                names = ", ".join(f"`{each.label}`" for each in missed)
                message = f"no mail comes to the rules of {names}: this rule ends all of it before"
                remedy = "give it conditions, or take out the rules that it leaves without mail"
                yield Finding(rule, rule.info.path, "unreachable-stage", message, remedy)
                return


def _ends_all(study: Study) -> Rule | None:
    """The rule at which the last mail ends, if none gets through the root table."""
    table = study.tables[ROOT]
    used = covering(study.layout, _EVERYTHING, table.index, len(table.flow.catchers))
    if not used:
        return None
    last = table.flow.catchers[used[-1]].rule
    upto: list[Met] = []
    for met in table.flow.met:
        upto.append(met)
        if met.rule.info == last:
            break
    return upto[-1].rule if all(_lets_nothing_by(met.rule, study.stage) for met in upto) else None


def _lets_nothing_by(rule: Rule, stage: Stage) -> bool:
    """Whether nothing that the rule matches goes on to the next stage, or the rule decides nothing."""
    return rule.move is None or bool(_missed(rule, stage))


def _missed(rule: Rule, stage: Stage) -> tuple[Stage, ...]:
    """The stages that mail at which the rule's verdict is given never comes to."""
    later = tuple(each for each in Stage if each > stage)
    match rule.move.verdict if isinstance(rule.move, Written) else rule.move:
        case Refuse() | Defer():
            return later
        case Trust() if stage in _TRUSTING:
            return tuple(each for each in later if each <= Stage.PREQUEUE)
        case Discard() if stage is Stage.PREQUEUE:
            return later
        case _:
            return ()


def _has_rules(studies: Mapping[Stage, Study], stage: Stage) -> bool:
    return stage in studies and any(True for _ in studies[stage].rules())
