from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.charsets import decode, guess, is_charset

NARROW = ["us-ascii", "latin1", "iso-8859-7", "windows-1253", "koi8-u", "tis-620", "macintosh", "cp437"]
WIDE = ["utf-8", "UTF-16", "gb18030", "big5", "euc-jp", "cp932", "iso-2022-jp", "shift_jis", "hz-gb-2312"]


@pytest.mark.parametrize("charset", [*NARROW, *WIDE])
@given(octets=st.binary(max_size=40))
def test_octets_are_decoded_as_python_does(charset: str, octets: bytes) -> None:
    assert is_charset(charset)
    assert decode(octets, charset) == octets.decode(charset, "replace")


@pytest.mark.parametrize("name", ["idna", "rot13", "unicode_escape", "utf-7", "", "nonsense", "utf-8x"])
def test_what_is_no_charset_of_mail_is_not_asked(name: str) -> None:
    assert not is_charset(name)
    assert decode(b"a\xfc", name) == "aü"


def test_what_python_has_not_is_latin1() -> None:
    assert decode(b"\xfc", "iso-8859-12") == decode(b"\xfc", "iso-2022-jp-9") == "ü"


def test_no_charset_is_guessed() -> None:
    assert guess("ü".encode()) == guess(b"\xfc") == "ü"


@pytest.mark.parametrize("charset", [*NARROW, *WIDE])
@pytest.mark.parametrize("octets", [b"\xff", b"\x1b$B", b"~{\xe9"])
def test_hostile_octets_are_decoded_swiftly(charset: str, octets: bytes) -> None:
    swift(lambda: decode(octets * (2**20 // len(octets)), charset))
