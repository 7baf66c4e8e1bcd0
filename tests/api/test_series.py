"""Series over HTTP: who may, what is asked, how it is answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from phr.formats import phr_v1
from phr.people import access
from phr.readings import store
from phr.readings.store import Arrival
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded
from tests.cast import T0, Cast
from tests.readings.builders import DAY_MS, MINUTE_MS, a_run, arriving

SERIES = "/v1/people/{owner}/series/"
PULSE = {"metric": "heart-rate", "value": 70, "unit": "/min"}
DAY = "?from=2026-11-23T00:00:00%2B08:00&to=2026-11-24T00:00:00%2B08:00"


def measured(cast: Cast, *items: dict[str, Any], device: str = "acme/cuff-1") -> None:
    """Readings of the owner, as a device sends them."""
    decoded = Decoded()
    for item in items:
        whole = {"t": "2026-11-23T07:30:00+08:00"} | item
        decoded.runs += phr_v1.decode(msgspec.json.encode({"readings": [whole]}), vocabulary()).runs
    assert len(decoded.runs) == len(items)
    store.write(cast.database, [Arrival(cast.owner, device, run, "mqtt", T0) for run in decoded.runs])


def minutes(cast: Cast, count: int, metric: str = "heart-rate") -> None:
    runs = [
        range(T0 + i * MINUTE_MS, T0 + min(i + 1_440, count) * MINUTE_MS, MINUTE_MS) for i in range(0, count, 1_440)
    ]
    store.write(cast.database, [arriving(a_run(t, 700, metric), person=cast.owner) for t in runs])


def asked(cast: Cast, path: str, who: str | None = None) -> Any:
    return cast.send(who or cast.owner, "GET", SERIES + path)


def columns(cast: Cast, path: str) -> Any:
    answer = asked(cast, path)
    assert answer.status_code == 200, answer.json
    return answer.json["columns"]


def test_answer_says_what_it_is(cast: Cast) -> None:
    measured(cast, {"metric": "glucose-capillary", "value": 110, "unit": "mg/dL"})
    answer = asked(cast, "glucose-capillary?resolution=raw").json
    assert answer.pop("columns") == {"t": ["2026-11-23T07:30:00+08:00"], "value": [6.11]}
    whole = {"person": cast.owner, "metric": "glucose-capillary", "unit": "mmol/L", "resolution": "raw"}
    assert answer == whole | {"enough": None, "next_cursor": None}


@pytest.mark.parametrize(
    ("waited_ms", "arrived"), [(0, "live"), (600_000, "live"), (600_001, "late"), (DAY_MS, "late")]
)
def test_what_was_filled_in_later_is_told_from_what_came_at_once(cast: Cast, waited_ms: int, arrived: str) -> None:
    """Also beside the other kind in the same bucket."""
    run, other = a_run([T0], 700), a_run([T0 + 1], 700)
    at_ms = T0 + 1 if arrived == "late" else T0 + 1 + DAY_MS
    for one, arrived_at_ms in ((other, at_ms), (run, T0 + waited_ms)):
        store.write(cast.database, [Arrival(cast.owner, "acme/cuff-1", one, "mqtt", arrived_at_ms)])
    shown = columns(cast, "heart-rate?resolution=raw&fields=arrived")["arrived"]
    assert shown == [arrived, "live" if arrived == "late" else "late"]


def test_stranger_gets_nowhere(cast: Cast) -> None:
    assert asked(cast, "heart-rate", cast.stranger).status_code == 403
    assert asked(cast, "no-metric", cast.stranger).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_doctor_with_a_grant_on_readings_reads_and_is_logged(cast: Cast) -> None:
    measured(cast, PULSE)
    assert asked(cast, "heart-rate", cast.doctor).json["columns"]["value"] == [70.0]
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.who, line.about, line.outcome) == (cast.doctor, "GET series/heart-rate", "allowed")


def test_me_is_the_caller(cast: Cast) -> None:
    measured(cast, PULSE)
    answer = cast.send(cast.owner, "GET", "/v1/people/me/series/heart-rate").json
    assert (answer["person"], answer["columns"]["value"]) == (cast.owner, [70.0])


def test_components_are_columns_and_come_back_as_sent(cast: Cast) -> None:
    value = {"systolic": 17.1, "diastolic": 10.9}
    measured(cast, {"metric": "blood-pressure", "value": value, "unit": "kPa"})
    found = columns(cast, "blood-pressure?resolution=raw&fields=sent")
    assert (found["systolic"], found["pulse"]) == ([128.3], [None])
    assert (found["sent"], found["unit"]) == ([value], ["kPa"])


def test_components_are_summed_up_one_by_one(cast: Cast) -> None:
    for minute, systolic in ((30, 120), (31, 131)):
        value = {"systolic": systolic, "diastolic": 80}
        item = {"metric": "blood-pressure", "value": value, "unit": "mmHg", "t": f"2026-11-23T07:{minute}:00+08:00"}
        measured(cast, item)
    found = columns(cast, "blood-pressure?resolution=day")
    assert (found["t"], found["n"]) == (["2026-11-23T00:00:00+08:00"], [2])
    assert [found[f"systolic_{name}"] for name in ("min", "max", "mean")] == [[120.0], [131.0], [125.5]]
    assert found["pulse_mean"] == [None]


def test_period_has_its_end_and_is_added_up(cast: Cast) -> None:
    item = {"metric": "steps", "value": 40}
    measured(cast, item | {"end": "2026-11-23T07:31:00+08:00"})
    measured(cast, item | {"t": "2026-11-23T07:31:00+08:00", "end": "2026-11-23T07:31:00+08:00"})
    found = columns(cast, "steps?resolution=raw")
    assert found["end"] == ["2026-11-23T07:31:00+08:00", "2026-11-23T07:31:00+08:00"]
    assert columns(cast, "steps?resolution=week")["sum"] == [80.0]


def test_episode_has_its_stages_at_local_times(cast: Cast) -> None:
    stage = {"stage": "deep", "t": "2026-11-23T07:30:00+08:00", "end": "2026-11-23T08:00:00+08:00"}
    item = {"metric": "sleep-episode", "end": "2026-11-23T09:00:00+08:00", "value": {"stages": [stage]}}
    measured(cast, item)
    assert columns(cast, "sleep-episode?resolution=raw")["value"] == [{"stages": [stage]}]
    assert columns(cast, "sleep-episode?resolution=day").keys() == {"t", "n", "zone", "coverage", "is_enough"}


@pytest.mark.parametrize(
    ("metric", "value", "unit", "shown"),
    [
        ("falls", None, None, None),
        ("smoking-status", {"code": "former"}, None, {"code": "former"}),
        ("rr-interval", {"values": [0.812, 0.796]}, "s", {"values": [812.0, 796.0]}),
        ("ecg-strip", {"values": [120, -80], "period_ms": 2}, "uV", {"values": [0.12, -0.08], "period_ms": 2.0}),
    ],
)
def test_structured_value_is_shown_in_its_shape(cast: Cast, metric: str, value: Any, unit: Any, shown: Any) -> None:
    item = {"metric": metric, "value": value, "unit": unit}
    measured(cast, {name: part for name, part in item.items() if part is not None})
    found = columns(cast, f"{metric}?resolution=raw&fields=sent")
    assert (found["value"], found["sent"], found["unit"]) == ([shown], [value], [unit])


def test_flag_is_a_column_only_where_a_row_has_one(cast: Cast) -> None:
    measured(cast, {"metric": "glucose-capillary", "value": 2.2, "unit": "mmol/L", "flag": "below-range"})
    later = {"metric": "glucose-capillary", "value": 5.0, "unit": "mmol/L", "t": "2026-11-24T07:30:00+08:00"}
    measured(cast, later)
    assert columns(cast, "glucose-capillary?resolution=raw")["flag"] == ["below-range", None]
    assert "flag" not in columns(cast, "glucose-capillary?resolution=raw&from=2026-11-24T00:00:00%2B08:00")


def test_fields_are_given_where_they_are_asked_for(cast: Cast) -> None:
    odd = PULSE | {"value": 290, "seq": 3, "context": {"posture": "sitting"}}
    measured(cast, odd, PULSE)
    found = columns(cast, "heart-rate?resolution=raw&fields=device,quality,context,seq")
    assert found["device"] == ["acme/cuff-1", "acme/cuff-1"]
    assert (found["seq"], found["context"]) == ([0, 3], [None, {"posture": "sitting"}])
    assert found["quality"] == [None, "suspect"]
    assert columns(cast, "heart-rate?resolution=day&fields=device")["device"] == [["acme/cuff-1"]]


def test_source_is_looked_at_alone(cast: Cast) -> None:
    measured(cast, PULSE)
    measured(cast, PULSE | {"value": 72}, device="acme/watch")
    found = columns(cast, f"heart-rate?resolution=raw&fields=device&source={quote('acme/watch', safe='')}")
    assert (found["value"], found["device"]) == ([72.0], ["acme/watch"])
    assert columns(cast, "heart-rate?resolution=raw&source=acme/none") == {"t": [], "value": []}


def test_nothing_measured_is_an_empty_table(cast: Cast) -> None:
    for resolution in ("auto", "raw", "hour", "day", "week", "month", "year"):
        answer = asked(cast, f"steps?resolution={resolution}").json
        assert (answer["columns"]["t"], answer["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("resolution=minute", "/resolution"),
        ("max_points=0", "/max_points"),
        ("max_points=20001", "/max_points"),
        ("limit=0", "/limit"),
        ("limit=20001", "/limit"),
        ("fields=sent,colour", "/fields"),
        ("from=yesterday", "/from"),
        ("from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "/to"),
        ("cursor=x", "/cursor"),
        ("cursor=%22%C3%A9", "/cursor"),
        ("cursor=WzFd", "/cursor"),
        ("source=", "/source"),
        ("colour=red", "/colour"),
    ],
)
def test_bad_query_is_pointed_at(cast: Cast, query: str, pointer: str) -> None:
    answer = asked(cast, f"heart-rate?{query}")
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize("query", ["limit=1", "limit=20000", "max_points=1", "max_points=20000", "from=0&to=0"])
def test_query_at_its_limits_is_taken(cast: Cast, query: str) -> None:
    assert asked(cast, f"heart-rate?{query}").status_code == 200


@pytest.mark.parametrize("resolution", ["auto", "raw", "hour", "day", "week", "month", "year"])
def test_span_of_all_time_is_taken(cast: Cast, resolution: str) -> None:
    measured(cast, PULSE)
    ends = "from=0001-01-03T00:00:00%2B08:00&to=9999-12-30T00:00:00-08:00"
    assert len(columns(cast, f"heart-rate?{ends}&resolution={resolution}")["t"]) == 1


def test_unknown_metric_is_told_the_nearest_name(cast: Cast) -> None:
    answer = asked(cast, "heart-rat")
    assert (answer.status_code, answer.json["code"]) == (404, "metric-unknown")
    assert "heart-rate" in answer.json["detail"]


@pytest.mark.parametrize(
    ("metric", "instead"),
    [("systolic-bp", "blood-pressure"), ("cgm-tir", "glucose-interstitial"), ("egfr", "creatinine")],
)
def test_metric_that_is_no_reading_is_told_which_to_ask_for(cast: Cast, metric: str, instead: str) -> None:
    answer = asked(cast, metric)
    assert (answer.status_code, answer.json["code"]) == (400, "metric-not-a-reading")
    assert instead in answer.json["detail"]


def test_cursor_leads_to_the_next_page_of_its_own_question_only(cast: Cast) -> None:
    minutes(cast, 3)
    cursor = asked(cast, "heart-rate?resolution=raw&limit=2").json["next_cursor"]
    rest = asked(cast, f"heart-rate?resolution=raw&limit=2&cursor={cursor}").json
    assert (rest["columns"]["t"], rest["next_cursor"]) == (["2026-11-23T07:32:00+08:00"], None)
    for other in ("steps?resolution=raw", "heart-rate?resolution=day", "heart-rate?resolution=raw&from=0"):
        assert asked(cast, f"{other}&cursor={cursor}").status_code == 400


def test_cursor_keeps_the_resolution_that_was_chosen(cast: Cast) -> None:
    minutes(cast, 3_000)
    first = asked(cast, "heart-rate?max_points=100&limit=30").json
    second = asked(cast, f"heart-rate?max_points=100&limit=30&cursor={first['next_cursor']}").json
    assert (first["resolution"], second["resolution"], second["next_cursor"]) == ("hour", "hour", None)
    assert sum(first["columns"]["n"] + second["columns"]["n"]) == 3_000


@pytest.mark.parametrize(("count", "sizes"), [(19_999, [19_999]), (20_000, [20_000]), (20_001, [20_000, 1])])
def test_page_has_at_most_20000_rows(cast: Cast, count: int, sizes: list[int]) -> None:
    minutes(cast, count)
    pages, cursor = [], ""
    while cursor is not None:
        page = asked(cast, f"heart-rate?resolution=raw{cursor and '&cursor=' + cursor}").json
        pages, cursor = [*pages, page["columns"]["t"]], page["next_cursor"]
    assert [len(page) for page in pages] == sizes
    assert len({t for page in pages for t in page}) == count


@pytest.mark.parametrize(("most", "resolution"), [(19, "day"), (20, "raw"), (21, "raw"), (1, "week")])
def test_auto_stays_within_the_points_asked_for(cast: Cast, most: int, resolution: str) -> None:
    t = [T0 + day * DAY_MS + i * 1_000 for day in range(2) for i in range(10)]
    store.write(cast.database, [arriving(a_run(t, 700), person=cast.owner)])
    assert asked(cast, f"heart-rate{DAY.replace('24T', '25T')}&max_points={most}").json["resolution"] == resolution
