"""A value comes back as it was sent, and a conversion never moves it across a limit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.vocabulary.metric import Bounds, Metric, Unit
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import as_sent, canonical, column_to_stored, limit_in, to_stored

METRICS = vocabulary().metrics
PAIRS = [(metric, unit) for metric in METRICS.values() for unit in metric.units]
BOUNDED = [
    (metric, unit, bounds)
    for metric, unit in PAIRS
    for bounds in [metric.bounds, *(one.bounds for one in metric.components if one.unit is None)]
    if bounds is not None
]


def steps(unit: Unit, bounds: Bounds) -> st.SearchStrategy[int]:
    """What a device can send in this unit, counted in the unit's finest steps."""
    step = 10**unit.decimals
    low = (bounds.low - unit.offset) / unit.factor * step
    high = (bounds.high - unit.offset) / unit.factor * step
    return st.integers(math.ceil(low), math.floor(high))


def sent_value(unit: Unit, count: int) -> int | float:
    return count if unit.decimals == 0 else count / 10**unit.decimals


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(BOUNDED).flatmap(lambda one: st.tuples(st.just(one), steps(one[1], one[2]))))
def test_what_was_sent_comes_back_exactly(drawn: tuple[tuple[Metric, Unit, Bounds], int]) -> None:
    (metric, unit, _), count = drawn
    sent = sent_value(unit, count)
    assert as_sent(metric, unit, to_stored(metric, unit, sent)) == sent


@pytest.mark.parametrize(("metric", "unit", "bounds"), BOUNDED, ids=lambda one: getattr(one, "key", None) or "")
def test_every_unit_comes_back_at_both_ends_and_across(metric: Metric, unit: Unit, bounds: Bounds) -> None:
    step = 10**unit.decimals
    low = math.ceil((bounds.low - unit.offset) / unit.factor * step)
    high = math.floor((bounds.high - unit.offset) / unit.factor * step)
    for count in {low, high, *range(low, high, max(1, (high - low) // 500))}:
        sent = sent_value(unit, count)
        assert as_sent(metric, unit, to_stored(metric, unit, sent)) == sent


@pytest.mark.parametrize("metric", [one for one in METRICS.values() if one.units], ids=lambda one: one.key)
def test_stored_decimals_are_not_finer_than_a_unit_needs(metric: Metric) -> None:
    """One digit less and some unit's step would be lost; heart rates keep a digit for averages."""
    coarser = 10.0 ** -(metric.stored_decimals - 1)
    needed = any(coarser > unit.factor * 10.0**-unit.decimals * (1 + 1e-9) for unit in metric.units)
    assert needed or metric.stored_decimals == metric.decimals or metric.key == "resting-heart-rate"


@pytest.mark.parametrize(
    ("key", "unit", "limit", "expected"),
    [
        ("glucose-interstitial", "mg/dL", 3.0, 54),
        ("glucose-interstitial", "mg/dL", 3.9, 70),
        ("glucose-interstitial", "mg/dL", 10.0, 180),
        ("glucose-interstitial", "mg/dL", 13.9, 250),
        ("glucose-capillary", "mg/dL", 3.9, 70),
        ("blood-pressure", "kPa", 180, 24.0),
        ("blood-pressure", "kPa", 110, 14.7),
        ("body-temperature", "[degF]", 39.0, 102.2),
        ("hba1c", "mmol/mol", 7.0, 53),
        ("spo2", "1", 93, 0.93),
        ("spo2", "%", 93, 93),
        ("spo2", "%", 92.5, 92.5),
    ],
)
def test_a_limit_is_rounded_in_the_unit_as_sent(key: str, unit: str, limit: float, expected: float) -> None:
    metric = METRICS[key]
    assert limit_in(metric, metric.unit_by_name[unit], limit) == expected


def test_no_unit_means_the_canonical_one() -> None:
    metric = METRICS["weight"]
    stored = to_stored(metric, None, 71.25)
    assert (stored, as_sent(metric, None, stored), canonical(metric, stored)) == (71250, 71.25, 71.25)


def test_a_value_without_decimals_is_an_int() -> None:
    metric = METRICS["heart-rate"]
    assert repr(as_sent(metric, metric.unit, 720)) == "72"


def test_a_jin_is_half_a_kilogram() -> None:
    metric = METRICS["weight"]
    assert to_stored(metric, metric.unit_by_name["斤"], 142.5) == 71250


@pytest.mark.parametrize(("value", "stored"), [(6.104, 610), (6.105, 610), (6.106, 611), (6.125, 612), (6.135, 614)])
def test_more_digits_than_are_kept_go_to_the_nearest(value: float, stored: int) -> None:
    assert to_stored(METRICS["glucose-capillary"], None, value) == stored


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_infinity_is_refused(value: float) -> None:
    with pytest.raises(OverflowError):
        to_stored(METRICS["weight"], None, value)


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        to_stored(METRICS["weight"], None, float("nan"))


@settings(deadline=None)
@given(st.sampled_from(PAIRS), st.lists(st.none() | st.floats(-1e6, 1e6), max_size=20))
def test_a_column_is_what_its_values_are(pair: tuple[Metric, Unit], values: list[float | None]) -> None:
    metric, unit = pair
    one_by_one = [None if value is None else to_stored(metric, unit, value) for value in values]
    assert column_to_stored(metric, unit, values) == one_by_one


def test_zero_degrees_fahrenheit_have_no_minus_sign() -> None:
    metric = METRICS["ambient-temperature"]
    unit = metric.unit_by_name["°F"]
    assert repr(as_sent(metric, unit, to_stored(metric, unit, 0))) == "0.0"


def test_a_temperature_difference_converts_without_the_offset() -> None:
    metric = METRICS["skin-temp-deviation"]
    assert canonical(metric, to_stored(metric, metric.unit_by_name["°F"], 0.9)) == 0.5
