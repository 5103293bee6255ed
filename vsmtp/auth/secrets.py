"""Secrets as tables keep them: `{SCHEME}text`, in the schemes and encodings that Dovecot names.

A secret without a scheme is refused, unless it is a hash in the manner of `crypt` (`$6$...`): a hash of
another kind, taken for a clear password, would be a password itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hmac import compare_digest
from typing import Final, TypeAlias

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from vsmtp.auth.crypts import CryptError, crypt, new_setting
from vsmtp.auth.scram import QUICK_ITERATIONS, ScramKeys, derive, make_keys, read_keys, write_keys

DEFAULT_SCHEME: Final = "SCRAM-SHA-256"
# Longer ones are nobody's password; hashing them would be work for nothing.
MAX_PASSWORD: Final = 1024
_FORM: Final = re.compile(r"\{([A-Za-z0-9-]+)(?:\.(HEX|B64|BASE64))?\}(.*)", re.DOTALL | re.IGNORECASE)
_SHA512_ROUNDS: Final = 200_000
_BCRYPT_COST: Final = 12


@dataclass(frozen=True, slots=True)
class Unusable:
    """The stored secret is none that can be judged by; `reason` says why, and nothing of the secret."""

    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """A secret taken apart: its scheme in capitals, how its octets are written, and the rest."""

    scheme: str
    encoding: str
    text: str


Verify: TypeAlias = Callable[[Stored, str], bool]
Make: TypeAlias = Callable[[str], str]


def read_secret(secret: str) -> Stored | Unusable:
    """The secret taken apart, its scheme one that can be verified."""
    match = _FORM.fullmatch(secret)
    if match is None:
        kind = "ARGON2ID" if secret.startswith("$argon2") else "CRYPT"
        return Stored(kind, "", secret) if secret.startswith("$") else Unusable("it has no `{SCHEME}`")
    scheme = match[1].upper()
    if scheme not in _VERIFY:
        return Unusable(f"the scheme `{scheme[:40]}` is not known")
    return Stored(scheme, (match[2] or "").upper(), match[3])


def verify(secret: str, password: str) -> bool | Unusable:
    """Whether the password is the one of the secret.

    It takes as long as the scheme wants (up to seconds, without the GIL), whether they match or not.
    """
    stored = read_secret(secret)
    if isinstance(stored, Unusable):
        return stored
    if not is_password(password):
        return False
    try:
        return _VERIFY[stored.scheme](stored, password)
    except (Argon2Error, InvalidHashError, ValueError):
        return Unusable(f"it is no secret of the scheme `{stored.scheme}`")


def is_password(password: str) -> bool:
    """Whether it can be one: some text, not too long, and without NUL, at which C libraries stop reading."""
    return 0 < len(password) <= MAX_PASSWORD and "\0" not in password


def make_secret(scheme: str, password: str) -> str:
    """A new secret for the password; raises ValueError for a scheme or a password that will not do."""
    make = MAKERS.get(scheme.upper())
    if make is None:
        raise ValueError(f"no secrets of the scheme `{scheme}` are made here")
    if not is_password(password):
        raise ValueError(f"a password has 1 to {MAX_PASSWORD} characters, and no NUL")
    return f"{{{scheme.upper()}}}{make(password)}"


def scram_keys(secret: str, salt: bytes) -> ScramKeys | Unusable:
    """What SCRAM-SHA-256 needs of the secret: of a clear one it is derived with `salt`, in milliseconds."""
    stored = read_secret(secret)
    if isinstance(stored, Unusable):
        return stored
    try:
        if stored.scheme == "SCRAM-SHA-256":
            return read_keys(stored.text)
        if stored.scheme in _CLEAR:
            keys = derive(stored.text, salt, QUICK_ITERATIONS) if is_password(stored.text) else None
            return keys or Unusable("it is no password for SCRAM")
    except ValueError:
        return Unusable("it is no secret of the scheme `SCRAM-SHA-256`")
    return Unusable(f"the scheme `{stored.scheme}` does not do for SCRAM")


def clear_secret(secret: str) -> str | Unusable:
    """The password itself, where the secret holds it."""
    stored = read_secret(secret)
    if isinstance(stored, Unusable):
        return stored
    return stored.text if stored.scheme in _CLEAR else Unusable("it is not kept in clear")


def _clear(stored: Stored, password: str) -> bool:
    return _same(stored.text.encode(), password.encode())


def _digest(name: str, stored: Stored, password: str, *, salted: bool) -> bool:
    octets, size = _octets(stored, name), hashlib.new(name).digest_size
    if len(octets) < size or (len(octets) > size) != salted:
        raise ValueError("the digest has a wrong length")
    return _same(hashlib.new(name, password.encode() + octets[size:]).digest(), octets[:size])


def _octets(stored: Stored, name: str) -> bytes:
    # Dovecot takes an unsalted digest of twice its length for hexadecimal.
    if stored.encoding == "HEX" or (
        not stored.encoding and len(stored.text) == 2 * hashlib.new(name).digest_size
    ):
        return bytes.fromhex(stored.text)
    return base64.b64decode(stored.text, validate=True)


def _crypt(prefix: str, stored: Stored, password: str) -> bool:
    if not re.match(prefix, stored.text):
        raise ValueError("the hash is of another method")
    hashed = crypt(password.encode(), stored.text)
    if hashed is None:
        raise CryptError("this system's libcrypt does not know the method")
    return _same(hashed.encode(), stored.text.encode())


def _argon2(kind: str, stored: Stored, password: str) -> bool:
    if not stored.text.startswith(kind):
        raise ValueError("the hash is of another kind")
    try:
        return PasswordHasher().verify(stored.text, password)
    except VerifyMismatchError:
        return False


def _scram(stored: Stored, password: str) -> bool:
    keys = read_keys(stored.text)
    derived = derive(password, keys.salt, keys.iterations)
    return derived is not None and _same(derived.stored_key, keys.stored_key)


def _same(one: bytes, other: bytes) -> bool:
    return compare_digest(one, other)


def _new_crypt(prefix: str, cost: int, password: str) -> str:
    hashed = crypt(password.encode(), new_setting(prefix, cost))
    if hashed is None:
        raise CryptError(f"this system's libcrypt does not know `{prefix}`")
    return hashed


def _new_argon2(password: str) -> str:
    return PasswordHasher(type=Type.ID).hash(password)


_CLEAR: Final = frozenset({"PLAIN", "CLEAR", "CLEARTEXT"})
_VERIFY: Final[Mapping[str, Verify]] = {
    "PLAIN": _clear,
    "CLEAR": _clear,
    "CLEARTEXT": _clear,
    "SHA256": partial(_digest, "sha256", salted=False),
    "SHA512": partial(_digest, "sha512", salted=False),
    "SSHA": partial(_digest, "sha1", salted=True),
    "SSHA256": partial(_digest, "sha256", salted=True),
    "SSHA512": partial(_digest, "sha512", salted=True),
    "CRYPT": partial(_crypt, ""),
    "SHA256-CRYPT": partial(_crypt, r"\$5\$"),
    "SHA512-CRYPT": partial(_crypt, r"\$6\$"),
    "BLF-CRYPT": partial(_crypt, r"\$2[abxy]\$"),
    "ARGON2I": partial(_argon2, "$argon2i$"),
    "ARGON2ID": partial(_argon2, "$argon2"),
    "SCRAM-SHA-256": _scram,
}
# What `vsmtp passwd` makes: no fast digests, which are guessed by the billion.
MAKERS: Final[Mapping[str, Make]] = {
    "SCRAM-SHA-256": lambda password: write_keys(make_keys(password)),
    "ARGON2ID": _new_argon2,
    "SHA512-CRYPT": partial(_new_crypt, "$6$", _SHA512_ROUNDS),
    "BLF-CRYPT": partial(_new_crypt, "$2y$", _BCRYPT_COST),
    "PLAIN": str,
}
