"""Trees that scenes are played on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from tests.config.trees import HOST, plant
from vsmtp.inspect.check import check
from vsmtp.inspect.rehearsal import Rehearsal
from vsmtp.inspect.rehearsed import Rehearsed
from vsmtp.inspect.rulebook import Rulebook
from vsmtp.inspect.scene import Scene, with_crlf
from vsmtp.inspect.world import World
from vsmtp.values.address import Address

BASE = """
[server]
name = "mx.example.org"
local_domains = ["example.org"]
relay_domains = ["relayed.example"]
trusted = ["198.51.100.0/24"]
timezone = "UTC"
[queue]
path = "spool"
"""
STRANGER = "192.0.2.1"
TRUSTED = "198.51.100.7"
WORLD = World(users=frozenset({"ann", "bob"}))


def mail(*recipients: str, client: str = STRANGER, sender: str = "carl@example.com", text: str = "") -> Scene:
    return Scene(
        ip_address(client),
        sender=Address.parse(sender) if sender else Address("", ""),
        recipients=tuple(Address.parse(one) for one in recipients),
        message=with_crlf(text.encode()) if text else None,
    )


def hello(client: str = STRANGER, **more: str) -> Scene:
    return replace(Scene(ip_address(client)), **more)  # type: ignore[arg-type]  # the fields are texts


class Stage:
    """A tree that is ready."""

    def __init__(self, root: Path, rules: str) -> None:
        plant(root, a10=BASE, b20=rules)
        report = check(root, hostname=HOST, version="1.0")
        assert report.is_sound, report.diagnostics
        assert report.tree is not None
        assert report.graph is not None
        self.tree = report.tree
        self.book = Rulebook.of(report.tree)
        self.rehearsal = Rehearsal(report.tree, report.graph)

    def play(self, scene: Scene, world: World = WORLD) -> Rehearsed:
        return self.rehearsal.play(scene, world)


@contextmanager
def stage(root: Path, rules: str = "") -> Iterator[Stage]:
    ready = Stage(root, rules)
    try:
        yield ready
    finally:
        ready.rehearsal.close()


def play(root: Path, rules: str, scene: Scene, world: World = WORLD) -> Rehearsed:
    with stage(root, rules) as ready:
        return ready.play(scene, world)
