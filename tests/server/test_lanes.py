"""Lanes are made when needed; those that rules chose are closed when idle."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vsmtp.config.models.types import HostPort
from vsmtp.delivery.consignment import Consignment
from vsmtp.delivery.route import Local
from vsmtp.effects.transports import ToHost, ToRelay
from vsmtp.server.lanes import IDLE, Goal, Lanes
from vsmtp.server.parcel import Lane
from vsmtp.values.outcome import Deferred, Outcome
from vsmtp.values.reply import Reply

HOST = ToHost("smtp", HostPort("192.0.2.1", 25), "may")
NO_WAY = Deferred("", Reply(451, "4.3.5", "no such relay"))


class Road:
    """A transport that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def deliver(self, batch: Sequence[Consignment]) -> Sequence[Outcome]:
        raise AssertionError(batch)

    async def close(self) -> None:
        self.closed = True


class Builder:
    def __init__(self) -> None:
        self.roads: dict[Goal, Road] = {}
        self.now = 0.0

    def build(self, goal: Goal) -> Lane | Deferred:
        if isinstance(goal, ToRelay):
            return NO_WAY
        self.roads[goal] = Road()
        return Lane(str(goal), self.roads[goal], 1, 1)


def test_a_lane_is_made_once() -> None:
    builder = Builder()
    lanes = Lanes(builder.build, lambda: builder.now)
    assert lanes(HOST) is lanes(HOST)
    assert lanes(ToRelay("gone")) is NO_WAY


def test_only_idle_lanes_of_rules_are_closed() -> None:
    builder = Builder()
    lanes = Lanes(builder.build, lambda: builder.now)
    busy = ToHost("smtp", HostPort("192.0.2.2", 25), "may")
    first = lanes(HOST)
    lanes(Local())
    lane = lanes(busy)
    assert isinstance(lane, Lane)
    lane.running = 1
    builder.now = IDLE + 1
    asyncio.run(lanes.close_idle())
    assert {goal: road.closed for goal, road in builder.roads.items()} == {
        HOST: True, Local(): False, busy: False,
    }  # fmt: skip
    assert lanes(HOST) is not first


def test_at_the_end_all_are_closed() -> None:
    builder = Builder()
    lanes = Lanes(builder.build, lambda: builder.now)
    lanes(HOST)
    lanes(Local())
    asyncio.run(lanes.close())
    assert all(road.closed for road in builder.roads.values())
