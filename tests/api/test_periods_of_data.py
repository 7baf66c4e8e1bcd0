"""A grant on a period of data: what lies outside is in no answer, of whatever route."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from phr.clock import to_ms
from phr.people import grants
from phr.readings import folding
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import ALL, Period, Sight
from tests.cast import Cast, a_gift, a_grant, a_note

DAY_MS = 86_400_000
MAY = {"data_from": "2026-05-01", "data_through": "2026-05-31"}
# April's and June's days at its ends are outside; so are the first and last minute around it.
DAYS = [
    "2026-04-30T23:59:00+08:00",
    "2026-05-01T00:00:00+08:00",
    "2026-05-31T23:59:00+08:00",
    "2026-06-01T00:00:00+08:00",
]
INSIDE = DAYS[1:3]
PERSON = "/v1/people/{owner}"


@pytest.fixture
def reader(cast: Cast) -> Cast:
    """An owner with notes and weights around the ends of May, of which the stranger may see May's."""
    for number, at in enumerate(DAYS):
        note = a_note(id=f"n{number}", text=f"头晕 {number}", effective_at=at)
        assert cast.send(cast.owner, "POST", f"{PERSON}/entries", json=note).status_code == 201
        item = {"metric": "weight", "t": at, "value": 70 + number, "unit": "kg"}
        sent = cast.send(cast.owner, "POST", f"{PERSON}/readings", json={"device": "scale", "readings": [item]})
        assert sent.json["stored"] == 1
    gift = a_gift(cast.stranger, categories=["notes", "readings", "profile"], **MAY)
    assert cast.send(cast.owner, "POST", f"{PERSON}/grants", json=gift).status_code == 201
    return cast


