"""The words of the configuration: how a duration, a network, a secret is written, checked and kept.

Each type turns what TOML holds into a value of the right kind or raises with a stable code, so that a message
says what to write rather than what a library disliked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, get_args

from pydantic import BeforeValidator, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from vsmtp.values.address import Address, parse_domain
from vsmtp.values.secret import Secret
from vsmtp.values.units import parse_duration, parse_size

T = TypeVar("T")

MAX_PORT: Final = 65535
MAX_SECONDS: Final = 10 * 366 * 86400.0

_KINDS: Final[Mapping[type, str]] = {
    bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "a list", dict: "a table",
}  # fmt: skip
_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def refusal(code: str, message: str, remedy: str = "") -> PydanticCustomError:
    """A value is refused: `code` is the stable word, `remedy` becomes the diagnostic's help."""
    return PydanticCustomError(code, "{message}", {"message": message, "remedy": remedy})


def describe(value: object) -> str:
    """What a value of a TOML document is, in words: "an integer `5`"."""
    kind = _KINDS.get(type(value), "a date or time")
    if isinstance(value, bool):
        return f"{kind} `{str(value).lower()}`"
    if isinstance(value, (int, float)):
        return f"{kind} `{value}`"
    return kind


def text_of(value: object, what: str) -> str:
    """The value as text, refused with `wrong-type` when it is none."""
    if not isinstance(value, str):
        raise refusal("wrong-type", f"expected {what}, found {describe(value)}")
    return value


def refused(value: str, parse: Callable[[str], T], code: str, remedy: str = "") -> T:
    """What `parse` makes of the value; its ValueError becomes a refusal with this code."""
    try:
        return parse(value)
    except ValueError as error:
        raise refusal(code, str(error), remedy) from None
    except OverflowError:
        raise refusal(code, "the number is too large") from None


def _duration(value: object) -> float:
    written = text_of(value, "a duration in quotes, like `30s` or `5m`")
    seconds = refused(written, parse_duration, "bad-duration")
    if seconds > MAX_SECONDS:
        raise refusal("out-of-range", f"`{written}` is more than ten years")
    return seconds


def _size(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return refused(text_of(value, "a size in quotes, like `25 MiB`"), parse_size, "bad-size")


def _network(value: object) -> IPv4Network | IPv6Network:
    written = text_of(value, "a network in quotes, like `192.0.2.0/24`")
    if written.startswith("@"):
        raise refusal("not-yet", "tables arrive with a later release", "write the networks themselves")
    try:
        return ip_network(written.replace("%", "?"))  # a network has no scope
    except ValueError:
        pass
    try:
        meant = ip_network(written.replace("%", "?"), strict=False)
    except ValueError:
        raise refusal(
            "bad-network",
            f"`{written}` is neither an address nor a network",
            "write `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`",
        ) from None
    message = f"`{written}` has bits set to the right of its prefix"
    raise refusal("bad-network", message, f"write `{meant}` for the network")


def _domain(value: object) -> str:
    written = text_of(value, "a domain in quotes")
    if written.startswith("@"):
        raise refusal("not-yet", "tables arrive with a later release", "write the domains themselves")
    if "@" in written:
        raise refusal(
            "bad-domain", f"`{written}` is an address, not a domain", "leave out what is before `@`"
        )
    plain = written.removesuffix(".")
    try:
        parsed = parse_domain(plain)
    except ValueError as error:
        raise refusal("bad-domain", f"`{written}` is not a domain: {error}") from None
    if parsed.startswith("["):
        raise refusal("bad-domain", f"`{written}` is an address literal, not a domain")
    return parsed.lower()


def _mailbox(value: object) -> str:
    written = text_of(value, "a mail address in quotes")
    try:
        address = Address.parse(written)
    except ValueError as error:
        raise refusal("bad-address", f"`{written}` is not a mail address: {error}") from None
    return str(address)


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host (an address without brackets, or a name) and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written: IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


_HOST_PORT: Final = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*)):(\d{1,5})", re.ASCII)
_HOST_PORT_REMEDY: Final = "write `192.0.2.1:25`, or `[2001:db8::1]:25` with IPv6 in brackets"


