"""The settings in the words of the parts that obey them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import HostPort
from vsmtp.config.secrets import reveal
from vsmtp.delivery.consignment import Transport
from vsmtp.delivery.mailbox import Mailboxes, Template
from vsmtp.delivery.maildir import Maildirs
from vsmtp.delivery.pool import Limits
from vsmtp.delivery.route import Local, Routing, Smarthost
from vsmtp.delivery.session import Peer
from vsmtp.delivery.smtp import Relay
from vsmtp.message.trace import rfc5322_date
from vsmtp.queue.schedule import Schedule
from vsmtp.server.connection import Patience
from vsmtp.server.parcel import Lane
from vsmtp.smtp.terms import EXTENSIONS, Terms
from vsmtp.values.answer import Found
from vsmtp.values.reply import Reply
from vsmtp.values.secret import Secret

# As many files as share their syncs well; and how many batches the postman is given at a time.
MAILDIR_BATCH: Final = 64
MAILDIR_WIDTH: Final = 2
RELAY_BATCH: Final = 100

Lanes: TypeAlias = Mapping[Local | Smarthost, Lane]


def terms(settings: Settings) -> Terms:
    """What clients are granted."""
    smtp, server = settings.smtp, settings.server
    return Terms(
        server.name,
        server.max_message_size,
        smtp.max_recipients,
        max_line_length=smtp.max_line_length,
        hard_error_limit=smtp.errors.hard,
        extensions=tuple(name for name in EXTENSIONS if name not in smtp.disable_extensions),
        replies={"greeting": _greeting(smtp.replies.greeting)},
    )


def _greeting(written: str) -> Reply:
    code, _, text = written.partition(" ")
    return Reply(int(code), "", text)


def patience(settings: Settings) -> Patience:
    """How long clients are waited for."""
    times = settings.smtp.timeouts
    return Patience(times.greeting, times.command, times.data, times.message)


def schedule(settings: Settings) -> Schedule:
    """When deferred mail is tried again."""
    queue = settings.queue
    return Schedule(queue.retry, queue.jitter, queue.lifetime)


def routing(settings: Settings) -> Routing:
    """Which way mail goes."""
    local = frozenset(domain.casefold() for domain in settings.local_domains)
    return Routing(local, _smarthost(settings))


def _smarthost(settings: Settings) -> Smarthost | None:
    target = settings.delivery.smarthost
    if target is None:
        return None
    if isinstance(target, HostPort):
        return Smarthost(target.host, target.port)
    relay = settings.relays[target.name]
    return Smarthost(relay.host, relay.port)


def lanes(settings: Settings, environment: Mapping[str, str], local: Transport) -> Lanes:
    """One lane for each way; `local` carries mail for local domains. Secrets are read here, once.

    Raises ValueError when a secret cannot be read.
    """
    width = settings.delivery.max_per_destination
    ways: dict[Local | Smarthost, Lane] = {Local(): Lane("local", local, MAILDIR_BATCH, MAILDIR_WIDTH)}
    smarthost = _smarthost(settings)
    if smarthost is not None:
        peer = _peer(settings, smarthost, environment)
        ways[smarthost] = Lane(peer.where, Relay(peer, Limits(width)), RELAY_BATCH, width, mixes=False)
    return ways


def _peer(settings: Settings, smarthost: Smarthost, environment: Mapping[str, str]) -> Peer:
    helo = settings.delivery.helo.replace("{server.name}", settings.server.name)
    target = settings.delivery.smarthost
    if target is None or isinstance(target, HostPort):
        return Peer(smarthost.host, smarthost.port, helo)
    relay = settings.relays[target.name]
    password: Secret | None = None
    if relay.password is not None:
        found = reveal(relay.password, environment)
        if not isinstance(found, Found):
            raise ValueError(f"the password of relay `{target.name}` cannot be read: {found.reason}")
        password = found.value
    return Peer(relay.host, relay.port, helo, relay.tls, relay.user, password)


def maildirs(settings: Settings) -> Maildirs:
    """The transport into this server's Maildirs."""
    mailboxes = Mailboxes(Template.parse(settings.delivery.maildir), settings.server.recipient_delimiter)
    return Maildirs(mailboxes, settings.server.name)


def zoned(settings: Settings, clock: Callable[[], float]) -> Callable[[], datetime]:
    """The time in the zone of the rules; `clock` gives seconds since the epoch."""
    name = settings.server.timezone
    zone = None if name == "system" else ZoneInfo(name)

    def now() -> datetime:
        return datetime.fromtimestamp(clock(), zone) if zone else datetime.fromtimestamp(clock()).astimezone()

    return now


def dates(settings: Settings, clock: Callable[[], float]) -> Callable[[float], str]:
    """Writes a time for a Received field; the text of a second is made once."""
    now = zoned(settings, clock)
    last = (0, "")

    def date(epoch: float) -> str:
        nonlocal last
        second = int(epoch)
        if second != last[0]:
            offset = now().utcoffset()
            minutes = int(offset.total_seconds() // 60) if offset else 0
            last = (second, rfc5322_date(second, minutes))
        return last[1]

    return date
