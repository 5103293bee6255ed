"""A mail address: RFC 5321 4.1.2 with RFC 6531's UTF-8, parsed once, spelled as the client spelled it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

# RFC 5321 4.5.3.1.2 and .3. The 64 octets of 4.5.3.1.1 are not enforced: VERP and SRS senders pass them.
MAX_DOMAIN: Final = 255
MAX_ADDRESS: Final = 254

# Each class says which characters below U+00A0 are left out, and lets all above pass: one that names the
# ranges of RFC 6531 takes Python milliseconds to compile, for which every command would have to wait.
_ATOM: Final = r"""[^\x00-\x20"(),.:;<>@\[\\\]\x7f-\x9f]+"""
_LET_DIG: Final = r"[^\x00-/:-@\[-`{-\x9f]"
_LET_DIG_HYPHEN: Final = r"[^\x00-,./:-@\[-^`{-\x9f]"
_LABEL: Final = rf"{_LET_DIG}(?:{_LET_DIG_HYPHEN}{{0,61}}{_LET_DIG})?"
_DOT_STRING: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED: Final = re.compile(r'"((?:[^\x00-\x1f"\\\x7f-\x9f]|\\[\x20-\x7e])*)"')
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_PLAIN: Final = re.compile(rf"({_DOT_STRING.pattern})@({_DOMAIN.pattern})")
# Line ends, halves of characters, and what Unicode says is no character at all.
_UNFIT: Final = re.compile("[\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox.

    `local` is the local part without quotes, `domain` the domain as spelled or a literal in brackets.
    Both empty: the null reverse-path `<>`. Only the domain empty: a bare `<Postmaster>`. `key` is the form
    that two spellings of one mailbox share: case ignored (`rules.md`).
    """

    local: str
    domain: str
    # Every recipient is looked for by it again and again.
    key: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        key = f"{self.local}@{self.domain}" if self.domain else self.local
        object.__setattr__(self, "key", key.casefold())

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `local@domain` or a bare `postmaster`; raises ValueError with a reason."""
        plain = _PLAIN.fullmatch(text)
        if plain is not None and text.isascii() and len(text) <= MAX_ADDRESS:
            return cls(plain[1], plain[2])
        local, rest = _local_part(text)
        if not rest and local.lower() == "postmaster":  # RFC 5321 4.1.1.3
            return cls(local, "")
        if not rest.startswith("@"):
            raise ValueError(f"unexpected {rest[0]!r} in the local part" if rest else "no domain")
        domain = parse_domain(rest[1:])
        if len(text.encode()) > MAX_ADDRESS:
            msg = f"an address is at most {MAX_ADDRESS} octets"
            raise ValueError(msg)
        return cls(local, domain)

    @property
    def is_null(self) -> bool:
        """Whether this is the null reverse-path `<>`, to which nothing is ever sent back."""
        return not self.local and not self.domain

    @property
    def is_ascii(self) -> bool:
        """Whether the address can travel without SMTPUTF8 (RFC 6531)."""
        return self.local.isascii() and self.domain.isascii()

    def __str__(self) -> str:
        """The address as it stands between `<` and `>`, the local part quoted where it must be."""
        local, domain = self.local, self.domain
        # Most are plain words, which is seen without asking what else an atom may hold.
        if not (local.isalnum() and local.isascii()):
            if not local and not domain:
                return ""
            if _DOT_STRING.fullmatch(local) is None:
                local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{local}@{domain}" if domain else local


NULL_SENDER: Final = Address("", "")


def parse_domain(text: str) -> str:
    """Read a domain or an address literal and return it as spelled; raises ValueError with a reason."""
    if text.startswith("["):
        return _literal(text)
    _check_characters(text)
    if len(text.encode()) > MAX_DOMAIN:
        msg = f"a domain is at most {MAX_DOMAIN} octets"
        raise ValueError(msg)
    if _DOMAIN.fullmatch(text) is None:
        msg = "the domain is not a name" if text else "no domain"
        raise ValueError(msg)
    return text


def upwards(domain: str) -> Iterator[str]:
    """A domain and those that it lies below, the nearest first."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def _check_characters(text: str) -> None:
    if _UNFIT.search(text) is not None:
        msg = "there is a character in it that no address has"
        raise ValueError(msg)


def _local_part(text: str) -> tuple[str, str]:
    _check_characters(text)
    quoted = _QUOTED.match(text)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1]), text[quoted.end() :]
    dots = _DOT_STRING.match(text)
    if dots is None:
        msg = "the local part is empty or not allowed"
        raise ValueError(msg)
    return dots[0], text[dots.end() :]


def _literal(text: str) -> str:
    # RFC 5321 4.1.3; General-address-literal has no use on the Internet and is refused.
    inner = text[1:-1]
    if not text.endswith("]"):
        msg = "an address literal ends with `]`"
        raise ValueError(msg)
    if inner[:5].lower() == "ipv6:":
        IPv6Address(inner[5:].replace("%", "zone"))  # RFC 5321 knows no scope ids
    else:
        IPv4Address(inner)
    return text