def parse_host_port(written: str) -> HostPort:
    """Read `192.0.2.1:25`, `[::1]:25` or `mail.example.org:25`; raises ValueError with a reason."""
    match = _HOST_PORT.fullmatch(written)
    if match is None:
        raise ValueError(f"`{written}` is not a host and a port")
    port = int(match[3])
    if not 1 <= port <= MAX_PORT:
        raise ValueError(f"port {port} is not between 1 and {MAX_PORT}")
    if match[1] is not None:
        return HostPort(_host(match[1], in_brackets=True), port)
    return HostPort(_host(match[2], in_brackets=False), port)


def _host(written: str, *, in_brackets: bool) -> str:
    try:
        return str(ip_address(written))
    except ValueError:
        if in_brackets or written.replace(".", "").isdigit():
            raise ValueError(f"`{written}` is not an IP address") from None
    return parse_domain(written)


def _host_port(value: object) -> HostPort:
    written = text_of(value, "`host:port` in quotes")
    return refused(written, parse_host_port, "bad-host-port", _HOST_PORT_REMEDY)


def _listening(value: object) -> HostPort:
    where = _host_port(value)
    try:
        ip_address(where.host)
    except ValueError:
        remedy = "write the address itself, `0.0.0.0` or `[::]` for all"
        raise refusal(
            "bad-host-port", f"a listener needs an IP address, not `{where.host}`", remedy
        ) from None
    return where


def _remote(value: object) -> str:
    written = text_of(value, "a host name or an IP address in quotes")
    return refused(written, lambda text: _host(text, in_brackets=False), "bad-domain")


@dataclass(frozen=True, slots=True)
class RelayName:
    """A relay declared as `[relays.<name>]`."""

    name: str


def _smarthost(value: object) -> HostPort | RelayName:
    written = text_of(value, 'a relay (`"@name"`) or `host:port` in quotes')
    if written.startswith("@"):
        return RelayName(written[1:])
    return _host_port(written)


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is kept; `text` is the path of a file, or a name in the environment or of a credential.

    Of `kind` `value`, the secret itself is in `value` and `text` is empty.
    """

    kind: Literal["file", "env", "credential", "value"]
    text: str
    value: Secret | None = None


SECRET_KINDS: Final = ("file", "env", "credential", "value")
_PLACES_REMEDY: Final = 'write `{ file = "..." }`, `{ env = "..." }` or `{ credential = "..." }`'


def _secret(value: object, info: ValidationInfo) -> SecretSource:
    if not isinstance(value, dict):
        raise refusal(
            "bad-secret", f"a secret says where it is kept, this is {describe(value)}", _PLACES_REMEDY
        )
    if len(value) != 1 or next(iter(value)) not in SECRET_KINDS:
        raise refusal("bad-secret", "a secret names one place where it is kept", _PLACES_REMEDY)
    kind, written = next(iter(value.items()))
    text = text_of(written, f"`{kind}` as a string")
    if kind != "value" and (not text or "\0" in text):
        raise refusal("bad-secret", f"`{kind}` names nothing that can be read", _PLACES_REMEDY)
    match kind:
        case "value":
            return SecretSource("value", "", Secret(text))
        case "file":
            return SecretSource("file", str(in_tree(text, info)))
        case _:
            return SecretSource(kind, text)


def _key(value: object, info: ValidationInfo) -> SecretSource:
    source = _secret(value, info)
    if source.kind in ("env", "value"):
        message = "a private key is read from a file or a credential"
        raise refusal("bad-secret", message, 'write `{ file = "..." }` or `{ credential = "..." }`')
    return source


def in_tree(text: str, info: ValidationInfo) -> Path:
    """The path, from the root of the tree when it is relative; refused with `bad-path` when it is none."""
    if not text or "\0" in text:
        raise refusal("bad-path", "this is no path" if text else "the path is empty")
    root = (info.context or {}).get("root", Path())
    return Path(root) / text


def _path(value: object, info: ValidationInfo) -> Path:
    return in_tree(text_of(value, "a path in quotes"), info)


def check_template(written: str, known: Sequence[str]) -> str:
    """The template as it is; refused when it asks for what is not in `known`, or a brace stands alone."""
    for match in _PLACEHOLDER.finditer(written):
        if match[0] in ("{", "}"):
            raise refusal("bad-template", "a brace stands alone", "write `{{` or `}}` for a brace itself")
        if match[1] is not None and match[1] not in known:
            names = ", ".join(f"`{{{name}}}`" for name in known)
            raise refusal("bad-template", f"unknown name `{match[1]}` in the template", f"known are {names}")
    return written


def choice(kind: Any, later: Mapping[str, str] | None = None) -> BeforeValidator:
    """Words from a Literal; those of `later` are refused with `not-yet` and the reason given."""
    words = get_args(kind)

    def check(value: object) -> object:
        listed = ", ".join(f"`{word}`" for word in words)
        written = text_of(value, f"one of {listed}")
        if later and written in later:
            raise refusal("not-yet", later[written], f"this release knows {listed}")
        if written not in words:
            remedy = f"did you mean `{near}`?" if (near := nearest(written, words)) else f"known are {listed}"
            raise refusal("bad-choice", f"unknown word `{written}`", remedy)
        return written

    return BeforeValidator(check)


def nearest(written: str, known: Sequence[str]) -> str:
    """The known word that was probably meant, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 only faulty trees pay for it

    return next(iter(get_close_matches(written.lower(), known, n=1)), "")


