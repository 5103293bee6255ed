"""The parameters of MAIL and RCPT: words read into values (RFC 1870, 3461, 4954, 6152, 6531, 8689)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vsmtp.smtp.xtext import unxtext
from vsmtp.values.address import Address

MAX_ENVELOPE_ID: Final = 100  # RFC 3461 4.4, as it stands on the line
MAX_ORIGINAL: Final = 500  # RFC 3461 4.2, likewise

_ADDRESS_TYPE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]{1,64}")
# RFC 6533 3: an address of the type utf-8, its odd characters escaped, or as they are under SMTPUTF8.
_ESCAPED: Final = re.compile(r"\\x\{([1-9A-F][0-9A-F]{1,5})\}")
_UTF8_ADDRESS: Final = re.compile(r"(?:[!-*,-<>-\[\]-~\u00a0-\U0010ffff]|\\x\{[1-9A-F][0-9A-F]{1,5}\})+")
_GRAPHIC: Final = re.compile(r"[ -~]+")


class Return(Enum):
    """RET: how much of a message that fails its report shall carry (RFC 3461 4.3)."""

    FULL = "FULL"
    HDRS = "HDRS"


class Notify(Enum):
    """NOTIFY: what the sender wants to hear of a recipient (RFC 3461 4.1); `NEVER` stands alone."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


@dataclass(frozen=True, slots=True)
class OriginalRecipient:
    """ORCPT: the recipient as the sender named it, decoded; `kind` is its address type, mostly `rfc822`."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class MailParameters:
    """What a MAIL said beyond size and body.

    `ret` and `envelope_id` (decoded) None where not given; `submitter` is AUTH=: None where not given or
    `<>`, and to be believed of trusted clients only (RFC 4954 5); `requiretls` as in RFC 8689.
    """

    ret: Return | None = None
    envelope_id: str | None = None
    submitter: Address | None = None
    requiretls: bool = False


@dataclass(frozen=True, slots=True)
class RcptParameters:
    """What a RCPT said beyond its address; `notify` is empty and `original` None where not given."""

    notify: frozenset[Notify] = frozenset()
    original: OriginalRecipient | None = None


NO_MAIL_PARAMETERS: Final = MailParameters()
NO_RCPT_PARAMETERS: Final = RcptParameters()

# The parameters that each extension brings; AUTH comes with the mechanisms.
MAIL_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "SIZE": ("SIZE",),
    "8BITMIME": ("BODY",),
    "SMTPUTF8": ("SMTPUTF8",),
    "DSN": ("RET", "ENVID"),
    "REQUIRETLS": ("REQUIRETLS",),
    "AUTH": ("AUTH",),
}
RCPT_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {"DSN": ("NOTIFY", "ORCPT")}

# Those that stand without a value.
BARE: Final = frozenset({"SMTPUTF8", "REQUIRETLS"})


class BadParameterError(ValueError):
    """A parameter whose value is not what its RFC allows; the message says why."""


def mail_parameters(parameters: Mapping[str, str]) -> MailParameters:
    """Read those of MAIL that are not SIZE, BODY or SMTPUTF8; raises BadParameterError."""
    ret, envelope_id, submitter = parameters.get("RET"), parameters.get("ENVID"), parameters.get("AUTH")
    return MailParameters(
        None if ret is None else _return(ret),
        None if envelope_id is None else _envelope_id(envelope_id),
        None if submitter is None else _submitter(submitter),
        "REQUIRETLS" in parameters,
    )


def rcpt_parameters(parameters: Mapping[str, str], *, smtputf8: bool) -> RcptParameters:
    """Read those of RCPT; `smtputf8` allows an ORCPT beyond US-ASCII. Raises BadParameterError."""
    notify, original = parameters.get("NOTIFY"), parameters.get("ORCPT")
    return RcptParameters(
        frozenset() if notify is None else _notify(notify),
        None if original is None else _original(original, smtputf8=smtputf8),
    )


def _return(value: str) -> Return:
    if value.upper() not in Return.__members__:
        raise BadParameterError("RET is FULL or HDRS")
    return Return[value.upper()]


def _envelope_id(value: str) -> str:
    text = unxtext(value) if len(value) <= MAX_ENVELOPE_ID else None
    # RFC 3461 4.4: printable US-ASCII and nothing else, for it will stand in a report.
    if text is None or _GRAPHIC.fullmatch(text) is None:
        raise BadParameterError("ENVID is xtext of at most 100 characters")
    return text


def _submitter(value: str) -> Address | None:
    text = unxtext(value)
    if text == "<>":
        return None
    try:
        return Address.parse(text or "")
    except ValueError:
        raise BadParameterError("AUTH is <> or an address in xtext") from None


def _notify(value: str) -> frozenset[Notify]:
    words = value.upper().split(",")
    if not all(word in Notify.__members__ for word in words):
        raise BadParameterError("NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")
    wanted = frozenset(Notify[word] for word in words)
    if Notify.NEVER in wanted and len(words) > 1:
        raise BadParameterError("NOTIFY=NEVER stands alone")
    return wanted


def _original(value: str, *, smtputf8: bool) -> OriginalRecipient:
    kind, _, encoded = value.partition(";")
    if _ADDRESS_TYPE.fullmatch(kind) is None or len(value) > MAX_ORIGINAL:
        raise BadParameterError("ORCPT is type;address, at most 500 characters")
    address = _utf8_address(encoded, smtputf8=smtputf8) if kind.lower() == "utf-8" else unxtext(encoded)
    if not address or not address.isprintable():
        raise BadParameterError("the address of ORCPT is not encoded as its type wants it")
    return OriginalRecipient(kind, address)


def _utf8_address(encoded: str, *, smtputf8: bool) -> str | None:
    if _UTF8_ADDRESS.fullmatch(encoded) is None or not (smtputf8 or encoded.isascii()):
        return None
    try:
        return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), encoded)
    except (ValueError, OverflowError):
        return None
