"""What rules are asked about: a connection, a transaction on it, and one of its recipients.

Plain slotted classes that the server fills in as a mail goes on its way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from vsmtp.net.limits import IpAddress, plain
from vsmtp.values.address import NULL_SENDER, Address
from vsmtp.values.answer import Missing, Unavailable
from vsmtp.values.envelope import Content
from vsmtp.vocabulary.answers import UNASKED, Unasked

# What a rule makes of a variable; Unavailable where what it was to be made of was.
Variable: TypeAlias = str | bool | int | float | Unavailable


@dataclass(frozen=True, slots=True)
class TlsState:
    """What was negotiated: `1.3`, the cipher suite's name, the server name that the client asked for.

    `client_cert` is the subject of the client's verified certificate; empty for none, as is `sni`.
    """

    version: str
    cipher: str
    sni: str = ""
    client_cert: str = ""


@dataclass(slots=True)
class Connection:
    """A client's connection; mail made on this machine has one without `client_ip` and `client_port`.

    An IPv4-mapped IPv6 address is taken for the IPv4 address that it is. `user` and `mechanism` are those of
    the last login tried, `auth_success` how it ended (None: none was), `attempt` how many there were;
    `authenticated` holds once one succeeded. `variables` are those that rules set before `mail`.
    """

    client_ip: IpAddress | None
    client_port: int | None
    listener_name: str
    listener_port: int | None
    listener_kind: str
    trusted: bool
    helo_name: str = ""
    esmtp: bool = False
    authenticated: bool = False
    user: str = ""
    mechanism: str = ""
    auth_success: bool | None = None
    attempt: int = 0
    tls: TlsState | None = None
    variables: dict[str, Variable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.client_ip is not None:
            self.client_ip = plain(self.client_ip)


@dataclass(slots=True)
class Transaction:
    """A mail from MAIL to its delivery.

    `head` is the header block, or None while there is no message; `body` what follows it, without which
    nothing is known of the message's parts; `size` the message's octets as received; `arrived` the moment of
    its acceptance in seconds since the epoch; `attempts` the delivery attempts made; `released`: from a
    quarantine.
    """

    sender: Address = NULL_SENDER
    declared_size: int | None = None
    smtputf8: bool = False
    recipients: list[Address] = field(default_factory=list)
    head: bytes | None = None
    size: int = 0
    queue_id: str = ""
    attempts: int = 0
    arrived: float | None = None
    body: Content | None = None
    released: bool = False
    variables: dict[str, Variable] = field(default_factory=dict)


@dataclass(slots=True)
class Recipient:
    """The recipient that `rcpt` or `delivery` rules look at: the `index`-th of the transaction, from 1.

    `known`: whether the user exists; Missing where we cannot know (no local domain). `original`: the address
    that the client gave, where it has been rewritten since.
    """

    address: Address
    index: int = 1
    known: bool | Missing | Unavailable | Unasked = UNASKED
    original: Address | None = None
    variables: dict[str, Variable] = field(default_factory=dict)
