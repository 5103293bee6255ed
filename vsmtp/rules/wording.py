"""Conditions and verdicts in the words of an administrator: for explanations, drawings and dry runs."""

from __future__ import annotations

from typing import Final

from vsmtp.rules.language import Condition, Jump, Literal, Move, Op, Return, Test, Written
from vsmtp.rules.verdicts import Accept, Defer, Delegate, Discard, Quarantine, Refuse, Trust
from vsmtp.vocabulary.facts import Fact

# More than this many operands are not read, only counted.
_SHOWN: Final = 4
_STATES: Final = {
    (Op.EXISTS, False): "exists",
    (Op.EXISTS, True): "does not exist",
    (Op.UNAVAILABLE, False): "is unavailable",
    (Op.UNAVAILABLE, True): "is not unavailable",
}
_WORDS: Final = {
    Op.UNDER: "under",
    Op.MATCHES: "matches",
    Op.GLOB: "like",
    Op.STARTS_WITH: "starts with",
    Op.ENDS_WITH: "ends with",
    Op.CONTAINS: "contains",
    Op.LT: "<",
    Op.LE: "<=",
    Op.GT: ">",
    Op.GE: ">=",
    Op.BETWEEN: "between",
    Op.OLDER_THAN: "older than",
    Op.NEWER_THAN: "newer than",
}
_NAMED: Final[dict[type[Move], str]] = {
    Quarantine: "quarantine",
    Delegate: "delegate to",
    Jump: "jump to",
}


def describe_condition(condition: Condition) -> str:
    """`rcpt.domain not in @local_domains, @relay_domains`; several tests are joined by `and`."""
    return " and ".join(describe_test(condition.fact, test) for test in condition.tests)


def describe_test(fact: Fact, test: Test) -> str:
    """A fact and one test of it; of a list, which of its elements are meant where that was said."""
    if isinstance(test, Literal):
        return f"{fact.label} {_literal(test)}"
    return f"{test.quantifier} {fact.label} " + " and ".join(map(_literal, test.literals))


def describe_move(move: Move) -> str:
    """A rule's verdict as it is written: `reject 554 5.7.1 No`, `jump to spam`."""
    match move:
        case Written(verdict, text):
            return f"{describe_move(verdict)} {text}"
        case Refuse() | Defer():
            return _refusal(move)
        case Quarantine(name) | Delegate(name) | Jump(name):
            return f"{_NAMED[type(move)]} {name}"
        case Accept() | Trust() | Discard() | Return():
            return type(move).__name__.lower()


def _refusal(verdict: Refuse | Defer) -> str:
    match verdict:
        case Refuse(reply, close):
            return f"reject {reply} and close" if close else f"reject {reply}"
        case Defer(reply):
            return f"defer {reply}"


def _literal(literal: Literal) -> str:
    state = _STATES.get((literal.op, literal.negated))
    if state is not None:
        return state
    operands = literal.words
    shown = ", ".join(_quoted(literal.op, word) for word in operands[:_SHOWN])
    if len(operands) > _SHOWN:
        shown += f", and {len(operands) - _SHOWN} more"
    return f"{_operator(literal)} {shown or 'nothing'}"


def _operator(literal: Literal) -> str:
    if literal.op is not Op.IS:
        return _WORDS[literal.op]
    several = len(literal.words) != 1 or literal.words[0].startswith("@")
    if several:
        return "not in" if literal.negated else "in"
    return "is not" if literal.negated else "is"


def _quoted(op: Op, word: str) -> str:
    """Patterns and texts with a space or a comma in them, or nothing, are set apart."""
    apart = op in {Op.MATCHES, Op.GLOB} or not word or any(char in word for char in " ,")
    return f"`{word}`" if apart else word
