"""A rule over a window speaks when there is enough to judge, of those it is for, and by the published definitions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from phr.care.observation import Observation, PersonFacts
from phr.care.rule import Altitude, Comparison, Condition, Rule, Sex, Statistic, Window
from phr.care.source import Evidence
from phr.care.statistic import of_values
from phr.care.windows import Finding, judge
from tests.care.builders import NOW_MS, RULE, glucose, pressure

DAY_MS = 24 * 3_600_000
EVENING_MS = DAY_MS // 2


def rule(statistic: Statistic | None, op: Comparison, limit: float, **changes: object) -> Rule:
    """A made-up rule about capillary glucose over a week; its limits belong to the test."""
    window = Window(7 * DAY_MS, statistic, None, (), 1, 1, 0.0)
    return replace(
        RULE, metric=glucose(5.0).metric, any_of=(Condition("", op, limit),), window=replace(window, **changes)
    )


def series(*values: float, unit: str = "mmol/L", every_ms: int = DAY_MS) -> list[Observation]:
    """Finger-stick values, the last one now."""
    last = len(values) - 1
    return [glucose(value, unit, t_ms=NOW_MS - (last - n) * every_ms) for n, value in enumerate(values)]


def found(made: Rule, seen: list[Observation], person: PersonFacts | None = None) -> Finding | None:
    return judge(made, seen, person or PersonFacts(), NOW_MS)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        (Statistic.LAST, 8.0),
        (Statistic.MEAN, 5.0),
        (Statistic.MAX, 8.0),
        (Statistic.MIN, 2.0),
        (Statistic.COUNT, 3.0),
        (Statistic.SLOPE, 3.0),
        (Statistic.VARIABILITY, 60.0),
    ],
)
def test_each_statistic_is_what_it_says(statistic: Statistic, expected: float) -> None:
    assert of_values(statistic, [0, DAY_MS, 2 * DAY_MS], [2.0, 5.0, 8.0]) == pytest.approx(expected)


@pytest.mark.parametrize("statistic", [Statistic.SLOPE, Statistic.VARIABILITY])
def test_one_reading_has_no_slope_and_no_variability(statistic: Statistic) -> None:
    assert of_values(statistic, [0], [5.0]) is None


@pytest.mark.parametrize(("limit", "speaks"), [(5.9, True), (6.0, True), (6.1, False)])
def test_a_mean_is_compared_with_its_limit(limit: float, speaks: bool) -> None:
    made = rule(Statistic.MEAN, Comparison.AT_LEAST, limit)
    assert (found(made, series(5.0, 6.0, 7.0)) is not None) is speaks


def test_ranges_count_readings_with_both_ends_in() -> None:
    within = (Condition("", Comparison.AT_LEAST, 3.9), Condition("", Comparison.AT_MOST, 10.0))
    made = rule(Statistic.TIME_IN_RANGE, Comparison.AT_MOST, 50, within=within)
    finding = found(made, series(3.8, 3.9, 10.0, 10.1))
    assert finding is not None
    assert (finding.values, finding.unit) == ({"": 50.0}, "%")


def test_a_window_in_one_unit_is_judged_in_that_unit() -> None:
    made = rule(Statistic.MEAN, Comparison.BELOW, 3.9)
    assert found(made, series(70, 70, unit="mg/dL")) is None
    below = found(made, series(69, 69, unit="mg/dL"))
    assert below is not None
    assert (below.values, below.unit) == ({"": 69.0}, "mg/dL")


def test_a_window_of_two_units_is_judged_in_the_canonical_one() -> None:
    finding = found(rule(Statistic.MEAN, Comparison.ABOVE, 9), [*series(10.0), *series(180, unit="mg/dL")])
    assert finding is not None
    assert finding.unit == "mmol/L"


@pytest.mark.parametrize(("age_ms", "speaks"), [(7 * DAY_MS - 1, True), (7 * DAY_MS, False), (-3_600_000, False)])
def test_readings_outside_the_window_are_left_out(age_ms: int, speaks: bool) -> None:
    seen = [glucose(9.0, t_ms=NOW_MS - age_ms)]
    assert (found(rule(Statistic.LAST, Comparison.ABOVE, 8), seen) is not None) is speaks


@pytest.mark.parametrize(
    ("changes", "speaks"),
    [
        ({"readings": 3}, True),
        ({"readings": 4}, False),
        ({"days": 3}, True),
        ({"days": 4}, False),
        ({"coverage": 3 / 168}, True),
        ({"coverage": 4 / 168}, False),
    ],
)
def test_too_little_is_not_judged(changes: dict[str, object], speaks: bool) -> None:
    made = rule(Statistic.MEAN, Comparison.ABOVE, 8, **changes)
    assert (found(made, series(9.0, 9.0, 9.0)) is not None) is speaks


@pytest.mark.parametrize(("quality", "severity", "speaks"), [("suspect", 2, False), ("suspect", 3, True)])
def test_a_doubtful_value_is_left_out_of_what_can_wait(quality: str, severity: int, speaks: bool) -> None:
    made = replace(rule(Statistic.LAST, Comparison.ABOVE, 8), severity=severity)
    assert (found(made, [glucose(9.0, quality=quality)]) is not None) is speaks


@pytest.mark.parametrize(("age_days", "speaks"), [(2, False), (3, True), (4, True)])
def test_silence_is_counted_in_days(age_days: int, speaks: bool) -> None:
    seen = [glucose(5.0, t_ms=NOW_MS - age_days * DAY_MS)]
    assert (found(rule(Statistic.MISSING_FOR, Comparison.AT_LEAST, 3), seen) is not None) is speaks


def test_who_never_sent_anything_is_silent_as_long_as_the_window() -> None:
    assert found(rule(Statistic.MISSING_FOR, Comparison.AT_LEAST, 7), []) is not None
    assert found(rule(Statistic.MEAN, Comparison.AT_LEAST, 0), []) is None


@pytest.mark.parametrize(
    ("predicate", "limit", "person", "speaks"),
    [
        ("rise", 2.9, PersonFacts(), True),
        ("rise", 3.0, PersonFacts(), False),
        ("percent-of-best", 79, PersonFacts(best={"glucose-capillary": 10.0}), True),
        ("percent-of-best", 79, PersonFacts(), False),
        ("bmi", 7, PersonFacts(height_cm=100), True),
        ("bmi", 7, PersonFacts(), False),
    ],
)
def test_a_predicate_asks_for_what_it_needs(predicate: str, limit: float, person: PersonFacts, speaks: bool) -> None:
    made = rule(None, Comparison.ABOVE, limit, predicate=predicate)
    assert (found(made, series(6.0, 5.0, 8.0), person) is not None) is speaks


def test_what_is_lost_is_a_share_of_the_highest() -> None:
    finding = found(rule(None, Comparison.ABOVE, 24, predicate="percent-lost"), series(6.0, 8.0, 6.0))
    assert finding is not None
    assert finding.values == {"": 25.0}


@pytest.mark.parametrize(
    ("scope", "person", "speaks"),
    [
        ({"sex": Sex.FEMALE}, PersonFacts(sex="female"), True),
        ({"sex": Sex.FEMALE}, PersonFacts(sex="male"), False),
        ({"sex": Sex.FEMALE}, PersonFacts(), False),
        ({"altitude": Altitude.LOW}, PersonFacts(lives_high=True), False),
        ({"altitude": Altitude.LOW}, PersonFacts(), True),
        ({"altitude": Altitude.ANY}, PersonFacts(lives_high=True), True),
        ({"diagnosis": ("copd",)}, PersonFacts(diagnoses=frozenset({"copd"})), True),
        ({"diagnosis": ("copd",)}, PersonFacts(diagnoses=frozenset()), False),
        ({"diagnosis": ("copd",)}, PersonFacts(), False),
        ({"no_diagnosis": ("copd",)}, PersonFacts(diagnoses=frozenset({"copd"})), False),
        ({"no_diagnosis": ("copd",)}, PersonFacts(), True),
        ({"medication": ("insulin",)}, PersonFacts(medications=frozenset({"insulin"})), True),
        ({"medication": ("insulin",)}, PersonFacts(), False),
        ({"no_medication": ("insulin",)}, PersonFacts(medications=frozenset({"insulin"})), False),
    ],
)
def test_a_rule_knows_whom_it_is_for(scope: dict[str, object], person: PersonFacts, speaks: bool) -> None:
    made = rule(Statistic.LAST, Comparison.ABOVE, 8)
    assert (found(replace(made, scope=replace(made.scope, **scope)), series(9.0), person) is not None) is speaks


@pytest.mark.parametrize(
    ("context", "speaks"),
    [({"meal": "fasting"}, True), ({"meal": "before meal"}, False), ({}, False), (None, False)],
)
def test_only_readings_of_that_context_count(context: dict[str, str] | None, speaks: bool) -> None:
    made = replace(rule(Statistic.LAST, Comparison.ABOVE, 8), context={"meal": ("fasting",)})
    assert (found(made, [glucose(9.0, context=context)]) is not None) is speaks


@pytest.mark.parametrize(("context", "speaks"), [({"meal": "fasting"}, False), ({"meal": "x"}, True), (None, True)])
def test_readings_of_an_unwanted_context_do_not_count(context: dict[str, str] | None, speaks: bool) -> None:
    made = replace(rule(Statistic.LAST, Comparison.ABOVE, 8), not_context={"meal": ("fasting",)})
    assert (found(made, [glucose(9.0, context=context)]) is not None) is speaks


@pytest.mark.parametrize(("reviewed_by", "speaks"), [("", False), ("Dr. Test", True)])
def test_what_is_not_verified_is_silent_until_it_is_signed(reviewed_by: str, speaks: bool) -> None:
    made = rule(Statistic.LAST, Comparison.ABOVE, 8)
    unsure = replace(made, source=replace(made.source, evidence=Evidence.UNVERIFIED), reviewed_by=reviewed_by)
    finding = found(unsure, series(9.0))
    assert (finding is not None) is speaks


def test_each_component_has_its_own_mean() -> None:
    made = replace(RULE, window=Window(7 * DAY_MS, Statistic.MEAN, None, (), 2, 1, 0.0))
    finding = found(made, [pressure(150, 115), pressure(151, 106, t_ms=NOW_MS - EVENING_MS)])
    assert finding is not None
    assert (finding.values, finding.readings) == ({"systolic": 150.5, "diastolic": 110.5}, 2)
    assert "150.5/110.5 mmHg" in finding.message_zh
