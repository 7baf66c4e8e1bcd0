"""A rule speaks on its own side of the limit, to those it is for, in time, and always with the same key."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from phr.care.evaluate import AHEAD_MS, evaluate, speaks_to
from phr.care.examples import observation_of
from phr.care.observation import PersonFacts
from phr.care.rule import Comparison, Pregnancy, UnknownAge
from phr.care.rules import rules
from phr.clock import to_datetime, to_ms
from phr.vocabulary.metrics import vocabulary
from tests.care.builders import NOW_MS, RULE, glucose, glucose_rules, only, pressure

EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}-{number}")
    for rules_of_one in rules().by_metric.values()
    for rule in rules_of_one
    for number, example in enumerate(rule.examples)
]
TODAY = to_datetime(NOW_MS).date()
DAY_MS = 24 * 3600 * 1000


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_each_rule_agrees_with_its_examples(rule, example) -> None:
    seen = observation_of(rule, example, NOW_MS)
    person = {seen.person: PersonFacts(is_pregnant=rule.scope.pregnancy is Pregnancy.PREGNANT)}
    assert bool(evaluate(only(rule), [seen], person, NOW_MS)) is example.raises


@pytest.mark.parametrize(
    ("systolic", "diastolic", "unit", "count"),
    [
        (179, 109, "mmHg", 0),
        (180, 109, "mmHg", 1),
        (181, 109, "mmHg", 1),
        (179, 110, "mmHg", 1),
        (179, 111, "mmHg", 1),
        (190, 120, "mmHg", 1),
        (179.9, 109.9, "mmHg", 0),
        (23.9, 14.6, "kPa", 0),
        (24.0, 14.6, "kPa", 1),
        (24.1, 14.6, "kPa", 1),
        (23.9, 14.7, "kPa", 1),
        (23.9, 14.8, "kPa", 1),
    ],
)
def test_a_very_high_pressure_is_raised_once(systolic: float, diastolic: float, unit: str, count: int) -> None:
    assert len(evaluate(rules(), [pressure(systolic, diastolic, unit)], {}, NOW_MS)) == count


@pytest.mark.parametrize(
    ("op", "limit", "value", "unit", "raises"),
    [
        (Comparison.BELOW, 3.9, 70, "mg/dL", False),
        (Comparison.BELOW, 3.9, 69, "mg/dL", True),
        (Comparison.AT_MOST, 3.9, 70, "mg/dL", True),
        (Comparison.AT_MOST, 3.9, 71, "mg/dL", False),
        (Comparison.ABOVE, 10.0, 180, "mg/dL", False),
        (Comparison.ABOVE, 10.0, 181, "mg/dL", True),
        (Comparison.BELOW, 3.9, 3.8, "mmol/L", True),
        (Comparison.BELOW, 3.9, 3.9, "mmol/L", False),
        (Comparison.AT_LEAST, 16.7, 16.6, "mmol/L", False),
        (Comparison.AT_LEAST, 16.7, 16.7, "mmol/L", True),
        (Comparison.AT_LEAST, 16.7, 16.8, "mmol/L", True),
    ],
)
def test_a_conversion_moves_nothing_across_a_line(op, limit, value, unit, raises) -> None:
    assert bool(evaluate(glucose_rules(op, limit), [glucose(value, unit)], {}, NOW_MS)) is raises


@pytest.mark.parametrize(
    ("op", "limit", "value", "flag", "raises"),
    [
        (Comparison.BELOW, 2.2, 2.2, "below-range", True),
        (Comparison.BELOW, 2.2, 2.2, None, False),
        (Comparison.BELOW, 3.0, 2.2, "below-range", True),
        (Comparison.BELOW, 2.1, 2.2, "below-range", False),
        (Comparison.AT_MOST, 2.2, 2.2, "below-range", True),
        (Comparison.ABOVE, 33.3, 33.3, "above-range", True),
        (Comparison.AT_LEAST, 33.3, 33.3, "above-range", True),
        (Comparison.AT_LEAST, 33.4, 33.3, "above-range", False),
        (Comparison.BELOW, 40, 33.3, "above-range", False),
        (Comparison.AT_LEAST, 2.0, 2.2, "below-range", False),
        (Comparison.AT_LEAST, 2.2, 2.2, "below-range", False),
    ],
)
def test_hi_and_lo_lie_beyond_the_value_beside_them(op, limit, value, flag, raises) -> None:
    assert bool(evaluate(glucose_rules(op, limit), [glucose(value, flag=flag)], {}, NOW_MS)) is raises


def test_a_lo_is_written_with_its_sign() -> None:
    alert = evaluate(glucose_rules(Comparison.BELOW, 3.9), [glucose(2.2, flag="below-range")], {}, NOW_MS)[0]
    assert "<2.2 mmol/L" in alert.message_zh
    assert "3.9 mmol/L" in alert.message_zh


@pytest.mark.parametrize(("severity", "count"), [(1, 0), (2, 0), (3, 1), (4, 1)])
def test_a_doubtful_value_silences_only_what_can_wait(severity: int, count: int) -> None:
    seen = pressure(quality="suspect")
    assert len(evaluate(only(replace(RULE, severity=severity)), [seen], {}, NOW_MS)) == count


@pytest.mark.parametrize(
    ("age_ms", "late"),
    [(DAY_MS - 1, [False]), (DAY_MS, [False]), (DAY_MS + 1, [True]), (7 * DAY_MS, [True]), (7 * DAY_MS + 1, [])],
)
def test_an_old_emergency_is_late_for_a_week_and_then_nothing(age_ms: int, late: list[bool]) -> None:
    found = evaluate(rules(), [pressure(t_ms=NOW_MS - age_ms)], {}, NOW_MS)
    assert [alert.is_late for alert in found] == late


def test_an_old_reading_that_could_wait_is_nothing() -> None:
    seen = pressure(t_ms=NOW_MS - DAY_MS - 1)
    assert evaluate(only(replace(RULE, severity=2)), [seen], {}, NOW_MS) == []


@pytest.mark.parametrize(("ahead_ms", "count"), [(AHEAD_MS - 1, 1), (AHEAD_MS, 1), (AHEAD_MS + 1, 0)])
def test_a_reading_from_the_future_wakes_nobody(ahead_ms: int, count: int) -> None:
    assert len(evaluate(rules(), [pressure(t_ms=NOW_MS + ahead_ms)], {}, NOW_MS)) == count


def test_a_time_beyond_the_calendar_is_no_error() -> None:
    assert evaluate(rules(), [pressure(t_ms=10**18), pressure(t_ms=-(10**18))], {}, NOW_MS) == []


@pytest.mark.parametrize(("days", "count"), [(-1, 1), (0, 1), (1, 0)])
def test_the_rule_is_for_adults_from_their_eighteenth_birthday(days: int, count: int) -> None:
    birthday = TODAY.replace(year=TODAY.year - 18, day=TODAY.day + days)
    assert len(evaluate(rules(), [pressure()], {"ana": PersonFacts(birth_on=birthday)}, NOW_MS)) == count


@pytest.mark.parametrize(("day", "is_adult"), [("2026-02-28", False), ("2026-03-01", True)])
def test_who_is_born_on_a_leap_day_is_older_on_the_first_of_march(day: str, is_adult: bool) -> None:
    facts = PersonFacts(birth_on=datetime(2008, 2, 29, tzinfo=UTC).date())
    assert speaks_to(RULE.scope, facts, to_ms(datetime.fromisoformat(f"{day}T12:00+00:00"))) is is_adult


@pytest.mark.parametrize(("age_max", "speaks"), [(39, False), (40, True), (41, True)])
def test_a_rule_may_end_at_an_age(age_max: int, speaks: bool) -> None:
    facts = PersonFacts(birth_on=TODAY.replace(year=TODAY.year - 40))
    assert speaks_to(replace(RULE.scope, age_max=age_max), facts, NOW_MS) is speaks


def test_an_unknown_age_counts_as_adult_because_the_rule_says_so() -> None:
    assert len(evaluate(rules(), [pressure()], {"ana": PersonFacts()}, NOW_MS)) == 1
    strict = replace(RULE, scope=replace(RULE.scope, unknown_age=UnknownAge.EXCLUDED))
    assert evaluate(only(strict), [pressure()], {"ana": PersonFacts()}, NOW_MS) == []


@pytest.mark.parametrize(
    ("pregnancy", "is_pregnant", "speaks"),
    [
        (Pregnancy.NOT_PREGNANT, True, False),
        (Pregnancy.NOT_PREGNANT, False, True),
        (Pregnancy.NOT_PREGNANT, None, True),
        (Pregnancy.PREGNANT, True, True),
        (Pregnancy.PREGNANT, False, False),
        (Pregnancy.PREGNANT, None, False),
        (Pregnancy.ANY, True, True),
        (Pregnancy.ANY, None, True),
    ],
)
def test_a_rule_knows_whether_it_is_for_pregnant_women(pregnancy, is_pregnant, speaks) -> None:
    scope = replace(RULE.scope, pregnancy=pregnancy)
    assert speaks_to(scope, PersonFacts(is_pregnant=is_pregnant), NOW_MS) is speaks


def test_the_same_reading_has_the_same_key_later_and_corrected() -> None:
    first = evaluate(rules(), [pressure()], {}, NOW_MS)[0]
    again = evaluate(rules(), [pressure(systolic=195)], {}, NOW_MS + 60_000)[0]
    assert again.key == first.key


@pytest.mark.parametrize("change", [{"person": "ben"}, {"device": "acme/other"}, {"t_ms": NOW_MS - 1}, {"seq": 1}])
def test_another_reading_has_another_key(change: dict[str, object]) -> None:
    alerts = evaluate(rules(), [pressure(), pressure(**change)], {}, NOW_MS)
    assert len({alert.key for alert in alerts}) == 2


def test_an_alert_says_what_was_sent_and_by_which_version() -> None:
    alert = evaluate(rules(), [pressure(24.3, 12.0, "kPa")], {}, NOW_MS)[0]
    assert (dict(alert.values), alert.unit) == ({"systolic": 24.3, "diastolic": 12.0}, "kPa")
    assert (alert.rule, alert.rule_version, alert.severity, alert.reviewed) == (RULE.id, 1, 3, False)
    assert (alert.person, alert.metric, alert.t_ms, alert.raised_at_ms) == ("ana", "blood-pressure", NOW_MS, NOW_MS)


@pytest.mark.parametrize(
    ("unit", "value", "limit"), [("mmHg", "182/96 mmHg", "180/110 mmHg"), ("kPa", "24.3/12.8 kPa", "24.0/14.7 kPa")]
)
def test_the_message_says_value_and_limit_as_the_cuff_shows_them(unit: str, value: str, limit: str) -> None:
    seen = pressure(182, 96) if unit == "mmHg" else pressure(24.3, 12.8, "kPa")
    alert = evaluate(rules(), [seen], {}, NOW_MS)[0]
    assert all(part in text for part in (value, limit) for text in (alert.message_zh, alert.message_en))


def test_a_pulse_keeps_its_unit_beside_pressures_in_kilopascal() -> None:
    seen = pressure(24.3, 12.8, "kPa")
    alert = evaluate(rules(), [replace(seen, values={**seen.values, "pulse": 770})], {}, NOW_MS)[0]
    assert alert.values["pulse"] == 77


def test_a_reading_without_the_component_is_no_error() -> None:
    metric = vocabulary().metrics["blood-pressure"]
    assert evaluate(rules(), [pressure(values={"mean": 200 * metric.scale})], {}, NOW_MS) == []


def test_a_metric_without_rules_gives_nothing() -> None:
    assert evaluate(only(RULE), [glucose(40.0)], {}, NOW_MS) == []
    assert not only(RULE).concern("glucose-capillary")
    assert rules().concern("blood-pressure")


def test_each_of_many_readings_is_looked_at() -> None:
    seen = [pressure(120, 80, seq=1), pressure(seq=2), glucose(5.0), pressure(seq=3)]
    assert [alert.seq for alert in evaluate(rules(), seen, {}, NOW_MS)] == [2, 3]


def test_a_signed_rule_says_so() -> None:
    alert = evaluate(only(replace(RULE, reviewed_by="Dr. Test")), [pressure()], {}, NOW_MS)[0]
    assert alert.reviewed


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (2.9, "mmol/L", ["glucose-very-low"]),
        (3.0, "mmol/L", ["glucose-low"]),
        (3.9, "mmol/L", ["glucose-low"]),
        (4.0, "mmol/L", []),
        (16.6, "mmol/L", []),
        (16.7, "mmol/L", ["glucose-very-high"]),
        (300, "mg/dL", []),
        (301, "mg/dL", ["glucose-very-high"]),
    ],
)
def test_of_two_rules_about_low_glucose_the_graver_speaks(value: float, unit: str, said: list[str]) -> None:
    assert [alert.rule for alert in evaluate(rules(), [glucose(value, unit)], {}, NOW_MS)] == said


@pytest.mark.parametrize(("is_pregnant", "said"), [(True, ["blood-pressure-high-in-pregnancy"]), (False, [])])
def test_a_pressure_may_be_too_high_only_while_pregnant(is_pregnant: bool, said: list[str]) -> None:
    alerts = evaluate(rules(), [pressure(140, 80)], {"ana": PersonFacts(is_pregnant=is_pregnant)}, NOW_MS)
    assert [alert.rule for alert in alerts] == said


@pytest.mark.parametrize("metric", ["heart-rate", "spo2", "glucose-interstitial", "weight", "steps"])
def test_what_comes_every_minute_is_looked_at_over_windows_alone(metric: str) -> None:
    assert not rules().concern(metric)


def test_what_is_not_verified_or_for_doctors_is_never_asked_about_a_reading() -> None:
    asked = [rule for rules_of_one in rules().by_metric.values() for rule in rules_of_one]
    assert all(rule.is_active and rule.scope.audience == "person" and rule.window is None for rule in asked)


def test_a_doctors_target_counts_instead_of_the_limit_and_is_named() -> None:
    rule = next(one for one in rules().by_metric["glucose-capillary"] if one.id == "glucose-low")
    facts = {"ana": PersonFacts(targets={("glucose-low", ""): 4.4})}
    (alert,) = evaluate(only(rule), [glucose(4.2)], facts, NOW_MS)
    assert (alert.targets, alert.categories) == ({"": 4.4}, ("care", "readings"))
    assert "4.4 mmol/L (from your doctor's target)" in alert.message_en
    assert evaluate(only(rule), [glucose(4.2)], {}, NOW_MS) == []


def test_an_alert_bears_the_categories_of_the_diagnosis_that_let_its_rule_speak() -> None:
    rule = next(one for one in rules().by_metric["glucose-capillary"] if one.id == "glucose-low")
    scope = replace(rule.scope, diagnosis=("depression", "copd"))
    person = PersonFacts(
        diagnoses=frozenset(("depression", "copd")),
        categories={"depression": frozenset(("conditions", "mental")), "copd": frozenset(("conditions",))},
    )
    (alert,) = evaluate(only(replace(rule, scope=scope)), [glucose(3.5)], {"ana": person}, NOW_MS)
    assert alert.categories == ("conditions", "readings")