_AS_LIST: Final = "put it in brackets: `[...]`"
_AS_TABLES: Final = "the header of each table in a list has two brackets: `[[...]]`"


def _listed(value: object) -> object:
    if not isinstance(value, list):
        remedy = _AS_TABLES if isinstance(value, dict) else _AS_LIST
        raise refusal("wrong-type", f"expected a list, found {describe(value)}", remedy)
    return tuple(value)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events in so many seconds."""

    events: int
    seconds: float

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.events}/{_PERIODS[self.seconds]}"


_PERIODS: Final = {1.0: "s", 60.0: "m", 3600.0: "h"}
_RATE: Final = re.compile(r"([1-9][0-9]{0,8}) ?/ ?(?:1 ?)?([smh])")


def _rate(value: object) -> Rate | None:
    written = text_of(value, "a rate in quotes, like `60/m`")
    if written == "none":
        return None
    match = _RATE.fullmatch(written)
    if match is None:
        raise refusal("bad-rate", f"`{written}` is no rate", "write `10/s`, `60/m`, `1000/h`, or `none`")
    return next(Rate(int(match[1]), seconds) for seconds, unit in _PERIODS.items() if unit == match[2])


Listed: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_listed)]
Duration: TypeAlias = Annotated[float, PlainValidator(_duration)]
Size: TypeAlias = Annotated[int, PlainValidator(_size)]
Network: TypeAlias = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
DomainName: TypeAlias = Annotated[str, PlainValidator(_domain)]
Mailbox: TypeAlias = Annotated[str, PlainValidator(_mailbox)]
Host: TypeAlias = Annotated[str, PlainValidator(_remote)]
Endpoint: TypeAlias = Annotated[HostPort, PlainValidator(_listening)]
Smarthost: TypeAlias = Annotated[HostPort | RelayName, PlainValidator(_smarthost)]
RateLimit: TypeAlias = Annotated[Rate | None, PlainValidator(_rate)]
SecretPlace: TypeAlias = Annotated[SecretSource, PlainValidator(_secret)]
KeyPlace: TypeAlias = Annotated[SecretSource, PlainValidator(_key)]
TreePath: TypeAlias = Annotated[Path, PlainValidator(_path)]
