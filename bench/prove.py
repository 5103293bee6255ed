"""How long a proof takes: `python bench/prove.py`. Simple rules, and mixed ones; proved and refuted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from vsmtp.inspect.check import check
from vsmtp.inspect.proof.prove import Prover

TREE = """
[server]
name = "mx.example.org"
local_domains = ["example.org"]
relay_domains = ["relayed.example"]
trusted = ["198.51.100.0/24"]
[queue]
path = "spool"
"""
NO = 'reject = "550 5.7.1 No"'
WAIT = 'defer = "450 4.7.1 No"'
LEAK = """
[[rules.rcpt]]
name = "the leak"
when.helo.name = "h7.example"
when.sender.domain.under = "friends.example"
when.client.ip = "203.0.113.0/24"
when.time.hour = 3
accept = true
"""


def simple(number: int) -> str:
    return f'[[rules.rcpt]]\nname = "r{number}"\nwhen.rcpt.domain = "d{number}.example"\n{NO}\n'


def mixed(number: int) -> str:
    n, head = number, f'[[rules.rcpt]]\nname = "r{number}"\n'
    kinds = (
        f'when.sender.domain.under = "s{n}.example"\nwhen.helo.esmtp = true\n{NO}\n',
        f'when.client.ip = "10.{n % 250}.0.0/16"\nwhen.rcpt.local.starts_with = "x{n}"\n{WAIT}\n',
        f'when.sender.address.matches = "^b[0-9]+@x{n}\\\\."\nunless.rcpt.domain = "example.org"\n{NO}\n',
        f'when.helo.name = "h{n}.example"\nwhen.client.trusted = true\naccept = true\n',
        f'when.rcpt.domain = ["example.org", "relayed.example"]\nwhen.rcpt.local = "u{n}"\naccept = true\n',
        f'when.spf.result = "fail"\nwhen.sender.domain = "f{n}.example"\nunavailable = "skip"\n{NO}\n',
        f'when.helo.name.glob = "*.dyn{n}.example"\ndo = [{{ add = {{ score = 1 }} }}]\n',
        f'when.var.score.ge = {n}\nwhen.time.clock.between = ["22:00", "06:00"]\n{NO}\n',
        f'when.sender.size.gt = {n}000\nwhen.rcpt.tag = "t{n}"\nreturn = true\n',
        f'any = [{{ sender.local = "l{n}" }}, {{ rcpt.tag = "a" }}]\ndo = [{{ set = {{ x = "v{n}" }} }}]\n',
    )
    return head + kinds[n % len(kinds)]


def timed(make: Callable[[int], str], count: int, more: str = "") -> tuple[str, float]:
    """The outcome of the relay proof, and the seconds that it took once the tree was compiled."""
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "conf.d"
        tree.mkdir()
        (tree / "10.toml").write_text(TREE + "".join(map(make, range(count))) + more)
        report = check(Path(folder), hostname="mx.example.org", version="1.0")
        assert report.tree is not None
        assert report.graph is not None
        start = monotonic()
        verdict = Prover(report.tree, report.graph, start + 60).relaying()
        return verdict.outcome, monotonic() - start


def main() -> None:
    for name, make, counts in (("simple", simple, (100, 1000, 5000)), ("mixed", mixed, (100, 1000, 2000))):
        for count in counts:
            for more in ("", LEAK):
                outcome, seconds = timed(make, count, more)
                print(f"{count:5} {name:6} rules: {outcome:9} in {seconds:6.2f} s")


if __name__ == "__main__":
    main()
