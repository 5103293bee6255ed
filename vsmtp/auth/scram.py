"""What SCRAM-SHA-256 keeps of a password (RFC 5802, RFC 7677), written as Dovecot writes it.

With these keys a server can tell that a client knows the password, without knowing it itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]  # it has no types

MECHANISM: Final = "SCRAM-SHA-256"
# RFC 7677 4 asks for 4096 at least and hopes for more; 15 ms of a client's time.
ITERATIONS: Final = 32_768
# Those that are derived while a client waits.
QUICK_ITERATIONS: Final = 4096
_MAX_ITERATIONS: Final = 10_000_000
_PARTS: Final = 4
_KEY: Final = 32
_MIN_SALT: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class ScramKeys:
    """`salt` has 12 octets at least, both keys have 32."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


def read_keys(text: str) -> ScramKeys:
    """The keys from `iterations,salt,stored key,server key`, the last three in base64; raises ValueError."""
    parts = text.split(",")
    if len(parts) != _PARTS or not (parts[0].isascii() and parts[0].isdigit()):
        raise ValueError("four parts are wanted")
    salt, stored, server = (base64.b64decode(part, validate=True) for part in parts[1:])
    iterations = int(parts[0]) if len(parts[0]) <= len(str(_MAX_ITERATIONS)) else 0
    if not QUICK_ITERATIONS <= iterations <= _MAX_ITERATIONS:
        raise ValueError("the number of iterations is out of range")
    if (len(stored), len(server)) != (_KEY, _KEY) or len(salt) < _MIN_SALT:
        raise ValueError("the keys or the salt have a wrong length")
    return ScramKeys(salt, iterations, stored, server)


def write_keys(keys: ScramKeys) -> str:
    """The keys as `read_keys` reads them."""
    octets = (keys.salt, keys.stored_key, keys.server_key)
    return ",".join((str(keys.iterations), *(base64.b64encode(part).decode() for part in octets)))


def make_keys(password: str, iterations: int = ITERATIONS) -> ScramKeys:
    """The keys of a password with a new salt; raises ValueError for one that SASLprep forbids."""
    try:
        made = ScramMechanism(MECHANISM).make_auth_info(password, iteration_count=iterations)
    except ScramException as error:
        raise ValueError(f"the password will not do for SCRAM: {error}") from None
    return _keys(made)


def derive(password: str, salt: bytes, iterations: int) -> ScramKeys | None:
    """The keys of a password with this salt; None for one that SASLprep forbids."""
    try:
        made = ScramMechanism(MECHANISM).make_auth_info(password, iteration_count=iterations, salt=salt)
    except ScramException:
        return None
    return _keys(made)


def decoy_salt(user: str, pepper: bytes) -> bytes:
    """The salt of a user who has none, the same whenever this user is asked for."""
    return _decoy("salt", user, pepper)[:16]


def decoy_keys(user: str, pepper: bytes, iterations: int) -> ScramKeys:
    """Keys that no password has, the same whenever this user is asked for: an unknown user looks known."""
    stored, server = _decoy("stored", user, pepper), _decoy("server", user, pepper)
    return ScramKeys(decoy_salt(user, pepper), iterations, stored, server)


def _decoy(purpose: str, user: str, pepper: bytes) -> bytes:
    return hmac.digest(pepper, f"{purpose}\0{user.casefold()}".encode("utf-8", "replace"), hashlib.sha256)


def _keys(made: tuple[bytes, bytes, bytes, int]) -> ScramKeys:
    salt, stored, server, iterations = made
    return ScramKeys(salt, iterations, stored, server)
