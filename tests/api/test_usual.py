"""What is usual of somebody over HTTP: made of their own readings, for who may see them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from phr.clock import now_ms
from phr.people import processing
from tests.api.test_reports import measured
from tests.cast import Cast, a_gift

USUAL = "/v1/people/{owner}/usual/"
LAST = date(2026, 11, 23)
WEIGHTS = (70, 71, 70, 69, 70)
SUSPECT_KG = 15  # below what scales publish, and yet possible


def before(days: int) -> str:
    return (LAST - timedelta(days=days)).isoformat()


def a_quarter(cast: Cast, metric: str, unit: str, values: tuple[Any, ...], days: int = 100, **also: Any) -> None:
    """A value each morning up to the last day."""
    rows = [(f"{before(back)}T07:00:00+08:00", values[back % len(values)]) for back in range(days)]
    measured(cast, metric, *rows, unit=unit, **also)


def asked(cast: Cast, metric: str, who: str = "", **query: Any) -> Any:
    whole = {"through": LAST.isoformat(), "days": 1} | query
    return cast.send(who or cast.owner, "GET", USUAL + metric, query_string=whole)


def band(answer: Any, part: int = 0) -> Any:
    return answer.json["parts"][part]["bands"][-1]


def test_band_of_somebodys_own_weight(cast: Cast) -> None:
    a_quarter(cast, "weight", "kg", WEIGHTS)
    answer = asked(cast, "weight", days=3)
    (part,) = answer.json["parts"]
    assert (part["unit"], [one["on"] for one in part["bands"]]) == ("kg", [before(2), before(1), before(0)])
    found = part["bands"][-1]
    assert found["low"] < min(WEIGHTS) < max(WEIGHTS) < found["high"] < 73
    assert (found["n"], found["hour"], answer.json["is_evaluated"]) == (90, None, True)


@pytest.mark.parametrize(("days", "n", "is_known"), [(28, 20, False), (29, 21, True)])
def test_nothing_is_usual_of_less_than_three_weeks(cast: Cast, days: int, n: int, is_known: bool) -> None:
    a_quarter(cast, "weight", "kg", WEIGHTS, days)
    found = band(asked(cast, "weight"))
    assert (found["n"], found["low"] is not None) == (n, is_known)


def test_components_have_a_band_each(cast: Cast) -> None:
    values = tuple({"systolic": 120 + one, "diastolic": 80 - one} for one in range(3))
    a_quarter(cast, "blood-pressure", "mm[Hg]", values)
    systolic, diastolic, _, pulse = asked(cast, "blood-pressure").json["parts"]
    assert systolic["bands"][0]["low"] < 121 < systolic["bands"][0]["high"]
    assert diastolic["bands"][0]["low"] < 79 < diastolic["bands"][0]["high"]
    assert (pulse["unit"], pulse["bands"][0]["low"], pulse["bands"][0]["n"]) == ("/min", None, 0)


def test_dense_readings_have_a_band_each_three_hours_of_the_persons_clock(cast: Cast) -> None:
    rows = [
        (f"{before(back)}T{hour:02}:{minute}:00+08:00", rate + back % 3)
        for back in range(100)
        for hour, rate in ((2, 55), (16, 80))
        for minute in ("10", "20")
    ]
    measured(cast, "heart-rate", *rows, unit="/min")
    found = asked(cast, "heart-rate", resolution="hour").json
    by_hour = {one["hour"]: one for one in found["parts"][0]["bands"]}
    assert (sorted(by_hour), found["hours"]) == ([0, 3, 6, 9, 12, 15, 18, 21], 3)
    assert by_hour[0]["low"] < 56 < by_hour[0]["high"] < by_hour[15]["low"] < 81 < by_hour[15]["high"]


def test_sums_are_of_days_and_never_below_what_can_be(cast: Cast) -> None:
    items = [
        {"metric": "steps", "t": f"{before(back)}T{hour}:00:00+08:00", "end": f"{before(back)}T{hour}:30:00+08:00"}
        | {"value": 100 if back % 2 else 3000, "unit": "{steps}"}
        for back in range(100)
        for hour in ("09", "15")
    ]
    body = {"device": "band", "readings": items}
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body).json["stored"] == len(items)
    found = band(asked(cast, "steps"))
    assert (found["low"], found["high"] > 6000) == (0, True)


def test_only_readings_of_the_meal_that_is_asked_for(cast: Cast) -> None:
    a_quarter(cast, "glucose-capillary", "mmol/L", (5.5, 5.6), context={"meal": "fasting"})
    rows = [(f"{before(back)}T13:00:00+08:00", 9) for back in range(100)]
    measured(cast, "glucose-capillary", *rows, unit="mmol/L", context={"meal": "after meal"})
    fasting, all_day = band(asked(cast, "glucose-capillary", meal="fasting")), band(asked(cast, "glucose-capillary"))
    assert fasting["high"] < 6 < all_day["high"]


def test_readings_in_doubt_make_nothing_usual(cast: Cast) -> None:
    a_quarter(cast, "weight", "kg", (SUSPECT_KG,), 40)
    assert band(asked(cast, "weight"))["n"] == 0


@pytest.mark.parametrize(
    ("metric", "query", "pointer"),
    [
        ("weight", {"days": 0}, "/days"),
        ("weight", {"days": 367}, "/days"),
        ("weight", {"through": "1899-12-31"}, "/through"),
        ("weight", {"resolution": "minute"}, "/resolution"),
        ("steps", {"resolution": "hour"}, "/resolution"),
        ("weight", {"meal": "fasting"}, "/meal"),
        ("falls", {}, "/metric"),
        ("systolic-bp", {}, "blood-pressure"),
    ],
)
def test_what_can_not_be_usual_is_named(cast: Cast, metric: str, query: dict[str, Any], pointer: str) -> None:
    answer = asked(cast, metric, **query)
    assert answer.status_code == 400
    assert pointer in answer.text


def test_who_wants_no_automated_evaluation_has_no_bands(cast: Cast) -> None:
    a_quarter(cast, "weight", "kg", WEIGHTS)
    processing.refuse(cast.database, cast.owner, processing.EVALUATION, cast.owner, now_ms())
    found = asked(cast, "weight").json
    assert (found["is_evaluated"], found["parts"]) == (False, [])


def test_grant_on_a_period_of_data_knows_what_is_usual_of_that_period_alone(cast: Cast) -> None:
    a_quarter(cast, "weight", "kg", WEIGHTS)
    gift = a_gift(cast.stranger, categories=["readings"], data_from=before(29))
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/grants", json=gift).status_code == 201
    assert band(asked(cast, "weight", cast.stranger))["n"] == 22
    assert asked(cast, "weight", cast.relative).status_code == 200
