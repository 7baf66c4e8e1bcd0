"""What a stretch of readings is boiled down to."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from phr.readings.columns import ABSENT
from phr.readings.stats import Column, Stats, combined, of_arrays
from phr.vocabulary.reading import DURATION
from tests.cast import T0


def stats_of(*values: int, start: int = T0) -> Stats:
    return of_arrays(np.arange(start, start + len(values)), {"": np.array(values)})


def test_stats_are_count_extremes_sum_and_latest() -> None:
    assert stats_of(5, 9, 7) == Stats(3, T0 + 2, (("", Column(3, 5, 9, 21, 7)),))


def test_absent_component_counts_for_nothing() -> None:
    columns = {"pulse": np.array([70, ABSENT]), "mean": np.array([ABSENT, ABSENT])}
    assert of_arrays(np.array([T0, T0 + 1]), columns) == Stats(2, T0 + 1, (("pulse", Column(1, 70, 70, 70, 70)),))


def test_length_of_a_period_is_no_value() -> None:
    assert of_arrays(np.array([T0]), {"": np.array([5]), DURATION: np.array([60])}).columns == (
        ("", Column(1, 5, 5, 5, 5)),
    )


def test_parts_in_any_order_are_the_whole() -> None:
    parts = [stats_of(5, 9), stats_of(7, start=T0 + 2), stats_of(3, 4, start=T0 + 3)]
    assert {combined(order) for order in permutations(parts)} == {stats_of(5, 9, 7, 3, 4)}


def test_latest_of_a_component_may_be_older_than_the_latest_reading() -> None:
    early = Stats(1, T0, (("pulse", Column(1, 70, 70, 70, 70)),))
    assert combined([Stats(1, T0 + 1, ()), early]) == Stats(2, T0 + 1, early.columns)


def test_of_two_at_one_instant_the_one_given_later_has_the_last_word() -> None:
    whole = combined([stats_of(5), stats_of(9)])
    assert whole is not None
    assert whole.columns[0][1].last == 9


def test_nothing_has_no_stats() -> None:
    assert combined([]) is None


def test_stored_form_comes_back() -> None:
    whole = stats_of(5, 2**62)
    assert Stats.from_doc(whole.to_doc()) == whole
