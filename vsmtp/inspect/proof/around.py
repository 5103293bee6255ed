"""What a proof has to know of a tree, and how the tree cuts the lines of facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, TypeAlias

from vsmtp.config.load import Tree
from vsmtp.inspect.proof.gather import Lines, all_rules
from vsmtp.rules.constants import ordinal
from vsmtp.rules.graph import Graph
from vsmtp.rules.language import Interval, Op, Rule

Duty: TypeAlias = Literal["none", "may", "required"]
Network: TypeAlias = IPv4Network | IPv6Network

# The places of the two recipients of a session, `rcpt.index`.
FIRST: Final = Interval(1, 2)
SECOND: Final = Interval(2, 3)
_V4_END: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Door:
    """A listener: whether sessions on it may be, or have to be, encrypted and logged in before any mail."""

    name: str
    port: int
    kind: str
    tls: Duty = "none"
    logins: Duty = "none"

    @property
    def span(self) -> Interval:
        """The port alone."""
        return Interval(self.port, self.port + 1)


@dataclass(frozen=True, slots=True)
class Around:
    """What the tree says of its server, domains in lower case."""

    graph: Graph
    local: frozenset[str]
    relay: frozenset[str]
    trusted: Sequence[Network]
    doors: Sequence[Door]
    delimiter: str = "+"

    @property
    def ours(self) -> frozenset[str]:
        """The domains that anybody may send mail to."""
        return self.local | self.relay


def around_of(tree: Tree, graph: Graph) -> Around:
    """What a proof has to know of the tree."""
    settings = tree.settings
    doors = [
        Door(
            name, each.address[0].port, each.kind,
            "required" if each.is_implicit else each.starttls(has_certificate=settings.has_certificate),
            each.logins,
        )
        for name, each in settings.listeners.items()
    ]  # fmt: skip
    return Around(
        graph,
        frozenset(name.casefold() for name in settings.local_domains),
        frozenset(name.casefold() for name in settings.relay_domains),
        settings.server.trusted,
        doors,
        settings.server.recipient_delimiter,
    )


def cut_lines(around: Around, extra: Sequence[Rule]) -> Lines:
    """The lines of all facts, as the tree and these rules besides cut them."""
    lines = Lines((*all_rules(around.graph), *extra))
    for name in ("rcpt.domain", "sender.domain"):
        lines.add(name, Op.IS, *around.ours)
        lines.add(name, Op.UNDER, *around.graph.domains)
    for name in ("rcpt.local", "sender.local"):
        lines.add(name, Op.IS, "postmaster")
    ends = (0, _V4_END, *(end for span in map(span_of, around.trusted) for end in (span.start, span.end)))
    spans = [span_of(network) for network in around.trusted] + [Interval(end, end + 1) for end in ends[:2]]
    lines.add_spans("client.ip", spans)
    lines.add("listener.name", Op.IS, *(door.name.casefold() for door in around.doors))
    lines.add("listener.kind", Op.IS, *(door.kind for door in around.doors))
    lines.add_spans("listener.port", (door.span for door in around.doors))
    lines.add_spans("rcpt.index", (FIRST, SECOND))
    return lines


def span_of(network: Network) -> Interval:
    """The network as numbers of addresses."""
    return Interval(ordinal(network.network_address), ordinal(network.broadcast_address) + 1)
