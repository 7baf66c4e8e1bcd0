"""The history of a reading over HTTP."""

from typing import Any

import pytest

from tests.cast import T0, Cast

DEVICE = "http:app/phone"
HISTORY = "/v1/people/{owner}/readings/history"


def sent(cast: Cast, value: Any, sent_at: int = T0, metric: str = "weight", **item: Any) -> dict[str, Any]:
    reading = {"metric": metric, "t": "2026-11-23T07:30:00+08:00", "value": value} | item
    body = {"device": "phone", "sent_at": sent_at, "readings": [reading]}
    return dict(cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body).json)


def history(cast: Cast, who: str = "", metric: str = "weight", **changes: Any) -> Any:
    query = {"metric": metric, "device": DEVICE, "t": T0} | changes
    return cast.send(who or cast.owner, "GET", HISTORY, query_string=query)


def voided(cast: Cast, what: str) -> None:
    body = {"metric": "weight", "device": DEVICE, "reason": "a guest", "keys": [{"t": T0}]}
    assert cast.send(cast.owner, "POST", f"/v1/people/{{owner}}/readings/{what}", json=body).json["changed"] == 1


def test_correction_shows_what_was_and_where_it_came_from(cast: Cast) -> None:
    sent(cast, 70, unit="kg")
    assert sent(cast, 71, T0 + 60_000, unit="kg")["corrected"] == 1
    found = history(cast).json
    assert (found["metric"], found["unit"], found["device"], found["seq"]) == ("weight", "kg", DEVICE, 0)
    latest, first = found["changes"]
    assert (latest["action"], latest["before"]["value"], latest["after"]["value"]) == ("corrected", 70, 71)
    assert latest["source"] == {"device": DEVICE, "origin": first["source"]["origin"]}
    assert (first["action"], first["before"], first["after"]["value"]) == ("recorded", None, 70)
    assert first["after"]["t"] == "2026-11-23T07:30:00+08:00"


def test_unit_as_sent_stands_beside_the_canonical_number(cast: Cast) -> None:
    sent(cast, 140, unit="斤")
    (first,) = history(cast).json["changes"]
    assert (first["after"]["value"], first["after"]["unit_as_sent"]) == (70, "{jin}")


def test_voiding_and_restoring_say_who_and_why(cast: Cast) -> None:
    sent(cast, 70, unit="kg")
    voided(cast, "void")
    voided(cast, "restore")
    restored, void, first = history(cast).json["changes"]
    assert [one["action"] for one in (restored, void, first)] == ["restored", "voided", "recorded"]
    assert void["source"] == {"by": cast.owner, "reason": "a guest"}
    assert (void["before"]["value"], void["after"]) == (70, None)
    assert (restored["before"], restored["after"]["value"]) == (None, 70)


def test_components_and_context_are_shown(cast: Cast) -> None:
    pressure = {"systolic": 128, "diastolic": 82}
    sent(cast, pressure, metric="blood-pressure", unit="mm[Hg]", context={"posture": "sitting"})
    (first,) = history(cast, metric="blood-pressure").json["changes"]
    assert first["after"]["components"] == pressure
    assert first["after"]["context"] == {"posture": "sitting"}


@pytest.mark.parametrize("changes", [{"t": T0 + 1}, {"device": "http:app/watch"}, {"seq": 1}, {"metric": "height"}])
def test_reading_that_never_was_is_not_found(cast: Cast, changes: dict[str, Any]) -> None:
    sent(cast, 70, unit="kg")
    assert history(cast, **changes).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [({"metric": "weather"}, "/metric"), ({"t": "noon"}, "/t"), ({"seq": -1}, "/seq"), ({"device": ""}, "/device")],
)
def test_bad_query_is_pointed_at(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = history(cast, **changes)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


def test_stranger_gets_nowhere(cast: Cast) -> None:
    sent(cast, 70, unit="kg")
    assert history(cast, cast.stranger).status_code == 403


def test_another_persons_reading_is_not_found_in_ones_own_record(cast: Cast) -> None:
    sent(cast, 70, unit="kg")
    query = {"metric": "weight", "device": DEVICE, "t": T0}
    assert cast.send(cast.stranger, "GET", "/v1/people/me/readings/history", query_string=query).status_code == 404
