"""Reports of protocols over HTTP: who may, which days, how it is answered."""

from __future__ import annotations

from typing import Any

import pytest

from phr.care.protocols import protocols
from phr.clock import DAY_MS, now_ms, to_datetime
from phr.people import access
from tests.cast import Cast, a_gift

REPORTS = "/v1/people/{owner}/reports/"
PRESSURE = "home-blood-pressure"
DAYS = ("2026-11-21", "2026-11-22", "2026-11-23")


def measured(cast: Cast, metric: str, *rows: tuple[str, Any], unit: str, device: str = "cuff", **also: Any) -> None:
    items = [{"metric": metric, "t": t, "value": value, "unit": unit} | also for t, value in rows]
    body = {"device": device, "readings": items}
    answer = cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    assert answer.json["stored"] == len(items)


def pressures(cast: Cast, days: tuple[str, ...] = DAYS, systolic: int = 140) -> None:
    times = [f"{day}T{time}+08:00" for day in days for time in ("07:00:00", "07:01:00", "21:00:00", "21:01:00")]
    value = {"systolic": systolic, "diastolic": 80}
    measured(cast, "blood-pressure", *((t, value) for t in times), unit="mm[Hg]")


def asked(cast: Cast, path: str, who: str = "", **query: Any) -> Any:
    return cast.send(who or cast.owner, "GET", REPORTS + path, query_string=query)


def test_home_pressure_of_three_days(cast: Cast) -> None:
    pressures(cast)
    answer = asked(cast, PRESSURE, days=3, through=DAYS[-1]).json
    assert (answer["from"], answer["through"], answer["reviewed_by"]) == (DAYS[0], DAYS[-1], None)
    found = answer["report"]
    assert (found["average"]["systolic"], found["basis"]["n"], found["is_high"]) == (140, 8, True)
    assert found["meter"][0] == {"on": DAYS[0], "morning": 2, "evening": 2}
    assert {source["evidence"] for source in answer["sources"]} == {"read", "unverified"}


def test_days_end_today_where_not_said(cast: Cast) -> None:
    assert asked(cast, PRESSURE).json["through"] in {str(to_datetime(now_ms(), 480).date()), _yesterday()}


def _yesterday() -> str:
    return str(to_datetime(now_ms() - DAY_MS, 480).date())


def test_readings_of_other_days_do_not_count(cast: Cast) -> None:
    pressures(cast, ("2026-11-20", *DAYS, "2026-11-24"))
    assert asked(cast, PRESSURE, days=3, through=DAYS[-1]).json["report"]["basis"]["n"] == 8


def test_day_is_that_of_the_offset_it_was_sent_with(cast: Cast) -> None:
    measured(cast, "blood-pressure", ("2026-11-23T23:30:00-08:00", {"systolic": 120, "diastolic": 80}), unit="mm[Hg]")
    meter = asked(cast, PRESSURE, days=3, through=DAYS[-1]).json["report"]["meter"]
    assert meter[-1] == {"on": DAYS[-1], "morning": 0, "evening": 1}


def test_unknown_protocol_is_named(cast: Cast) -> None:
    answer = asked(cast, "horoscope")
    assert (answer.status_code, answer.json["code"]) == (404, "protocol-unknown")
    assert PRESSURE in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [({"days": 5}, "/days"), ({"days": 0}, "/days"), ({"through": "1899-12-31"}, "/through"), ({"day": 3}, "/day")],
)
def test_wrong_span_names_the_field(cast: Cast, query: dict[str, Any], pointer: str) -> None:
    answer = asked(cast, PRESSURE, **query)
    assert answer.status_code == 400
    assert pointer in answer.text


def test_stranger_gets_nowhere_and_stands_in_the_log(cast: Cast) -> None:
    assert asked(cast, PRESSURE, cast.stranger).status_code == 403
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.outcome, line.about, line.categories) == ("refused", f"GET reports/{PRESSURE}", ("readings",))


def test_grant_on_a_period_of_data_shows_its_days_alone(cast: Cast) -> None:
    pressures(cast)
    gift = a_gift(cast.stranger, categories=["readings"], data_from=DAYS[1], data_through=DAYS[1])
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/grants", json=gift).status_code == 201
    meter = asked(cast, PRESSURE, cast.stranger, days=3, through=DAYS[-1]).json["report"]["meter"]
    assert [day["morning"] for day in meter] == [0, 2, 0]


def test_second_sensor_of_the_same_hours_is_left_out_and_named(cast: Cast) -> None:
    for device, value in (("left", 5.0), ("right", 9.0)):
        times = [f"{DAYS[0]}T07:{minute:02}:00+08:00" for minute in (0, 5, 10)]
        measured(cast, "glucose-interstitial", *((t, value) for t in times), unit="mmol/L", device=device)
    found = asked(cast, "cgm", through=DAYS[0]).json["report"]
    assert (found["basis"]["n"], found["basis"]["left_out"]) == (3, {"other-source": 3})
    assert found["sd"]["mmol_l"] == 0


def test_sensor_in_mg_is_judged_by_what_it_stated(cast: Cast) -> None:
    measured(cast, "glucose-interstitial", (f"{DAYS[0]}T07:00:00+08:00", 70), unit="mg/dL")
    found = asked(cast, "cgm", through=DAYS[0], days=1).json["report"]
    assert (found["mean"]["mg_dl"], found["ranges"]["in-range"]) == (70, 100)


def test_each_protocol_answers_with_what_its_readings_make(cast: Cast) -> None:
    t, morning = f"{DAYS[-1]}T07:00:00+08:00", {"context": {"meal": "fasting"}}
    measured(cast, "glucose-interstitial", (t, 6.0), unit="mmol/L")
    measured(cast, "glucose-capillary", (t, 6.0), unit="mmol/L", **morning)
    measured(cast, "weight", (t, 70), unit="kg")
    measured(cast, "pef", (t, 400), unit="L/min")
    measured(cast, "steps", (t, 500), unit="steps", end=f"{DAYS[-1]}T08:00:00+08:00")
    pressures(cast)
    for protocol in protocols():
        answer = asked(cast, protocol, through=DAYS[-1])
        assert answer.status_code == 200, answer.json
        assert answer.json["report"]["basis"]["n"] >= 1
