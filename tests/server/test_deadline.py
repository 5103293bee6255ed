"""The clocks of a connection, by a clock of our own."""

from __future__ import annotations

from vsmtp.server.deadline import FAREWELL, NEVER, PROGRESS, Deadline
from vsmtp.server.service import Patience

PATIENCE = Patience(greeting=10, command=20, data=30, message=50, handshake=5, session=1000)


def ends_at(deadline: Deadline) -> float:
    """The first whole second at which the time is over."""
    return next((now for now in range(2000) if deadline.is_over(now)), NEVER)


def test_nobody_waits_for_a_connection_that_has_not_begun() -> None:
    assert ends_at(Deadline(PATIENCE)) == NEVER


def test_each_turn_of_the_client_has_its_time() -> None:
    deadline = Deadline(PATIENCE)
    ends = []
    for give in (deadline.for_handshake, deadline.for_greeting, deadline.for_command, deadline.for_farewell):
        give(100)
        ends.append(ends_at(deadline) - 100)
    assert ends == [5, 10, 20, FAREWELL]


def test_our_own_silence_is_not_the_clients_time() -> None:
    deadline = Deadline(PATIENCE)
    deadline.for_greeting(100, 7)
    assert ends_at(deadline) == 117


def test_a_transaction_ends_however_often_its_client_says_something() -> None:
    deadline = Deadline(PATIENCE)
    for now in range(100, 150, 10):
        deadline.for_recipient(now, 1)
    deadline.for_message(149, 1)
    assert ends_at(deadline) == 150


def test_the_next_transaction_has_a_time_of_its_own() -> None:
    deadline = Deadline(PATIENCE)
    deadline.for_message(100, 1)
    deadline.for_message(140, 2)
    assert ends_at(deadline) == 170


def test_only_so_many_octets_are_progress() -> None:
    deadline = Deadline(PATIENCE)
    assert [deadline.has_progressed(PROGRESS // 2) for _ in range(4)] == [False, True, False, True]


def test_a_stay_ends_even_while_the_client_does_penance() -> None:
    deadline = Deadline(PATIENCE)
    deadline.begin(100)
    deadline.for_command(100)
    deadline.suspend()
    assert ends_at(deadline) == 1100
