from __future__ import annotations

from base64 import b64encode
from binascii import b2a_qp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.message.mime.transfer import undo


@given(st.binary())
def test_what_was_encoded_comes_back(octets: bytes) -> None:
    assert undo(octets, "identity") == octets
    assert undo(b64encode(octets), "base64") == octets
    assert undo(b2a_qp(octets, istext=False), "quoted-printable") == octets


@pytest.mark.parametrize(("written", "meant"), [
    (b"aGVs\r\nbG8=\r\n", b"hello"), (b"aGVsbG8", b"hello"), (b"a G!V s b G 8", b"hello"), (b"aGVsbG8===",
    b"hello"),
    (b"aGVs=bG8=", b"hello"), (b"aA==ZQ==", b"he"), (b"aGVsb", b"hel"), (b"a", b""), (b"====", b""), (b"",
    b""),
    (b"aA==" * 102, b"h" * 102),
])  # fmt: skip
def test_broken_base64_is_read_on(written: bytes, meant: bytes) -> None:
    assert undo(written, "base64") == meant


@pytest.mark.parametrize(("written", "meant"), [
    (b"a=\r\nb", b"ab"), (b"=zz", b"=zz"), (b"=", b""), (b"a_b", b"a_b"), (b"=3d", b"="),
])  # fmt: skip
def test_broken_quoted_printable_is_read_on(written: bytes, meant: bytes) -> None:
    assert undo(written, "quoted-printable") == meant
