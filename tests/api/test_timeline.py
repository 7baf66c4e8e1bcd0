"""The timeline over HTTP."""

from typing import Any

import pytest

from phr.people import access, grants
from phr.timeline.categories import all_categories
from tests.cast import T0, Cast, a_grant, a_note

TIMELINE = "/v1/people/{owner}/timeline"
READINGS = "/v1/people/{owner}/readings"
MORNING = "2026-11-23T07:30:00+08:00"
DAY_MS = 86_400_000


def sent(cast: Cast, *items: dict[str, Any], device: str = "phone") -> None:
    answer = cast.send(cast.owner, "POST", READINGS, json={"device": device, "readings": list(items)})
    assert answer.json["stored"] == len(items)


def noted(cast: Cast, **changes: Any) -> Any:
    return cast.send(cast.owner, "POST", "/v1/people/me/entries", json=a_note(**changes)).json


def shown(cast: Cast, query: str = "", who: str = "") -> Any:
    return cast.send(who or cast.owner, "GET", TIMELINE + query)


def a_pressure(systolic: int, diastolic: int, t: str = MORNING) -> dict[str, Any]:
    value = {"systolic": systolic, "diastolic": diastolic}
    return {"metric": "blood-pressure", "t": t, "value": value, "unit": "mm[Hg]"}


def a_weight(value: float = 70.5, t: Any = MORNING) -> dict[str, Any]:
    return {"metric": "weight", "t": t, "value": value, "unit": "kg"}


def some_steps(value: int, t: str = MORNING) -> dict[str, Any]:
    return {"metric": "steps", "t": t, "end": "2026-11-23T09:00:00+08:00", "value": value}


def test_note_is_shown_as_an_entry_with_its_day(cast: Cast) -> None:
    note = noted(cast)
    assert shown(cast).json == {"lines": [note | {"day": "2026-11-23"}], "next_cursor": None}


def test_components_are_summed_up_each_for_itself(cast: Cast) -> None:
    sent(cast, a_pressure(120, 80), a_pressure(131, 85, "2026-11-23T08:00:00+08:00"))
    (line,) = shown(cast).json["lines"]
    assert (line["kind"], line["day"], line["metric"], line["zh"], line["n"]) == (
        ("readings", "2026-11-23", "blood-pressure", "血压", 2)
    )
    expected = {"unit": "mm[Hg]", "n": 2, "min": 120, "max": 131, "mean": 125.5}
    assert line["components"]["systolic"] == expected


def test_periods_are_added_up_and_two_devices_in_one_hour_are_not(cast: Cast) -> None:
    sent(cast, some_steps(100), some_steps(250, "2026-11-23T08:00:00+08:00"), device="watch")
    sent(cast, some_steps(320))
    (line,) = shown(cast).json["lines"]
    assert (line["n"], line["sum"], line["source"]) == (2, 570, None)  # of equals the first by name, then the watch
    assert [tuple(one.values()) for one in line["sources"]] == [
        ("http:app/watch", 2, True),
        ("http:app/phone", 1, True),
    ]


def test_spot_measurements_of_all_sources_make_one_line(cast: Cast) -> None:
    sent(cast, a_weight(70))
    sent(cast, a_weight(71, "2026-11-23T08:00:00+08:00"), device="scale")
    (line,) = shown(cast).json["lines"]
    assert (line["n"], line["min"], line["max"], line["unit"], line["source"]) == (2, 70, 71, "kg", None)


def test_event_has_a_count_alone(cast: Cast) -> None:
    sent(cast, {"metric": "falls", "t": MORNING})
    (line,) = shown(cast).json["lines"]
    assert (line["n"], line["unit"], "min" in line, "components" in line) == (1, None, False, False)


def test_line_changes_with_the_next_reading(cast: Cast) -> None:
    sent(cast, a_weight(70))
    shown(cast)
    sent(cast, a_weight(90, "2026-11-23T08:00:00+08:00"))
    assert shown(cast).json["lines"][0]["max"] == 90


def test_stranger_sees_no_timeline(cast: Cast) -> None:
    assert shown(cast, who=cast.stranger).status_code == 403
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.outcome, line.about, line.categories) == ("refused", "GET timeline", all_categories())


