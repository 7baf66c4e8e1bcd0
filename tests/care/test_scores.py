"""Scores against published check values, on both sides of each limit, and without what they need."""

from __future__ import annotations

from typing import Any

import pytest

from phr.care.scores import Risk, Sex, bmi, china_par, egfr


def a_risk(**changes: Any) -> Risk:
    """The person of the published check values: 130 mmHg, TC 210 and HDL 55 mg/dL, waist 80 cm, urban north."""
    person = {
        "age": 50,
        "sex": "male",
        "systolic": 130,
        "is_treated": False,
        "total_cholesterol": 210 * 0.0259,
        "hdl_cholesterol": 55 * 0.0259,
        "waist": 80,
        "smokes": False,
        "has_diabetes": True,
        "is_north": True,
        "is_urban": True,
        "has_family_history": False,
    }
    return Risk(**(person | changes))


@pytest.mark.parametrize(
    ("sex", "percents"), [("male", (2.22, 5.42, 11.04, 19.68)), ("female", (2.40, 5.35, 10.13, 17.09))]
)
def test_china_par_gives_the_published_check_values(sex: Sex, percents: tuple[float, ...]) -> None:
    assert tuple(china_par(a_risk(sex=sex, age=age)).value for age in (40, 50, 60, 70)) == percents


@pytest.mark.parametrize("change", [{"smokes": True}, {"is_treated": True}, {"has_family_history": True}])
def test_china_par_rises_with_each_risk_of_a_man(change: dict[str, Any]) -> None:
    base, raised = china_par(a_risk()).value, china_par(a_risk(**change)).value
    assert base is not None
    assert raised is not None
    assert raised > base


@pytest.mark.parametrize(("age", "has_value"), [(34, False), (35, True), (74, True), (75, False)])
def test_china_par_is_for_its_ages(age: int, has_value: bool) -> None:
    found = china_par(a_risk(age=age))
    assert (found.value is not None, found.is_enough, bool(found.notes)) == (has_value, has_value, not has_value)


@pytest.mark.parametrize(("age", "category"), [(40, "low"), (50, "moderate"), (60, "high")])
def test_china_par_has_categories(age: int, category: str) -> None:
    assert china_par(a_risk(age=age)).category == category


def test_what_is_missing_is_named() -> None:
    found = china_par(a_risk(waist=None, sex=None))
    assert (found.value, found.missing, found.is_enough) == (None, ("sex", "waist"), False)


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "value", "stage"),
    [
        (88.4, 50, "male", 91.7, "G1"),
        (88.4, 50, "female", 68.6, "G2"),
        (80, 65, "female", 70.5, "G2"),
        (150, 70, "male", 42.9, "G3b"),
    ],
)
def test_egfr_gives_the_published_check_values(creatinine: float, age: int, sex: Sex, value: float, stage: str) -> None:
    found = egfr(creatinine, age, sex)
    assert (found.value, found.category) == (value, stage)


@pytest.mark.parametrize(("age", "sex"), [(17, "male"), (None, "male"), (50, None)])
def test_egfr_is_not_guessed(age: int | None, sex: Sex | None) -> None:
    assert (egfr(88.4, age, sex).value, egfr(88.4, age, sex).is_enough) == (None, False)


@pytest.mark.parametrize(
    ("kg", "category"),
    [(18.49, "low"), (18.5, "normal"), (23.99, "normal"), (24, "overweight"), (27.99, "overweight"), (28, "obese")],
)
def test_bmi_by_the_chinese_limits(kg: float, category: str) -> None:
    assert bmi(kg, 100, 40).category == category


@pytest.mark.parametrize(("age", "is_judged"), [(17, False), (18, True), (None, False)])
def test_bmi_of_a_child_is_not_judged_by_limits_for_adults(age: int | None, is_judged: bool) -> None:
    found = bmi(24, 100, age)
    assert (found.value, found.is_enough, found.category is not None) == (24, is_judged, is_judged)
