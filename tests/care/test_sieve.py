"""The sieve lets every reading through that a rule holds for, and hardly any other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phr.care.evaluate import holds, targeted
from phr.care.examples import observation_of
from phr.care.observation import PersonFacts
from phr.care.rule import Rules
from phr.care.rules import rules
from phr.care.sieve import Sieve
from phr.vocabulary.metric import Metric, Unit
from phr.vocabulary.reading import Run
from phr.vocabulary.units import to_stored
from tests.care.builders import NOW_MS, RULE, glucose, only

NOBODY = PersonFacts()
GLUCOSE = next(one for one in rules().by_metric["glucose-capillary"] if one.id == "glucose-low")
SINGLE = [rule for found in rules().by_metric.values() for rule in found]


def a_run(metric: Metric, unit: Unit | None, values: dict[str, list[int | None]]) -> Run:
    length = len(next(iter(values.values())))
    return Run(metric, "", unit, 480, list(range(length)), values, "/readings/0")


@pytest.mark.parametrize("rule", SINGLE, ids=lambda rule: rule.id)
def test_every_example_that_raises_goes_through(rule) -> None:
    for example in rule.examples:
        seen = observation_of(rule, example, NOW_MS)
        run = a_run(rule.metric, seen.unit, {name: [value] for name, value in seen.values.items()})
        assert not example.raises or Sieve(only(rule)).sift(run, NOBODY) == [0]


@given(st.floats(20, 600), st.sampled_from(["mg/dL", "mmol/L"]), st.floats(3, 20))
def test_what_a_target_holds_for_goes_through(value: float, unit: str, limit: float) -> None:
    sent = GLUCOSE.metric.unit_by_name[unit]
    stated = round(value if unit == "mg/dL" else value / 18, sent.decimals)
    person = PersonFacts(targets={(GLUCOSE.id, ""): limit})
    seen = glucose(stated, unit)
    run = a_run(GLUCOSE.metric, sent, {"": [to_stored(GLUCOSE.metric, sent, stated)]})
    assert not holds(targeted(GLUCOSE, person), seen) or Sieve(only(GLUCOSE)).sift(run, person) == [0]


def test_only_the_readings_beyond_a_limit_go_through() -> None:
    values: dict[str, list[int | None]] = {"systolic": [1200, 1850, None, 1300], "diastolic": [800, 900, 1150, 790]}
    scale = RULE.metric.scale
    scaled = {name: [None if one is None else one * scale // 10 for one in column] for name, column in values.items()}
    assert Sieve(only(RULE)).sift(a_run(RULE.metric, RULE.metric.unit, scaled), NOBODY) == [1, 2]


def test_metric_without_rules_lets_nothing_through() -> None:
    run = a_run(RULE.metric, RULE.metric.unit, {"systolic": [9_999], "diastolic": [9_999]})
    assert Sieve(Rules({})).sift(run, NOBODY) == []


def test_wider_of_two_rules_decides() -> None:
    lower = replace(RULE, id="lower", any_of=tuple(replace(one, limit=one.limit - 40) for one in RULE.any_of))
    both = Rules({RULE.metric.key: (RULE, lower)})
    run = a_run(RULE.metric, RULE.metric.unit, {"systolic": [150 * RULE.metric.scale], "diastolic": [None]})
    assert (Sieve(both).sift(run, NOBODY), Sieve(only(RULE)).sift(run, NOBODY)) == ([0], [])
