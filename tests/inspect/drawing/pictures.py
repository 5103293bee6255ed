"""Pictures for the tests of drawings: of a tree with all that a picture can have, and of random ones."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.rules.bench import compiled
from vsmtp.inspect.drawing.picture import Arrow, Box, Entry, Picture, Strip
from vsmtp.inspect.drawing.portrait import Hits, portray
from vsmtp.values.diagnostic import KeyPath
from vsmtp.vocabulary.stages import Stage

RULES: Final = """
[[rules.mail]]
name = "odd <name> & \\"quotes\\""
when.sender.domain = ["a.example", "b.example"]
reject = "550 5.7.1 No {sender.domain|<>}"

[[rules.rcpt]]
name = "any"
when.client.stranger = true
any = [{ helo.literal = true }, { helo.esmtp = false }]
unless.rcpt.local = "abuse"
jump = "c"

[[rules.rcpt]]
name = "early"
when.sender.null = true
jump = "shipped"

[[rules.rcpt]]
name = "score"
do = [{ add = { score = 2 } }]

[[rules.rcpt]]
name = "too much"
when.var.score.ge = 2
defer = "451 4.7.1 Later"

[[rules.rcpt]]
name = "trust"
when.client.trusted = true
trust = true

[[chains.c]]
name = "on"
when.client.net = "192.0.2.0/24"
jump = "d"

[[chains.d]]
name = "hold"
quarantine = "q"

[[shipped.rcpt]]
name = "last"
accept = true
"""
TONES: Final = ("good", "bad", "later", "away", "on", "none")


def place(path: KeyPath) -> str:
    return ":".join(map(str, path))


def picture(hits: Hits = None) -> Picture:
    return portray(compiled(RULES).graph, tuple(Stage), place, hits)


def anything(dice: Random) -> Picture:
    """Boxes with any number of entries of any length, and jumps from each box to later chains."""
    strips, arrows = [], []
    for name in ("mail", "rcpt")[: dice.randint(1, 2)]:
        tables = tuple(box(dice, f"{name}/t{n}") for n in range(dice.randint(1, 3)))
        chains = tuple(box(dice, f"{name}/c{n}") for n in range(dice.randint(0, 6)))
        strip = Strip(name, tables, chains)
        strips.append(strip)
        for n, start in enumerate(strip.boxes):
            later = strip.boxes[max(n + 1, len(tables)) :]
            arrows += [
                Arrow(start.key, number, dice.choice(later).key)
                for number in range(len(start.entries))
                if later and dice.random() < 0.4
            ]
    return Picture(tuple(strips), tuple(arrows))


def box(dice: Random, key: str) -> Box:
    return Box(key, key, words(dice), tuple(entry(dice) for _ in range(dice.randint(1, 8))))


def entry(dice: Random) -> Entry:
    some = [words(dice) for _ in range(dice.randint(0, 4))]
    hits = dice.choice([None, 0, 123456])
    return Entry(words(dice), tuple(some), tuple(some[:1]), words(dice), dice.choice(TONES), "f:1", hits)


def words(dice: Random) -> str:
    return " ".join("x" * dice.choice([1, 3, 9, 90]) for _ in range(dice.randint(0, 12)))
