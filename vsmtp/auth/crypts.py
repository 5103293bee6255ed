"""The system's `crypt`, by ctypes, for Python 3.13 has none any more: the one module that knows libcrypt."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Final

# libxcrypt, what Debian has; musl and old glibc keep `crypt_r` in other places.
_LIBRARIES: Final = ("libcrypt.so.1", "libcrypt.so.2", None)
# More than any library's `struct crypt_data` (32 KiB in libxcrypt, 128 KiB in old glibc).
_DATA: Final = 256 * 1024
_SETTING: Final = 192


class CryptError(ValueError):
    """This system's libcrypt cannot do that."""


def crypt(password: bytes, setting: str) -> str | None:
    """The hash of the password with the salt and cost of `setting`; None where the library knows it not.

    Blocks for as long as the cost asks, without the GIL. Safe in several threads.
    """
    hashed = _crypt_r()(password, setting.encode(), ctypes.create_string_buffer(_DATA))
    # libxcrypt's tokens of failure begin with a star, which no hash does.
    return None if hashed is None or hashed.startswith(b"*") else hashed.decode("ascii", "replace")


def new_setting(prefix: str, cost: int) -> str:
    """A setting with a new salt for a method by its prefix (`$6$`); raises CryptError."""
    output = ctypes.create_string_buffer(_SETTING)
    generate = getattr(_library(), "crypt_gensalt_rn", None)  # libxcrypt only
    if generate is None:
        raise CryptError("this system's libcrypt makes no salts")
    generate.restype = ctypes.c_char_p
    generate.argtypes = (
        ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int,
    )  # fmt: skip
    made = generate(prefix.encode(), cost, None, 0, output, _SETTING)
    if made is None or made.startswith(b"*"):
        raise CryptError(f"this system's libcrypt does not know `{prefix}`")
    return str(made, "ascii")


@cache
def _library() -> ctypes.CDLL:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if hasattr(library, "crypt_r"):
            return library
    raise CryptError("this system has no libcrypt")


@cache
def _crypt_r() -> Callable[..., bytes | None]:
    function = _library().crypt_r
    function.restype = ctypes.c_char_p
    function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p)
    found: Callable[..., bytes | None] = function
    return found
