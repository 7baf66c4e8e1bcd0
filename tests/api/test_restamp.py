"""Held readings that get their right time, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from phr.care.rules import rules
from phr.clock import now_ms, rfc3339
from phr.intake import restamps
from phr.people import access, grants
from phr.recording import Recorder
from tests.cast import T0, Cast, a_grant
from tests.recording.builders import pressure, sent

HELD = "/v1/people/{owner}/held"
CUFF = "acme/cuff-1"
RESET_MS = 3_600_000  # an hour after 1970 began
HOUR_MS = 3_600_000


@pytest.fixture
def arrived(cast: Cast) -> int:
    """A cuff whose clock was reset has sent two readings."""
    at_ms = now_ms() - HOUR_MS
    put(cast, at_ms, RESET_MS, RESET_MS + 60_000)
    return at_ms


def put(cast: Cast, arrived_at_ms: int, *times: int) -> None:
    delivery = sent(*map(pressure, times), arrived_at_ms=arrived_at_ms, device=CUFF)
    Recorder(cast.database, rules()).record([delivery], arrived_at_ms)


def listed(cast: Cast) -> list[Any]:
    found: list[Any] = cast.send(cast.owner, "GET", HELD).json["held"]
    return sorted(found, key=lambda row: row["item"]["t"])


def first(cast: Cast) -> str:
    return f"{HELD}/{listed(cast)[0]['id']}/restamp"


def said(cast: Cast, path: str, **body: Any) -> Any:
    return cast.send(cast.owner, "POST", path, json=body)


def stored(cast: Cast, fields: str = "device_time,arrived") -> Any:
    query = f"?from=0&to={now_ms() + HOUR_MS}&resolution=raw&fields={fields}"
    return cast.send(cast.owner, "GET", "/v1/people/{owner}/series/blood-pressure" + query).json["columns"]


def test_reset_clock_is_listed_as_a_matter_of_time(cast: Cast, arrived: int) -> None:
    rows = [(row["reason"], row["is_restampable"], row["is_correctable"]) for row in listed(cast)]
    assert rows == [("before-device-made", True, False)] * 2


def test_right_time_brings_the_reading_into_the_record_with_both_times(cast: Cast, arrived: int) -> None:
    answer = said(cast, first(cast), t=rfc3339(arrived // 1000 * 1000, 480))
    assert (answer.status_code, answer.json["stored"]) == (200, 1)
    columns = stored(cast)
    assert columns["t"] == [rfc3339(arrived // 1000 * 1000, 480)]
    assert columns["device_time"] == [rfc3339(RESET_MS, 480)]
    assert columns["arrived"] == ["live"]
    assert len(listed(cast)) == 1


def test_shift_says_the_same_as_a_time(cast: Cast, arrived: int) -> None:
    shift_s = (arrived - RESET_MS) // 1000
    assert said(cast, first(cast), shift_s=shift_s).json["stored"] == 1
    assert stored(cast)["t"] == [rfc3339(RESET_MS + shift_s * 1000, 480)]


def test_all_of_a_device_go_at_once(cast: Cast, arrived: int) -> None:
    shift_s = (arrived - RESET_MS) // 1000 - 600
    answer = said(cast, f"{HELD}/restamp", device=CUFF, shift_s=shift_s)
    assert answer.json == {"restamped": 2, "left": 0, "has_more": False}
    assert (len(stored(cast)["t"]), listed(cast)) == (2, [])


def test_all_between_two_device_times(cast: Cast, arrived: int) -> None:
    body = {"device": CUFF, "shift_s": (arrived - RESET_MS) // 1000, "from": RESET_MS, "to": RESET_MS + 60_000}
    assert said(cast, f"{HELD}/restamp", **body).json["restamped"] == 1


def test_those_that_would_be_ahead_are_left(cast: Cast, arrived: int) -> None:
    shift_s = (arrived - RESET_MS) // 1000 + 600
    answer = said(cast, f"{HELD}/restamp", device=CUFF, shift_s=shift_s).json
    assert (answer["restamped"], answer["left"]) == (1, 1)
    assert len(listed(cast)) == 1
    assert said(cast, f"{HELD}/restamp", device=CUFF, shift_s=shift_s - 60).json["restamped"] == 1


def test_more_than_five_hundred_are_taken_in_two_calls(cast: Cast) -> None:
    at_ms = now_ms()
    put(cast, at_ms, *(RESET_MS + n * 1000 for n in range(501)))
    body = {"device": CUFF, "shift_s": (at_ms - RESET_MS) // 1000 - 3600}
    answers = [said(cast, f"{HELD}/restamp", **body).json for _ in range(2)]
    assert [(one["restamped"], one["has_more"]) for one in answers] == [(500, True), (1, False)]


def test_device_that_sends_it_again_stores_nothing_more(cast: Cast, arrived: int) -> None:
    said(cast, f"{HELD}/restamp", device=CUFF, shift_s=(arrived - RESET_MS) // 1000 - 600)
    put(cast, now_ms(), RESET_MS, RESET_MS + 60_000)
    assert (len(stored(cast)["t"]), listed(cast)) == (2, [])


def test_reading_ahead_that_got_its_time_is_not_stored_again_when_that_is_possible(cast: Cast) -> None:
    at_ms = now_ms() - 2 * HOUR_MS
    put(cast, at_ms, at_ms + HOUR_MS)
    said(cast, first(cast), shift_s=-3600)
    put(cast, now_ms(), at_ms + HOUR_MS)
    assert len(stored(cast)["t"]) == 1


def test_who_said_so_and_why_is_kept(cast: Cast, arrived: int) -> None:
    said(cast, first(cast), t=arrived, why="换过电池")
    (line,) = cast.send(cast.owner, "GET", f"{HELD}/restamps").json["restamps"]
    assert (line["by"], line["device"], line["why"]) == (cast.owner, CUFF, "换过电池")
    assert (line["from"], line["to"]) == (rfc3339(RESET_MS), rfc3339(arrived))


def test_restamp_that_was_interrupted_can_be_sent_again(cast: Cast, arrived: int) -> None:
    path = first(cast)
    rows = list(cast.database["held"].find())
    said(cast, path, t=arrived)
    for row in rows:
        cast.database["held"].replace_one({"_id": row["_id"]}, row)  # as if it had ended before the row was taken out
    assert said(cast, path, t=arrived).json["duplicate"] == 1
    assert len(stored(cast)["t"]) == 1


def test_second_word_about_one_reading_is_refused_while_the_first_is_taken(cast: Cast, arrived: int) -> None:
    path = first(cast)
    rows = list(cast.database["held"].find())
    said(cast, path, t=arrived)
    for row in rows:
        cast.database["held"].replace_one({"_id": row["_id"]}, row)
    assert said(cast, path, t=arrived - 1000).status_code == 409
    assert len(stored(cast)["t"]) == 1


@pytest.mark.parametrize("t", ["1969-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
def test_time_that_is_impossible_too_changes_nothing(cast: Cast, arrived: int, t: str) -> None:
    path = first(cast)
    assert said(cast, path, t=t).json["code"] == "time-impossible"
    assert (len(listed(cast)), restamps.of_person(cast.database, cast.owner, 9)) == (2, [])
    assert said(cast, path, t=arrived).json["stored"] == 1


@pytest.mark.parametrize(
    "body", [{}, {"t": T0, "shift_s": 1}, {"t": "noon"}, {"shift_s": 1.5}, {"shift_s": 10**12}, {"t": T0, "why": 5}]
)
def test_bad_body_is_refused(cast: Cast, arrived: int, body: dict[str, Any]) -> None:
    assert said(cast, first(cast), **body).status_code == 400
    assert len(listed(cast)) == 2


def test_impossible_value_is_no_matter_of_time(cast: Cast) -> None:
    delivery = sent(pressure(T0, {"systolic": 999, "diastolic": 80}), device=CUFF)
    Recorder(cast.database, rules()).record([delivery], T0)
    assert said(cast, first(cast), t=T0).json["code"] == "not-correctable"
    assert said(cast, f"{HELD}/restamp", device=CUFF, shift_s=1).json["restamped"] == 0


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
@pytest.mark.parametrize(("method", "rest"), [("GET", "/restamps"), ("POST", "/restamp"), ("POST", "/{id}/restamp")])
def test_nobody_but_the_owner_gets_anywhere(cast: Cast, arrived: int, who: str, method: str, rest: str) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.doctor, categories=("held",), verbs=("read", "write")))
    path = HELD + rest.replace("{id}", listed(cast)[0]["id"])
    body = {"device": CUFF, "shift_s": 1} if rest == "/restamp" else {"shift_s": 1}
    assert cast.send(getattr(cast, who), method, path, json=body).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"
    assert len(listed(cast)) == 2


def test_stranger_has_no_way_to_it_under_the_own_name(cast: Cast, arrived: int) -> None:
    path = first(cast).replace("{owner}", "me")
    assert cast.send(cast.stranger, "POST", path, json={"t": arrived}).status_code == 404
    body = {"device": CUFF, "shift_s": 1}
    assert cast.send(cast.stranger, "POST", "/v1/people/me/held/restamp", json=body).json["restamped"] == 0
