from __future__ import annotations

from email.header import decode_header, make_header

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.message.hostile import swift
from vsmtp.message.words import MAX_WORD, decode_words, encode_words

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(("written", "meant"), [
    ("plain", "plain"),
    ("=?utf-8?Q?J=C3=BCrgen?=", "Jürgen"),
    ("=?UTF-8?b?SsO8cmdlbg==?=", "Jürgen"),
    ("=?iso-8859-1?q?J=FCrgen?= M", "Jürgen M"),
    ("a =?utf-8?q?b?= c", "a b c"),
    ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
    ("=?utf-8?q?a?= \t =?iso-8859-1?q?=FC?=", "aü"),
    ("=?utf-8?q?a?=x=?utf-8?q?b?=", "axb"),
    ("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
    ("=?utf-8?q?a_b?=", "a b"),
    ("=?utf-8*de?q?a?=", "a"),
    ("=?utf-8?q?=FF?=", "\ufffd"),
    ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
    ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
    ("=?utf-8?B?SsO8cmdlbg?=", "Jürgen"),
])  # fmt: skip
def test_encoded_words_are_decoded(written: str, meant: str) -> None:
    assert decode_words(written) == meant


@pytest.mark.parametrize("written", [
    "=?", "=?utf-8?q?", "=?utf-8?x?a?=", "=?utf-8?b?a?=", "=?nonsense?q?a?=", "=?idna?q?xn--a?=",
    "=?unicode_escape?q?a?=",
    "=?rot13?q?a?=", "=?utf-8?q?a b?=", "=??q?a?=", "=?utf-8?b?ä?=",
])  # fmt: skip
def test_what_cannot_be_decoded_stays(written: str) -> None:
    assert decode_words(f"x {written} y") == f"x {written} y"


@given(TEXT)
@example("é" * 200)
@example("a" * 61 + "é" + "b" * 60)
@example("語" * 100 + "a")
def test_encoded_words_are_short_and_come_back(text: str) -> None:
    words = encode_words(text)
    assert all(len(word) <= MAX_WORD and word.isascii() and " " not in word for word in words)
    assert decode_words(" ".join(words)) == text


@given(TEXT.filter(lambda text: "\r" not in text and "\n" not in text))
def test_another_decoder_reads_the_same(text: str) -> None:
    assert str(make_header(decode_header(" ".join(encode_words(text))))) == text


@given(
    st.lists(
        st.sampled_from(["=?", "?=", "utf-8", "?q?", "?b?", "a", "=C3", " ", "*", "=", "é", "big5", "\0"])
    )
)
def test_any_text_is_decoded(parts: list[str]) -> None:
    decode_words("".join(parts))


@pytest.mark.parametrize("charset", [
    "utf-8", "us-ascii", "latin1", "iso-8859-1", "iso-8859-8-i", "iso-8859-12", "windows-1252", "cp932",
    "koi8-u", "tis-620", "gb2312", "gbk", "gb18030", "hz-gb-2312", "big5", "big5-hkscs", "euc-jp", "euc-kr",
    "euc-cn", "ks_c_5601-1987", "shift_jis", "sjis", "iso-2022-jp", "iso-2022-jp-3", "iso-2022-kr", "utf-16",
    "utf-16le", "macintosh",
])  # fmt: skip
@given(octets=st.binary(max_size=30))
@settings(max_examples=30)
def test_any_octets_in_any_charset_are_decoded(charset: str, octets: bytes) -> None:
    word = "".join(f"={octet:02X}" for octet in octets)
    assert "=?" not in decode_words(f"=?{charset}?q?x{word}?=") or b"=?" in octets


@pytest.mark.parametrize("text", [
    "=?" * 100_000,
    "=?utf-8?q?a?= " * 10_000,
    "=?utf-8?b?" + "YWFh" * 50_000 + "?=",
    "=?utf-8?q?" + "=41" * 60_000,
    "=?a*" * 50_000,
    "=?utf-8?q?a?=" + " " * 200_000 + "=?utf-8?q?b?=",
])  # fmt: skip
def test_hostile_text_is_decoded_swiftly(text: str) -> None:
    swift(lambda: decode_words(text))