@pytest.mark.parametrize(
    ("categories", "kinds"),
    [(("notes",), ["note"]), (("readings",), ["readings"]), (("notes", "readings"), ["note", "readings"])],
)
def test_reader_of_some_categories_sees_those_and_the_log_names_them(
    cast: Cast, categories: tuple[str, ...], kinds: list[str]
) -> None:
    noted(cast)
    sent(cast, a_weight())
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=categories))
    assert [line["kind"] for line in shown(cast, who=cast.stranger).json["lines"]] == kinds
    assert access.log_of(cast.database, cast.owner, 1)[0].categories == categories


def test_relative_with_a_grant_on_everything_sees_it(cast: Cast) -> None:
    noted(cast)
    assert len(shown(cast, who=cast.relative).json["lines"]) == 1


@pytest.mark.parametrize(
    ("kinds", "count"), [("note", 1), ("readings", 1), ("note,readings", 2), ("readings,note,note", 2)]
)
def test_kinds_are_chosen(cast: Cast, kinds: str, count: int) -> None:
    noted(cast)
    sent(cast, a_weight())
    assert len(shown(cast, f"?kinds={kinds}").json["lines"]) == count


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("kinds=weight", "/kinds"),
        ("kinds=", "/kinds"),
        ("kinds=note,", "/kinds"),
        ("from=yesterday", "/from"),
        ("to=2026-11-23", "/to"),
        ("cursor=x", "/cursor"),
        ("cursor=99999999.r.a", "/cursor"),
        ("limit=x", "/limit"),
        ("odd=1", "/odd"),
    ],
)
def test_bad_query_is_pointed_at(cast: Cast, query: str, pointer: str) -> None:
    answer = shown(cast, f"?{query}")
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize(("limit", "status"), [(0, 400), (1, 200), (500, 200), (501, 400)])
def test_limit_has_its_bounds(cast: Cast, limit: int, status: int) -> None:
    assert shown(cast, f"?limit={limit}").status_code == status


@pytest.mark.parametrize(("count", "has_more"), [(49, False), (50, False), (51, True)])
def test_page_has_fifty_lines_where_nothing_else_is_said(cast: Cast, count: int, has_more: bool) -> None:
    sent(cast, *(a_weight(t=T0 - day * DAY_MS) for day in range(count)))
    page = shown(cast).json
    assert (len(page["lines"]), page["next_cursor"] is not None) == (min(count, 50), has_more)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_give_every_line_once(cast: Cast, limit: int) -> None:
    for day in (21, 22, 23):
        noted(cast, effective_at=f"2026-11-{day}T10:00:00+08:00")
        sent(cast, a_weight(t=f"2026-11-{day}T08:00:00+08:00"), a_pressure(120, 80, f"2026-11-{day}T08:00:00+08:00"))
    seen, cursor = [], ""
    while cursor is not None:
        page = shown(cast, f"?limit={limit}{cursor and '&cursor=' + cursor}").json
        seen, cursor = seen + page["lines"], page["next_cursor"]
    names = [f"{line['day'][8:]} {line.get('metric', 'note')}" for line in seen]
    assert names == [f"{day} {name}" for day in (23, 22, 21) for name in ("note", "blood-pressure", "weight")]


@pytest.mark.parametrize(
    ("span", "days"),
    [
        ("from=2026-11-22T00:00:00%2B08:00", ["23", "22"]),
        ("from=2026-11-22T00:00:00%2B08:00&to=2026-11-23T00:00:00%2B08:00", ["22"]),
        ("to=2026-11-23T00:00:00.001%2B08:00", ["23", "22", "21"]),
        ("from=2026-11-22T16:00:00Z", ["23"]),
        ("from=2026-11-22T15:59:59Z", ["23", "22"]),
        ("from=2026-11-24T00:00:00%2B08:00", []),
        ("from=0001-01-02T00:00:00Z&to=9999-12-30T00:00:00Z", ["23", "22", "21"]),
        ("to=0001-01-02T00:00:00Z", []),
    ],
)
def test_day_that_lies_partly_in_the_span_has_its_line(cast: Cast, span: str, days: list[str]) -> None:
    sent(cast, *(a_weight(t=f"2026-11-{day}T08:00:00+08:00") for day in (21, 22, 23)))
    assert [line["day"][8:] for line in shown(cast, f"?{span}").json["lines"]] == days
