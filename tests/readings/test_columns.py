"""Columns of integers as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.readings import columns
from phr.readings.columns import ABSENT, pack, unpack, unpack_list

LIMIT = 2**63 - 1
numbers = st.one_of(
    st.integers(-LIMIT, LIMIT), st.integers(-200, 200), st.integers(-40, 40).map(lambda n: n * 1000), st.none()
)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(numbers))
def test_what_is_packed_comes_back(values: list[int | None]) -> None:
    assert unpack_list(pack(values)) == values
    assert unpack(pack(values)).tolist() == [ABSENT if value is None else value for value in values]


@settings(max_examples=200, deadline=None)
@given(values=st.lists(numbers), more=st.lists(numbers, min_size=1))
def test_extended_is_the_same_as_packed_together(values: list[int | None], more: list[int | None]) -> None:
    assert unpack_list(columns.extended(pack(values), more)) == values + more


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.integers(0, 10**12), min_size=2), first=st.integers(0, 10**12))
def test_increasing_columns_come_back_and_grow(steps: list[int], first: int) -> None:
    values = [first + sum(steps[:n]) for n in range(len(steps) + 1)]
    half = len(values) // 2
    grown = columns.extended_increasing(columns.pack_increasing(values[:half]), values[half - 1], values[half:])
    for data in (columns.pack_increasing(values), grown):
        assert columns.unpack_increasing_list(data) == values
        assert columns.unpack_increasing(data).tolist() == values


@settings(max_examples=100, deadline=None)
@given(many=st.lists(st.lists(numbers)))
def test_many_columns_come_back_one_after_the_other(many: list[list[int | None]]) -> None:
    found, sizes = columns.unpack_many([pack(values) for values in many])
    assert found.tolist() == [ABSENT if value is None else value for values in many for value in values]
    assert sizes.tolist() == [len(values) for values in many]


@settings(max_examples=100, deadline=None)
@given(many=st.lists(st.lists(st.integers(0, 10**12), min_size=1).map(sorted)))
def test_many_increasing_columns_begin_anew_each(many: list[list[int]]) -> None:
    found, sizes = columns.unpack_increasing_many([columns.pack_increasing(values) for values in many])
    assert found.tolist() == [value for values in many for value in values]
    assert sizes.tolist() == [len(values) for values in many]


@pytest.mark.parametrize(
    ("value", "width"), [(127, 1), (-127, 1), (128, 2), (-128, 2), (2**15 - 1, 2), (2**15, 4), (2**31, 8), (LIMIT, 8)]
)
def test_width_is_the_smallest_that_holds_the_values_and_the_absent_one(value: int, width: int) -> None:
    assert len(pack([value, value, None])) == 2 + 3 * width
    assert unpack_list(pack([value, None, value])) == [value, None, value]


@pytest.mark.parametrize("value", [LIMIT + 1, -LIMIT - 1])
def test_number_beyond_64_bits_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        pack([value])


def test_whole_beats_kept_to_a_hundredth_take_a_byte_each() -> None:
    assert len(pack([7200, 7100, 7400])) == 2 + 3
