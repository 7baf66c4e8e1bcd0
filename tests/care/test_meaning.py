"""One sentence for one value: the line that it crossed, or that there is none it has."""

from __future__ import annotations

import pytest

from phr.care.meaning import meaning
from phr.care.observation import Observation, PersonFacts
from phr.care.rules import rules
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0

ADULT = PersonFacts(diagnoses=frozenset(), medications=frozenset(), is_pregnant=False)


def of(metric: str, facts: PersonFacts = ADULT, /, **values: int) -> str | None:
    known = vocabulary().metrics[metric]
    stored = {name.replace("value", ""): number * known.scale for name, number in values.items()}
    said = meaning(rules(), Observation("p", known, "acme/one", 0, T0, stored, None), facts)
    return None if said is None else said.en


@pytest.mark.parametrize(
    ("systolic", "diastolic", "has_crossed"), [(179, 109, False), (180, 109, True), (179, 110, True), (128, 82, False)]
)
def test_pressure_on_both_sides_of_its_line(systolic: int, diastolic: int, has_crossed: bool) -> None:
    said = of("blood-pressure", systolic=systolic, diastolic=diastolic)
    assert said
    assert said.startswith("Not beyond") != has_crossed
    assert "180/110" in said


def test_every_line_of_a_metric_is_named_with_its_side() -> None:
    said = of("glucose-capillary", value=6)
    assert said
    assert said.startswith("Not beyond")
    assert "≤3.9 mmol/L" in said
    assert "≥16.7 mmol/L" in said


def test_oxygen_of_somebody_with_copd_is_not_judged_by_a_line_for_others() -> None:
    assert (of("spo2", value=93) or "").startswith("Your latest")
    assert (of("spo2", value=94) or "").startswith("Not beyond")
    copd = PersonFacts(diagnoses=frozenset({"copd"}), medications=frozenset(), is_pregnant=False)
    assert "93" not in (of("spo2", copd, value=93) or "")


def test_nothing_is_said_where_there_is_no_line() -> None:
    assert of("weight", value=70) is None


def test_rule_that_is_silent_says_nothing_here() -> None:
    """Potassium is general knowledge that nobody has signed."""
    assert of("potassium", value=7) is None
