from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsmtp.smtp.xtext import unxtext, xtext


@given(st.text())
def test_what_is_encoded_comes_back_and_is_printable(text: str) -> None:
    encoded = xtext(text)
    assert unxtext(encoded) == text
    assert encoded.isascii()
    assert encoded.isprintable()
    assert " " not in encoded
    assert "=" not in encoded


@pytest.mark.parametrize("encoded", ["a b", "a=b", "+", "+4", "+4g", "+ab", "é", "+FF", "a\x7f", "+C3"])
def test_what_is_no_xtext_is_nothing(encoded: str) -> None:
    assert unxtext(encoded) is None


@given(st.text(max_size=20))
def test_any_text_is_read_without_an_exception(encoded: str) -> None:
    unxtext(encoded)
