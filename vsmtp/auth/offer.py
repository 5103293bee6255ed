"""Which mechanisms a client is offered, as its connection stands now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vsmtp.auth.mechanisms import MECHANISMS, Mechanism


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a connection.

    `vault`: the back end keeps the secrets themselves; `safe`: nobody on the way can read what is said, or
    the listener does not mind; `binding`: what TLS is bound to is known; `certificate`: the client has shown
    one of its own, and it is good.
    """

    vault: bool
    safe: bool
    binding: bool = False
    certificate: bool = False


def offered(names: Iterable[str], standing: Standing) -> tuple[str, ...]:
    """Those of `names`, all in `MECHANISMS`, that can be used now, in their order."""
    return tuple(name for name in names if standing.safe and _does(MECHANISMS[name], standing))


def _does(mechanism: Mechanism, standing: Standing) -> bool:
    return (
        (standing.vault or not mechanism.wants_secret)
        and (standing.binding or not mechanism.wants_binding)
        and (standing.certificate or not mechanism.wants_certificate)
    )
