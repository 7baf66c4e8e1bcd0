"""Numbers of lines: what comes out of order waits, what is called lost is passed, what is missing is a hole."""

from __future__ import annotations

import pytest

from phr.audit.writers import PATIENCE_MS, Numbered, Sorted, Writer, sort_out

NOW = 1_795_390_200_000


def sorted_out(numbers: list[int], writer: Writer | None = None, *, lost: dict[int, tuple[int, ...]] | None = None,
               age_ms: int = 0) -> Sorted:  # fmt: skip
    lines = [Numbered(one, (lost or {}).get(one, ()), NOW - age_ms) for one in numbers]
    return sort_out(writer or Writer(id="w"), lines, NOW)


def test_numbers_in_order_are_linked() -> None:
    done = sorted_out([1, 2, 3])
    assert (done.linked, done.writer.through, done.writer.missing) == ([0, 1, 2], 3, 0)


@pytest.mark.parametrize(("age_ms", "linked"), [(PATIENCE_MS - 1, [0]), (PATIENCE_MS, [0, 1])])
def test_after_a_gap_lines_wait_until_patience_is_over(age_ms: int, linked: list[int]) -> None:
    done = sorted_out([1, 3], age_ms=age_ms)
    assert (done.linked, done.writer.holes) == (linked, ((2, 2),) if len(linked) == 2 else ())


def test_gap_that_a_later_line_calls_lost_is_passed_at_once() -> None:
    done = sorted_out([1, 4, 5], lost={5: (2, 3)})
    assert (done.linked, done.writer.lost, done.writer.holes) == ([0, 1, 2], (2, 3), ())


def test_line_that_comes_after_all_fills_its_hole() -> None:
    before = Writer(id="w", through=9, holes=((2, 5),))
    done = sorted_out([3, 10], before)
    assert (done.linked, done.writer.holes, done.writer.through) == ([0, 1], ((2, 2), (4, 5)), 10)


def test_line_that_was_called_lost_and_came_is_linked() -> None:
    done = sorted_out([2], Writer(id="w", through=9, lost=(2,)))
    assert (done.linked, done.writer.lost) == ([0], ())


def test_hole_that_is_called_lost_later_is_none() -> None:
    done = sorted_out([10], Writer(id="w", through=9, holes=((2, 2),)), lost={10: (2,)})
    assert (done.writer.lost, done.writer.holes) == ((2,), ())


def test_number_that_is_linked_already_is_a_copy() -> None:
    done = sorted_out([3, 4, 4], Writer(id="w", through=3))
    assert (done.linked, done.copies) == ([1], [0, 2])


def test_writer_that_is_not_remembered_has_a_hole_of_all_before() -> None:
    done = sorted_out([1_000_000], age_ms=PATIENCE_MS)
    assert (done.writer.holes, done.writer.missing) == (((1, 999_999),), 999_999)
