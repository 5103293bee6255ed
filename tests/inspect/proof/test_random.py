"""Random rules: what is proved is never done by a session that is played."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.inspect.playing import mail
from tests.inspect.proof.proving import prover
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.world import World

HELOS: Final = ("client.example.net", "friend.example", "mx.friend.example")
SENDERS: Final = ("carl@example.com", "ann@example.org", "x1@friend.example", "")
RCPTS: Final = ("bob@victim.example", "bob@example.org", "bob@sub.example.org", "magic@friend.example")
CLIENTS: Final = ("192.0.2.1", "203.0.113.9")
CONDITIONS: Final = (
    'when.helo.name = "friend.example"',
    'when.helo.name.under = "friend.example"',
    "when.client.stranger = true",
    'when.client.ip = "203.0.113.0/24"',
    'when.sender.address.matches = "^x[0-9]@"',
    'when.sender.domain.not_in = ["@local_domains"]',
    "when.sender.null = true",
    'when.var.x = "a"',
    'unless.var.x = "a"',
)
OF_RCPT: Final = (
    'when.rcpt.domain = ["@local_domains", "@relay_domains"]',
    'when.rcpt.domain.under = "example.org"',
    'unless.rcpt.local = "bob"',
    'when.rcpt.domain.not = "victim.example"',
)
MOVES: Final = (
    "accept = true", "return = true", 'reject = "550 5.7.1 No"', 'do = [{ set = { x = "a" } }]', 'jump = "c"',
    'do = [{ set = { x = "b" } }]\naccept = true',
)  # fmt: skip
SET: Final = '[[rules.helo]]\nname = "set"\nwhen.helo.name = "no.example"\ndo = [{ set = { x = "a" } }]\n'


def rules(dice: Random) -> str:
    written = [SET, '[[chains.c]]\nname = "inner"\nwhen.helo.esmtp = true\nreturn = true\n']
    for number in range(dice.randint(1, 6)):
        stage = dice.choice(("connect", "helo", "mail", "rcpt", "rcpt", "rcpt"))
        table = "[[chains.c]]" if dice.random() < 0.2 else f"[[rules.{stage}]]"
        fitting = {"connect": (2, 3), "helo": (0, 1, 2, 3, 7, 8)}.get(stage, range(len(CONDITIONS)))
        known = [CONDITIONS[n] for n in fitting]
        if stage == "rcpt" and table == "[[rules.rcpt]]":
            known += OF_RCPT
        moves = MOVES if table != "[[chains.c]]" else MOVES[:4]
        conditions = dice.sample(known, dice.randint(1, 2))
        written.append("\n".join((table, f'name = "r{number}"', *conditions, dice.choice(moves), "")))
    return "".join(written)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_what_is_proved_is_never_played(seed: int, tmp_path: Path) -> None:
    dice = Random(seed)
    ready = None
    while ready is None:
        try:
            ready = prover(tmp_path / str(dice.random()), rules(dice))
        except AssertionError:  # a rule that does not fit its stage: another table
            continue
    verdict = ready.relaying()
    rehearsal = Rehearsal(ready.tree, ready.graph)
    relayed = False
    for _ in range(12):
        scene = mail(*dice.sample(RCPTS, 2), client=dice.choice(CLIENTS), sender=dice.choice(SENDERS))
        played = rehearsal.play(
            replace(scene, helo=dice.choice(HELOS), client=scene.client), World(users=frozenset({"bob"}))
        )
        taken = [each.command for each in played.dialogue if each.reply.is_positive]
        relayed |= any(f"RCPT TO:<{rcpt}>" in taken for rcpt in (RCPTS[0], RCPTS[2], RCPTS[3]))
    rehearsal.close()
    assert ip_address(CLIENTS[0])
    assert not (relayed and verdict.outcome == "proved")
    assert verdict.outcome != "undecided" or verdict.reason
