"""Transfer encodings (RFC 2045 6): undone as a patient mail client would, never raising; and done. Linear."""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp, b2a_qp
from typing import Final, Literal, TypeAlias

Encoding: TypeAlias = Literal["identity", "quoted-printable", "base64"]

ENCODINGS: Final[dict[str, Encoding]] = {
    "7bit": "identity",
    "8bit": "identity",
    "binary": "identity",
    "quoted-printable": "quoted-printable",
    "base64": "base64",
}
# What stands behind padding is read on: clients do, and filters that do not are fooled by it. After so many
# pieces the rest is read as one, in which padding means NUL; the NULs are dropped.
_MAX_PIECES: Final = 100
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS: Final = bytes(octet for octet in range(256) if octet not in _ALPHABET and octet != ord("="))


def undo(octets: bytes, encoding: Encoding) -> bytes:
    """The octets that were encoded; what does not belong to the encoding is passed over."""
    match encoding:
        case "identity":
            return octets
        case "quoted-printable":
            return a2b_qp(octets)
        case "base64":
            return _from_base64(octets)


def quoted_printable(text: bytes) -> bytes:
    """Any octets as lines of at most 76 octets of US-ASCII; only their CRLF are line ends and stay so."""
    return b"\r\n".join(map(_quoted_line, text.split(b"\r\n")))


def _quoted_line(line: bytes) -> bytes:
    # The only LF left are those of soft line breaks.
    return b2a_qp(line, istext=False).replace(b"=\n", b"=\r\n")


def _from_base64(octets: bytes) -> bytes:
    digits = octets.translate(None, _OTHERS)
    pieces = digits.split(b"=", _MAX_PIECES)
    rest = pieces.pop().lstrip(b"=").replace(b"=", b"A") if len(pieces) > _MAX_PIECES else b""
    return b"".join([*(_piece(piece) for piece in pieces if piece), _piece(rest).replace(b"\0", b"")])


def _piece(digits: bytes) -> bytes:
    rest = len(digits) % 4
    if rest == 1:  # six bits make no octet
        digits = digits[:-1]
    return a2b_base64(digits + b"==") if rest > 1 else a2b_base64(digits)
