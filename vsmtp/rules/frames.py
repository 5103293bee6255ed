"""What a walk knows of the node it stands at: masks over rows, and which column is asked next (`rules.md`).

Two masks are kept: `may` (rows not refuted by any answer so far) and `dark` (rows with a test that an
unavailable fact leaves open); which columns were asked tells the rows with a test still to come. The rule of
the lowest row left is next. No `when` row left, or an exemption that surely holds: drop it. A `when` row that
surely holds and no exemption left: it fires. Else its cheapest open column is asked; none open: it is
undecided.
"""

from __future__ import annotations

from typing import Final, Protocol

from vsmtp.rules.graph import Column, FactColumn, JointColumn, Node, Placed
from vsmtp.rules.language import RuleInfo
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.answers import NO_VALUE, Answer, Facts, Unasked
from vsmtp.vocabulary.facts import Cost

# What weighing a rule says besides "ask one of these columns", a positive mask; below `FIRES` it is out.
FIRES: Final = -1
DROPS: Final = -2
EXEMPT: Final = -3
STUCK: Final = 0
_NO_NAMES: Final[frozenset[str]] = frozenset()


class Observer(Protocol):
    """Who watches a walk, for `explain` and `try`.

    Of each rule that a walk reaches it hears exactly one of `refuted`, `exempted`, `undecided` and `fired`,
    in the order in which rules are evaluated; of rules after the one that ended the stage, nothing. A rule
    that its policy lets match is heard of twice: `undecided`, then `fired`.
    """

    def asked(self, fact: str, answer: Answer) -> None:
        """A fact was asked and this was the answer."""

    def refuted(self, rule: RuleInfo, condition: KeyPath, fact: str) -> None:
        """The rule does not match because of this condition, the last of its `when` or `any` that failed."""

    def exempted(self, rule: RuleInfo, exemption: KeyPath) -> None:
        """The rule does not apply: this exemption holds."""

    def undecided(self, rule: RuleInfo, unavailable: tuple[str, ...]) -> None:
        """The rule can be neither matched nor refuted for want of these facts."""

    def fired(self, rule: RuleInfo) -> None:
        """The rule matched."""


class Frame:
    """Where a walk stands in a table or chain, and what it knows of the node there."""

    __slots__ = ("asked", "dark", "facts", "index", "lost", "may", "node", "nodes", "report", "rule")

    def __init__(self, nodes: tuple[Node, ...], facts: Facts, observer: Observer | None) -> None:
        self.nodes = nodes
        self.facts = facts
        self.index = -1
        self.rule = ""
        self.node: Node | None = None
        self.may = self.dark = self.asked = 0
        self.lost: dict[int, dict[str, Unavailable]] | None = None
        self.report = Report(observer) if observer is not None else None

    def turn(self) -> Node | None:
        """Go on to the next node, of which nothing is known yet; None at the end."""
        if self.report is not None and self.node is not None:
            self.report.pass_by(self.node, len(self.node.placed))
            self.report.forget()
        self.index += 1
        if self.index >= len(self.nodes):
            return None
        node = self.node = self.nodes[self.index]
        self.may, self.dark, self.asked, self.lost = node.full, 0, 0, None
        return node

    def seek(self, rule: str, *, after: bool) -> bool:
        """Stand at that rule, or after it; False if it is not there."""
        for index, node in enumerate(self.nodes):
            for number, placed in enumerate(node.placed):
                if placed.info.name == rule:
                    start = placed.end if after else placed.start
                    self.index, self.node, self.may = index, node, node.full >> start << start
                    if self.report is not None:
                        self.report.skip_to(number + after)
                    return True
        return False

    def weigh(self, node: Node, placed: Placed) -> int:
        """What to do with a rule: one of the constants above, or the columns one of which is asked next."""
        rows, dark = self.may >> placed.start & placed.width, self.dark >> placed.start
        if not rows & placed.when:
            return DROPS
        # To a rule that matches in doubt, a test that an unavailable fact leaves open is as good as true.
        gladly = placed.rule.policy == "match"
        surely = settled = False
        wanted = wanted_to_exempt = 0
        for n in ones(rows):
            row = node.rows[placed.start + n]
            unasked = row.columns & ~self.asked
            holds = not unasked and not dark >> n & 1
            if row.exempts:
                if holds:
                    return EXEMPT
                wanted_to_exempt |= unasked
            else:
                surely = surely or holds
                settled = settled or (gladly and not unasked)
                wanted |= unasked
        if surely and not rows & ~placed.when:
            return FIRES
        return wanted_to_exempt if surely or settled else wanted | wanted_to_exempt

    def drop(self, node: Node, placed: Placed, weight: int) -> None:
        """Pass over a rule that does not match."""
        if weight == EXEMPT and self.report is not None:
            self.report.exempted(self, node, placed)
        self.may = (self.may >> placed.end) << placed.end

    def to_fetch(self, node: Node, unasked: int, column: Column) -> frozenset[str]:
        """The facts to fetch for these columns, of which `column`, the cheapest, has to wait; maybe none.

        What was fetched for another rule is here, and may make this needless.
        """
        if any(self.take_in(node, node.columns[n]) for n in ones(unasked & ~column.bit)):
            return _NO_NAMES
        return self.names(node, unasked, column.cost)

    def take_in(self, node: Node, column: Column) -> bool:
        """Ask a column and learn from its answer; False: it has to be fetched first."""
        before = self.may
        if isinstance(column, FactColumn):
            answer = self.facts.ask(column.name)
            if not isinstance(answer, NO_VALUE):
                self.may = column.may(answer, before)
            elif isinstance(answer, Missing):
                self.may &= column.absent
            elif isinstance(answer, Unasked):
                return False
            else:
                self.may &= column.lost
                self._lose(column, column.dark, {column.name: answer})
        elif not self._take_in_joint(column):
            return False
        self.asked |= column.bit
        if self.report is not None:
            self.report.note(node, column, self.facts, before & ~self.may)
        return True

    def _take_in_joint(self, column: JointColumn) -> bool:
        answers = {name: self.facts.ask(name) for name in column.names}
        may, dark = column.judge(answers)
        unasked = any(isinstance(answer, Unasked) for answer in answers.values())
        if unasked and self.may & may & dark:
            return False
        self.may &= may
        if dark:
            lost = {name: answer for name, answer in answers.items() if isinstance(answer, Unavailable)}
            self._lose(column, dark, lost)
        return True

    def _lose(self, column: Column, dark: int, lost: dict[str, Unavailable]) -> None:
        self.dark |= dark
        self.lost = {**(self.lost or {}), column.bit: lost}

    def names(self, node: Node, unasked: int, cost: Cost) -> frozenset[str]:
        """All that these columns want at this price: what is fetched together costs the time of one."""
        found: set[str] = set()
        for n in ones(unasked):
            column = node.columns[n]
            if column.cost == cost:
                found.update(self._to_fetch(column))
        return frozenset(found)

    def _to_fetch(self, column: Column) -> list[str]:
        """The cheapest facts of a column that are not here: they may make the dearer ones needless."""
        costs = column.costs if isinstance(column, JointColumn) else (column.cost,)
        there = zip(column.names, costs, strict=True)
        missing = [(cost, name) for name, cost in there if isinstance(self.facts.ask(name), Unasked)]
        return [name for cost, name in missing if cost == min(missing)[0]]

    def unavailable(self, node: Node, placed: Placed) -> dict[str, Unavailable]:
        """The facts that left a rule undecided."""
        lost: dict[str, Unavailable] = {}
        for n in ones(self.may >> placed.start & placed.width):
            for column in ones(node.rows[placed.start + n].columns):
                lost.update((self.lost or {}).get(node.columns[column].bit, {}))
        return lost


