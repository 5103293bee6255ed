"""The chains of domains through the daemon: whose mail goes by which, and where a parent's count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.server import Server
from tests.server.daemon import TRUSTING, Client, serving, strange, until
from tests.server.peer import Peer, peer

TREE = """
[domains."parent.test"]
class = "local"
incoming = "in"
outgoing = "out"
internal = "within"
[domains."child.parent.test"]
class = "local"
internal = "none"
[domains."quiet.parent.test"]
class = "local"
incoming = "none"
outgoing = "none"
[domains."other.test"]
class = "local"
incoming = "other"
"""
MARK = """
[[chains.{name}]]
name = "{name} of the message"
stage = "prequeue"
do = [{{ add_header = {{ name = "X-Chain", value = "{name}" }} }}]
[[chains.{name}]]
name = "{name} after the queue"
stage = "postqueue"
do = [{{ add_header = {{ name = "X-Later", value = "{name}" }} }}]
[[chains.{name}]]
name = "{name} of the copy"
stage = "delivery"
do = [{{ add_header = {{ name = "X-Copy", value = "{name}" }} }}]
"""
CHAINS = "".join(MARK.format(name=name) for name in ("in", "out", "within", "other"))
STRANGER = "127.9.9.9"


@pytest.fixture(scope="module")
def there() -> Iterator[Peer]:
    with peer() as listening:
        yield listening


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, there: Peer) -> Iterator[Server]:
    trusting = TRUSTING.replace("127.0.0.0/8", "127.0.0.1")
    smarthost = f'smarthost = "127.0.0.1:{there.port}"'
    base = tmp_path_factory.mktemp("domains")
    with serving(base, server=trusting, delivery=smarthost, extra=TREE + CHAINS) as running:
        yield running
        assert strange(running) == []


def marks(octets: bytes) -> dict[str, list[str]]:
    """The chains that left their mark, by field."""
    fields = [line.split(b": ") for line in octets.replace(b"\r", b"").split(b"\n") if line.startswith(b"X-")]
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name.decode(), []).append(value.decode())
    return found


@pytest.mark.parametrize(
    ("sender", "source", "to", "chains"),
    [
        ("s@src.test", STRANGER, "a@parent.test", ["in"]),
        ("s@parent.test", STRANGER, "b@parent.test", ["in"]),
        ("", "127.0.0.1", "c@parent.test", ["in"]),
        ("s@src.test", STRANGER, "d@child.parent.test", ["in"]),
        ("s@src.test", STRANGER, "e@quiet.parent.test", []),
        ("s@parent.test", "127.0.0.1", "f@parent.test", ["within"]),
        ("s@child.parent.test", "127.0.0.1", "g@child.parent.test", []),
        ("s@child.parent.test", "127.0.0.1", "h@other.test", ["out", "other"]),
        ("s@quiet.parent.test", "127.0.0.1", "i@other.test", ["other"]),
        ("s@other.test", "127.0.0.1", "j@parent.test", ["in"]),
        ("s@src.test", STRANGER, "k@local.test", []),
    ],
)
def test_mail_goes_by_the_chains_of_its_domains_at_every_stage(
    sender: str, source: str, to: str, chains: list[str], server: Server
) -> None:
    with Client(server.port, source=source).greet() as client:
        assert client.mail(to, sender=sender).startswith("250")
    (path,) = until(lambda: server.inbox(to.partition("@")[0]))
    expected = dict.fromkeys(("X-Chain", "X-Later", "X-Copy"), chains) if chains else {}
    assert marks(path.read_bytes()) == expected


def test_mail_of_ours_for_elsewhere_goes_by_our_domain_alone(server: Server, there: Peer) -> None:
    with Client(server.port).greet() as client:
        assert client.mail("z@else.test", sender="s@child.parent.test").startswith("250")
    (octets,) = until(lambda: there.messages)
    assert marks(octets) == {name: ["out"] for name in ("X-Chain", "X-Later", "X-Copy")}
