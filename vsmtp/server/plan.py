"""The settings in the words of the parts that obey them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from vsmtp.auth import offer
from vsmtp.config.models.server import LMTP, MX, Listener
from vsmtp.config.models.settings import Settings
from vsmtp.config.models.types import HostPort, Rate, RelayName, SecretSource
from vsmtp.config.secrets import reveal, secret_path
from vsmtp.delivery.consignment import Transport
from vsmtp.delivery.mailbox import Mailboxes, Template
from vsmtp.delivery.maildir import Maildirs
from vsmtp.delivery.pool import Limits
from vsmtp.delivery.route import Local, Routing, Smarthost
from vsmtp.delivery.session import Peer
from vsmtp.delivery.smtp import Relay
from vsmtp.effects.transports import ToHost, ToRelay
from vsmtp.message.trace import rfc5322_date
from vsmtp.net.certificates import Certificates, KeyPair, Policy
from vsmtp.net.limits import Networks, Pace
from vsmtp.queue.schedule import Schedule
from vsmtp.server.lanes import Goal
from vsmtp.server.parcel import Lane
from vsmtp.server.service import Patience, Penalty, Service, Standing
from vsmtp.smtp.terms import ALL_EXTENSIONS, Terms
from vsmtp.values.answer import Found, Unavailable
from vsmtp.values.outcome import Deferred
from vsmtp.values.reply import Reply
from vsmtp.values.secret import Secret
from vsmtp.vocabulary.replies import rewording

# As many files as share their syncs well; and how many batches the postman is given at a time.
MAILDIR_BATCH: Final = 64
MAILDIR_WIDTH: Final = 2
RELAY_BATCH: Final = 100
# Who has just come, in clear, and speaks for himself.
STRANGER: Final = Standing()


def terms(settings: Settings, listener: Listener = MX, standing: Standing = STRANGER) -> Terms:
    """What clients of a listener are granted, as they stand."""
    smtp, server = settings.smtp, settings.server
    starttls = listener.starttls(has_certificate=settings.has_certificate)
    return Terms(
        server.name,
        server.max_message_size,
        smtp.max_recipients,
        max_line_length=smtp.max_line_length,
        hard_error_limit=smtp.errors.hard,
        extensions=tuple(name for name in ALL_EXTENSIONS if name not in smtp.disable_extensions),
        replies=_replies(settings),
        kind="lmtp" if listener.kind in LMTP else "smtp",
        tls="active" if standing.is_secure else starttls,
        auth=_mechanisms(settings, listener, standing),
        auth_required=listener.wants_login,
        bare_newline=smtp.bare_newline,
        xclient=standing.introduces,
        vrfy="ask" if smtp.vrfy == "answer" else smtp.vrfy,
    )


def _mechanisms(settings: Settings, listener: Listener, standing: Standing) -> tuple[str, ...]:
    if listener.logins == "none":
        return ()
    now = offer.Standing(
        vault=settings.auth.backend.kind == "table",
        safe=standing.is_secure or listener.auth_without_tls,
        binding=standing.is_bound,
        certificate=standing.is_certified,
    )
    return offer.offered(settings.auth.mechanisms, now)


def _replies(settings: Settings) -> dict[str, Reply]:
    """Give the replies that are reworded."""
    return {name: rewording(name, written) for name, written in settings.smtp.replies.items()}


def turning_away(settings: Settings) -> Callable[[str], Reply]:
    """What a client hears that is one too many, by the reason."""
    own = terms(settings)
    return lambda reason: own.in_own_words(Reply(421, "4.7.0", reason))


def services(settings: Settings, certificates: Certificates | None) -> dict[str, Service]:
    """What each listener grants, by its name."""
    return {name: _service(settings, listener, certificates) for name, listener in settings.listeners.items()}


def _service(settings: Settings, listener: Listener, certificates: Certificates | None) -> Service:
    return Service(
        cache(partial(terms, settings, listener)),
        certificates.context(listener.client_certificates) if certificates is not None else None,
        implicit=listener.is_implicit,
        proxies=Networks(listener.proxy_protocol_from),
        introducers=Networks(listener.xclient_from),
    )


def certificates(settings: Settings, environment: Mapping[str, str]) -> Certificates | None:
    """The server's certificates, None where there are none. Raises OSError or ValueError."""
    tls = settings.tls
    if tls.certificate is None or tls.private_key is None:
        return None
    others = {
        name: KeyPair(other.certificate, _key_path(other.private_key, environment))
        for name, other in tls.sni.items()
    }
    pair = KeyPair(tls.certificate, _key_path(tls.private_key, environment))
    return Certificates(Policy(pair, others, tls.min_version, tls.ciphers, tls.client_ca))


