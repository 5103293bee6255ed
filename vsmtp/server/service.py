"""What a listener grants to its clients, how long they are waited for, and what their mistakes cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import NamedTuple

from vsmtp.net.limits import NOBODY, Networks
from vsmtp.smtp.terms import Terms


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a client is given.

    For its greeting, a command, `PROGRESS` octets, a whole message, a TLS handshake, all of its stay.
    """

    greeting: float
    command: float
    data: float
    message: float
    handshake: float = 30.0
    session: float = 86400.0


@dataclass(frozen=True, slots=True)
class Penalty:
    """After `soft` refused commands each further one is answered `delay` seconds later.

    `silence` is how long the greeting is held back from strangers, in seconds.
    """

    soft: int = 5
    delay: float = 0.0
    silence: float = 0.0


class Standing(NamedTuple):
    """How a client stands at a listener.

    It is under TLS, may say who the real client is, has shown a certificate that somebody vouches for, has
    seen one of ours that logins can be bound to.
    """

    is_secure: bool = False
    introduces: bool = False
    is_certified: bool = False
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """What a listener grants, by standing; `context` gives the TLS context of now where there is TLS.

    With `implicit` TLS comes before the first word. `proxies` must begin with a PROXY header, `introducers`
    may say XCLIENT.
    """

    terms: Callable[[Standing], Terms]
    context: Callable[[], SSLContext] | None = None
    implicit: bool = False
    proxies: Networks = NOBODY
    introducers: Networks = NOBODY
