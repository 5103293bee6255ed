from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.queue.letters import SHARD
from vsmtp.queue.identity import (
    Numbers,
    decode,
    encode,
    is_ulid,
    parse_queue_name,
    queue_name,
    ulid,
)

NUMBER = st.integers(0, 2**63 - 1)


@given(NUMBER)
def test_a_name_tells_its_number_and_shard(number: int) -> None:
    name = queue_name(number, SHARD)
    assert len(name) == 17
    assert parse_queue_name(name) == (number, SHARD[-4:])
    assert parse_queue_name(name.lower()) == (number, SHARD[-4:])


@given(NUMBER, NUMBER)
def test_names_of_a_shard_sort_like_their_numbers(one: int, other: int) -> None:
    assert (queue_name(one, SHARD) < queue_name(other, SHARD)) == (one < other)


@given(st.text(max_size=20))
def test_what_is_no_queue_id_is_a_value_error_and_nothing_else(text: str) -> None:
    try:
        number, tag = parse_queue_name(text)
    except ValueError:
        return
    assert queue_name(number, "?" * 22 + tag) == text.upper()


@pytest.mark.parametrize("name", ["Z" * 17, "8" + "0" * 16, "G" * 13 + "ABCD"])
def test_a_number_no_row_can_have_is_no_queue_id(name: str) -> None:
    with pytest.raises(ValueError, match="too high"):
        parse_queue_name(name)


@given(st.lists(st.floats(0, 2**33), min_size=1))
def test_numbers_only_grow(clock: list[float]) -> None:
    numbers = Numbers(5)
    given_out = [5, *(numbers.next(now) for now in clock)]
    assert all(after > before for before, after in pairwise(given_out))
    assert given_out[-1] < 2**63


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**90))
def test_a_ulid_is_one_and_tells_its_time(milliseconds: int, randomness: int) -> None:
    made = ulid(milliseconds, randomness)
    assert is_ulid(made)
    assert decode(made) >> 80 == milliseconds


@pytest.mark.parametrize("name", ["", "lost+found", "0" * 25, "0" * 27, "I" * 26, "0" * 26 + "\n"])
def test_what_is_no_ulid(name: str) -> None:
    assert not is_ulid(name)


def test_encoding_has_as_many_digits_as_asked_for() -> None:
    assert [encode(31, n) for n in (1, 2, 3)] == ["Z", "0Z", "00Z"]