def get(cast: Cast, path: str, **query: Any) -> Any:
    answer = cast.send(cast.stranger, "GET", f"{PERSON}/{path}", query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json


@pytest.mark.parametrize("query", [{}, {"text": "头晕"}, {"from": "2026-01-01T00:00:00Z"}, {"limit": 1}])
def test_entries_and_searches(reader: Cast, query: dict[str, Any]) -> None:
    found = get(reader, "entries", **query)["entries"]
    assert [one["id"] for one in found] == ["n2", "n1"][: query.get("limit", 2)]


@pytest.mark.parametrize("path", ["entries/n0", "entries/n3", "entries/n0/history"])
def test_single_entries_outside_are_not_found(reader: Cast, path: str) -> None:
    assert reader.send(reader.stranger, "GET", f"{PERSON}/{path}").status_code == 404


def test_versions_that_stood_outside_are_not_in_the_history(reader: Cast) -> None:
    moved = {"headers": {"If-Match": '"1"'}, "json": {"effective_at": DAYS[1]}}
    assert reader.send(reader.owner, "PATCH", f"{PERSON}/entries/n0", **moved).status_code == 200
    assert get(reader, "entries/n0/history")["changes"] == []


@pytest.mark.parametrize("is_folded", [False, True])
def test_timeline(reader: Cast, is_folded: bool) -> None:
    if is_folded:
        folding.fold_some(reader.database, vocabulary().metrics, lambda _: lambda _t: 480, 2**53)
    lines = get(reader, "timeline")["lines"]
    told = [(one["day"], one.get("id") or one["mean"]) for one in lines]
    assert told == [("2026-05-31", "n2"), ("2026-05-31", 72), ("2026-05-01", "n1"), ("2026-05-01", 71)]


@pytest.mark.parametrize(
    ("resolution", "shown"),
    [
        ("raw", [71, 72]),
        ("hour", [71, 72]),
        ("day", [71, 72]),
        ("week", [72]),  # May ends with a Sunday
        ("month", [71.5]),
        ("year", []),
        ("auto", [71, 72]),
    ],
)
def test_series(reader: Cast, resolution: str, shown: list[float]) -> None:
    columns = get(reader, "series/weight", resolution=resolution)["columns"]
    assert (columns["value"] if "value" in columns else columns["mean"]) == shown


def test_a_series_that_is_asked_for_beyond_is_empty(reader: Cast) -> None:
    asked = {"from": "2026-06-01T00:00:00Z", "to": "2026-07-01T00:00:00Z", "resolution": "raw"}
    assert get(reader, "series/weight", **asked)["columns"]["t"] == []


def test_history_of_a_reading(reader: Cast) -> None:
    path = f"{PERSON}/readings/history"
    answers = [
        reader.send(
            reader.stranger, "GET", path, query_string={"metric": "weight", "device": "http:app/scale", "t": at}
        ).status_code
        for at in DAYS
    ]
    assert answers == [404, 200, 200, 404]


def test_overview_has_the_latest_of_the_period_and_its_notices(reader: Cast) -> None:
    for t in (DAYS[2], DAYS[3]):
        high = {"metric": "blood-pressure", "t": t, "value": {"systolic": 182, "diastolic": 96}, "unit": "mm[Hg]"}
        reader.send(reader.owner, "POST", f"{PERSON}/readings", json={"device": "cuff", "readings": [high]})
    shown = get(reader, "overview")
    assert {one["metric"]: one["t"] for one in shown["latest"]} == {"blood-pressure": DAYS[2], "weight": DAYS[2]}
    assert {one["measured_at"] for one in shown["attention"]} <= {"2026-05-31T15:59:00Z"}


def test_a_period_without_end_has_nothing_of_before(cast: Cast) -> None:
    item = {"metric": "weight", "t": DAYS[0], "value": 70, "unit": "kg"}
    cast.send(cast.owner, "POST", f"{PERSON}/readings", json={"device": "scale", "readings": [item]})
    gift = a_gift(cast.stranger, categories=["readings"], data_from="2026-05-01")
    cast.send(cast.owner, "POST", f"{PERSON}/grants", json=gift)
    assert get(cast, "overview")["latest"] == []


def test_changes(reader: Cast) -> None:
    found = get(reader, "changes")
    while found["has_more"]:
        more = get(reader, "changes", since=found["next_since"])
        found = more | {"changes": found["changes"] + more["changes"]}
    entries = {one["id"] for one in found["changes"] if one["kind"] == "entry"}
    spans = [(one["from"], one["to"]) for one in found["changes"] if one["kind"] == "readings"]
    assert entries == {"n1", "n2"}
    assert spans
    assert all("2026-04-30T16" <= low < high <= "2026-05-31T16:00:00Z" for low, high in spans)


def test_of_what_was_never_inside_not_even_a_change_is_told(reader: Cast) -> None:
    since = get(reader, "changes", limit=1_000)["next_since"]
    since = get(reader, "changes", since=since, limit=1_000)["next_since"]
    version = {"headers": {"If-Match": '"1"'}}
    for name in ("n0", "n1"):
        assert reader.send(reader.owner, "DELETE", f"{PERSON}/entries/{name}", **version).status_code == 204
    found = get(reader, "changes", since=since, limit=1_000)["changes"]
    assert [(one["id"], one["is_deleted"]) for one in found if one["kind"] == "entry"] == [("n1", True)]


def test_routes_that_know_no_periods_refuse(reader: Cast) -> None:
    tried = [
        reader.send(reader.stranger, "GET", f"{PERSON}/{path}").status_code for path in ("sources/weight", "imports")
    ]
    assert tried == [403, 403]


def test_a_wider_grant_counts_before_a_narrower_one(reader: Cast) -> None:
    grants.create(reader.database, a_grant(reader.owner, reader.stranger, categories=("notes",)))
    assert len(get(reader, "entries")["entries"]) == 4
    assert get(reader, "series/weight", resolution="raw")["columns"]["value"] == [71, 72]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"data_from": "2026-06-01", "data_through": "2026-05-31"}, "/data_through"),
        ({"verbs": ["read", "write"], **MAY}, "/verbs"),
        ({"kind": "proxy", **MAY}, "/data_from"),
        ({"data_from": "spring"}, "/data_from"),
    ],
)
def test_bad_periods_are_refused_with_the_field(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = cast.send(cast.owner, "POST", f"{PERSON}/grants", json=a_gift(cast.stranger) | changes)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_view_as_shows_the_owner_what_the_grantee_sees(reader: Cast) -> None:
    grant = reader.send(reader.stranger, "GET", "/v1/people/me/received-grants").json["grants"][0]["id"]
    for path in ("timeline", "overview", "series/weight", "entries"):
        theirs = get(reader, path)
        shown = reader.send(reader.owner, "GET", f"{PERSON}/{path}", headers={"View-As": grant}).json
        for one in [*theirs.get("latest", []), *shown.get("latest", [])]:
            del one["age_s"]
        assert shown == theirs, path


def test_view_as_is_for_the_owner_and_for_reading(reader: Cast) -> None:
    grant = reader.send(reader.stranger, "GET", "/v1/people/me/received-grants").json["grants"][0]["id"]
    headers = {"View-As": grant}
    note = {"json": a_note(), "headers": headers}
    tried = [
        reader.send(reader.relative, "GET", f"{PERSON}/timeline", headers=headers).status_code,
        reader.send(reader.owner, "GET", f"{PERSON}/imports", headers=headers).status_code,
        reader.send(reader.owner, "GET", f"{PERSON}/timeline", headers={"View-As": "x"}).status_code,
        reader.send(reader.owner, "POST", f"{PERSON}/entries", **note).status_code,
        reader.send(reader.owner, "POST", f"{PERSON}/stream-ticket", headers=headers).status_code,
    ]
    assert tried == [403, 403, 404, 400, 400]


def ms(day: str) -> int:
    return to_ms(datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("period", "days"),
    [
        (ALL, (None, None)),
        (Period(ms("2026-05-01"), ms("2026-06-01")), ("2026-05-01", "2026-05-31")),
        (Period(ms("2026-05-01") + 1, ms("2026-06-01") - 1), ("2026-05-02", "2026-05-30")),
        (Period(None, ms("2026-06-01")), (None, "2026-05-31")),
    ],
)
def test_only_whole_days_are_of_a_period(period: Period, days: tuple[str | None, str | None]) -> None:
    first, last = days
    assert period.days(lambda _: 0) == (first and ms(first) // DAY_MS, last and ms(last) // DAY_MS)


def test_a_sight_is_within_another_that_sees_all_of_it() -> None:
    may, all_of_it = Sight({"notes": Period(1, 5)}), Sight.of(["notes", "mental"])
    assert may.is_within(all_of_it)
    assert not all_of_it.is_within(may)
    assert may.name != Sight.of(["notes"]).name