def _key_path(source: SecretSource, environment: Mapping[str, str]) -> Path:
    path = secret_path(source, environment)
    if isinstance(path, Unavailable):
        raise ValueError(f"a private key cannot be read: {path.reason}")  # noqa: TRY004 the world is down, no type is wrong
    return path


def penalty(settings: Settings) -> Penalty:
    """What mistakes cost."""
    smtp = settings.smtp
    return Penalty(smtp.errors.soft, smtp.errors.delay, smtp.greeting_delay)


def pace(rate: Rate | None, clock: Callable[[], float]) -> Pace | None:
    """What counts towards a rate, None for any number."""
    return None if rate is None else Pace(rate.events, rate.seconds, clock)


def patience(settings: Settings) -> Patience:
    """How long clients are waited for."""
    times = settings.smtp.timeouts
    return Patience(times.greeting, times.command, times.data, times.message, times.handshake, times.session)


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


def lane_builder(
    settings: Settings, environment: Mapping[str, str], local: Transport
) -> Callable[[Goal], Lane | Deferred]:
    """What makes the lane of a goal; `local` carries mail for local domains. Secrets are read here, once.

    Raises ValueError when a secret cannot be read.
    """
    peers = {name: _relay_peer(settings, name, environment) for name in settings.relays}
    helo = settings.delivery.helo.replace("{server.name}", settings.server.name)
    width = settings.delivery.max_per_destination

    def build(goal: Goal) -> Lane | Deferred:
        match goal:
            case Local():
                return Lane("local", local, MAILDIR_BATCH, MAILDIR_WIDTH)
            case ToRelay(name):
                peer = peers.get(name)
                if peer is None:
                    return Deferred("", Reply(451, "4.3.5", f"there is no relay `{name}` any more"))
                return _to_peer(peer, width)
            case Smarthost(host, port):
                target = settings.delivery.smarthost
                named = peers.get(target.name) if isinstance(target, RelayName) else None
                return _to_peer(named or Peer(host, port, helo), width)
            case ToHost():
                found = _host_peer(goal, helo, environment)
                return found if isinstance(found, Deferred) else _to_peer(found, width)

    return build


def _to_peer(peer: Peer, width: int) -> Lane:
    return Lane(peer.where, Relay(peer, Limits(width)), RELAY_BATCH, width, mixes=False)


def _relay_peer(settings: Settings, name: str, environment: Mapping[str, str]) -> Peer:
    helo = settings.delivery.helo.replace("{server.name}", settings.server.name)
    relay = settings.relays[name]
    password: Secret | None = None
    if relay.password is not None:
        found = reveal(relay.password, environment)
        if not isinstance(found, Found):
            raise ValueError(f"the password of relay `{name}` cannot be read: {found.reason}")
        password = found.value
    return Peer(relay.host, relay.port, helo, relay.tls, relay.user, password)


def _host_peer(way: ToHost, helo: str, environment: Mapping[str, str]) -> Peer | Deferred:
    """The peer that a rule means; its password is read when it is first needed."""
    password: Secret | None = None
    if way.login is not None:
        password = way.login.password if isinstance(way.login.password, Secret) else None
        if password is None and isinstance(way.login.password, SecretSource):
            found = reveal(way.login.password, environment)
            if not isinstance(found, Found):
                return Deferred("", Reply(451, "4.3.5", f"a password cannot be read: {found.reason}"))
            password = found.value
    user = way.login.user if way.login is not None else None
    implicit = way.scheme == "smtps"
    return Peer(way.where.host, way.where.port, helo, way.tls, user, password, implicit=implicit)


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
