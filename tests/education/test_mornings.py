"""Three mornings beyond a line: each limit just below, at and above, in whatever unit, and whose line it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from phr.care.observation import Observation, PersonFacts
from phr.care.rules import rules
from phr.education import mornings
from phr.education.matching import Sign
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0

RULE = "home-blood-pressure-high"
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
FACTS = PersonFacts(birth_on=date(1958, 3, 1), diagnoses=frozenset({"hypertension"}), is_pregnant=False)
PRESSURE = vocabulary().metrics["blood-pressure"]


def pressure(days_ago: int, systolic: int, diastolic: int = 80, **changes: Any) -> Observation:
    """At half past seven of that morning in Shanghai."""
    values = {"systolic": systolic * PRESSURE.scale, "diastolic": diastolic * PRESSURE.scale}
    one = Observation("p", PRESSURE, "acme/cuff", 0, T0 - days_ago * DAY_MS, values, None)
    return replace(one, **changes)


def beyond(*some: Observation, facts: PersonFacts = FACTS, offset_min: int = 480) -> Sign | None:
    rule = rules().get(RULE)
    assert rule
    return mornings.beyond(rule, some, facts, lambda _: offset_min, T0 + HOUR_MS)


def test_the_mean_of_each_morning_counts() -> None:
    low_and_high = [pressure(0, 130), pressure(0, 140, t_ms=T0 + 60_000)]
    assert beyond(*low_and_high, pressure(1, 135), pressure(2, 150))
    assert beyond(low_and_high[0], pressure(1, 135), pressure(2, 150)) is None


@pytest.mark.parametrize(("systolic", "is_beyond"), [(134, False), (135, True), (136, True)])
def test_each_must_be_at_the_line_or_above(systolic: int, is_beyond: bool) -> None:
    assert bool(beyond(pressure(0, 150), pressure(1, systolic), pressure(2, 150))) is is_beyond


def test_two_mornings_are_too_few_and_the_last_three_count() -> None:
    assert beyond(pressure(0, 150), pressure(1, 150)) is None
    assert beyond(pressure(0, 150), pressure(1, 150), pressure(2, 150), pressure(3, 120))
    assert beyond(pressure(0, 120), pressure(1, 150), pressure(2, 150), pressure(3, 150)) is None


@pytest.mark.parametrize(("oldest", "is_beyond"), [(6, True), (7, False)])
def test_they_are_of_the_last_seven_days(oldest: int, is_beyond: bool) -> None:
    assert bool(beyond(pressure(0, 150), pressure(1, 150), pressure(oldest, 150))) is is_beyond


@pytest.mark.parametrize(("minutes", "is_morning"), [(-211, False), (-210, True), (149, True), (150, False)])
def test_a_morning_is_from_four_until_ten_on_the_persons_clock(minutes: int, is_morning: bool) -> None:
    at_edge = pressure(1, 150, t_ms=T0 - DAY_MS + minutes * 60_000)
    assert bool(beyond(pressure(0, 150), at_edge, pressure(2, 150))) is is_morning


def test_evening_elsewhere_is_no_morning() -> None:
    high = [pressure(ago, 150) for ago in range(3)]
    assert beyond(*high)
    assert beyond(*high, offset_min=-300) is None


def test_whom_the_rule_is_not_for_is_told_nothing() -> None:
    high = [pressure(ago, 150) for ago in range(3)]
    assert beyond(*high, facts=replace(FACTS, diagnoses=frozenset())) is None
    assert beyond(*high, facts=replace(FACTS, is_pregnant=True)) is None
    assert beyond(*high, facts=replace(FACTS, birth_on=date(2010, 1, 1))) is None


def test_doctors_own_limit_counts_and_is_named() -> None:
    own = {(RULE, "systolic"): 145.0, (RULE, "diastolic"): 90.0}
    facts = replace(FACTS, targets=own)
    assert beyond(*(pressure(ago, 144) for ago in range(3)), facts=facts) is None
    found = beyond(*(pressure(ago, 145) for ago in range(3)), facts=facts)
    assert found
    assert found.words["en"] == {"mornings": "3", "limit": "145/90", "unit": "mmHg", "source": "your doctor's target"}
    assert "care" in found.categories


def test_what_it_is_made_of_is_what_one_must_see() -> None:
    facts = replace(FACTS, categories={"hypertension": frozenset({"conditions"})})
    found = beyond(*(pressure(ago, 150) for ago in range(3)), facts=facts)
    assert found
    assert found.categories == {"readings", "conditions"}
    assert found.words["zh"]["limit"] == "135/85"