class Report:
    """Tells an observer of rules in the order in which they are evaluated; masks refute many at once."""

    __slots__ = ("_observer", "_refuters", "_told")

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._refuters: dict[int, tuple[KeyPath, str]] = {}
        self._told = 0

    def forget(self) -> None:
        """Another node."""
        self._refuters, self._told = {}, 0

    def skip_to(self, number: int) -> None:
        """The rules before that one are none of this walk's."""
        self._told = number

    def note(self, node: Node, column: Column, facts: Facts, refuted: int) -> None:
        """A column was asked, and these rows are refuted by it."""
        for name in column.names:
            self._observer.asked(name, facts.ask(name))
        number = column.bit.bit_length() - 1
        for row in ones(refuted):
            path = node.rows[row].paths.get(number)
            if path is not None:
                self._refuters[row] = (path, column.fact.label)

    def pass_by(self, node: Node, to: int) -> None:
        """The walk has come to the rule of that number: those before it were refuted."""
        for placed in node.placed[self._told : to]:
            rows = (row for row in range(placed.start, placed.end) if not node.rows[row].exempts)
            causes = [self._refuters[row] for row in rows if row in self._refuters]
            condition, fact = causes[-1] if causes else ((*placed.info.path, "any"), "")
            self._observer.refuted(placed.info, condition, fact)
        self._told = max(self._told, to)

    def exempted(self, frame: Frame, node: Node, placed: Placed) -> None:
        """An exemption of the rule holds."""
        rows = (placed.start + n for n in ones(frame.may >> placed.start & placed.width))
        held = next(
            node.rows[row]
            for row in rows
            if node.rows[row].exempts
            and not node.rows[row].columns & ~frame.asked
            and not frame.dark >> row & 1
        )
        paths = tuple(held.paths.values())
        self._tell(node, placed)
        self._observer.exempted(placed.info, _exemption(placed.info.path, paths[0]))

    def undecided(self, node: Node, placed: Placed, unavailable: tuple[str, ...]) -> None:
        """The rule stays open."""
        self._tell(node, placed)
        self._observer.undecided(placed.info, unavailable)

    def fired(self, node: Node, placed: Placed) -> None:
        """The rule matched."""
        self._tell(node, placed)
        self._observer.fired(placed.info)

    def _tell(self, node: Node, placed: Placed) -> None:
        number = node.rule_of[placed.start]
        self.pass_by(node, number)
        self._told = number + 1


def _exemption(rule: KeyPath, condition: KeyPath) -> KeyPath:
    """Of `unless`, the dotted key; of a list of tables, the table."""
    place = len(rule) + 1
    table = len(condition) > place and isinstance(condition[place], int)
    return condition[: place + 1] if table else condition


def ones(mask: int) -> list[int]:
    """The numbers of the bits that are set, lowest first."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
