"""Readings that somebody else took are taken out, given back, moved."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.clock import now_ms
from phr.people import grants, people
from tests.api.test_devices import series
from tests.cast import T0, Cast, a_grant
from tests.recording.builders import HIGH

ITEM = {"metric": "blood-pressure", "value": HIGH, "unit": "mm[Hg]", "device": "acme/cuff-1"}


def asked(cast: Cast, what: str, t: int, who: str = "", **changes: Any) -> TestResponse:
    body = {"metric": "blood-pressure", "device": "acme/cuff-1", "reason": "a guest", "keys": [{"t": t}]} | changes
    body = {name: value for name, value in body.items() if value is not None}
    return cast.send(who or cast.owner, "POST", f"/v1/people/{{owner}}/readings/{what}", json=body)


def sent(cast: Cast, t: int) -> dict[str, Any]:
    answer = cast.send(cast.owner, "POST", "/v1/people/me/readings", json={"readings": [ITEM | {"t": t}]}).json
    return dict(answer)


def states(cast: Cast) -> list[str]:
    return [row["state"] for row in cast.database["notices"].find(sort=[("person", 1)])]


def test_voided_reading_and_its_alert_are_out_and_come_back(cast: Cast) -> None:
    sent(cast, t := now_ms())
    assert asked(cast, "void", t).json == {"readings": 1, "changed": 1}
    assert (series(cast, cast.owner), states(cast), sent(cast, t)["duplicate"]) == ([], ["withdrawn"], 1)
    assert (series(cast, cast.owner), states(cast)) == ([], ["withdrawn"])
    assert asked(cast, "restore", t).json == {"readings": 1, "changed": 1}
    assert (series(cast, cast.owner), states(cast)) == ([182], ["pending"])


def test_range_is_voided(cast: Cast) -> None:
    sent(cast, T0)
    sent(cast, T0 + 1000)
    answer = asked(cast, "void", T0, keys=None, **{"from": T0, "to": T0 + 1000})
    assert (answer.json["changed"], len(series(cast, cast.owner))) == (1, 1)


def test_moved_reading_stands_with_whose_it_is_and_can_go_back(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.relative, cast.owner, verbs=("write",)))
    sent(cast, T0)
    assert asked(cast, "move", T0, person=cast.relative).json["changed"] == 1
    assert (series(cast, cast.owner), series(cast, cast.relative)) == ([], [182])
    back = {"metric": "blood-pressure", "device": "acme/cuff-1", "reason": "mistake", "keys": [{"t": T0}]}
    cast.send(cast.relative, "POST", "/v1/people/me/readings/move", json=back | {"person": cast.owner})
    assert (series(cast, cast.owner), series(cast, cast.relative)) == ([182], [])


def test_nothing_is_moved_into_a_record_that_one_may_not_write(cast: Cast) -> None:
    sent(cast, T0)
    assert asked(cast, "move", T0, person=cast.relative).status_code == 403
    assert series(cast, cast.owner) == [182]


def test_who_may_write_and_not_read_does_not_see_by_moving(cast: Cast) -> None:
    sent(cast, T0)
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, verbs=("write",)))
    assert asked(cast, "move", T0, cast.stranger, person=cast.stranger).status_code == 403
    assert series(cast, cast.stranger) == []


def test_record_that_does_not_take_it_leaves_it_where_it_was(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.relative, cast.owner, verbs=("write",)))
    people.set_consent(cast.database, cast.relative, is_withdrawn=True)
    sent(cast, T0)
    assert asked(cast, "move", T0, person=cast.relative).json["code"] == "not-movable"
    assert series(cast, cast.owner) == [182]


@pytest.mark.parametrize("what", ["void", "restore", "move"])
def test_stranger_and_reader_change_nothing(cast: Cast, what: str) -> None:
    sent(cast, T0)
    for who in (cast.stranger, cast.doctor):
        assert asked(cast, what, T0, who, person=who if what == "move" else None).status_code == 403
    assert series(cast, cast.owner) == [182]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reason": ""}, "/reason"),
        ({"metric": "none"}, "/metric"),
        ({"keys": None}, "/keys"),
        ({"keys": []}, "/keys"),
        ({"keys": None, "from": 5, "to": 5}, "/to"),
        ({"keys": None, "from": 0, "to": 366 * 86_400_000 + 1}, "/to"),
    ],
)
def test_what_is_wrong_is_pointed_at(cast: Cast, changes: dict[str, Any], pointer: str) -> None:
    answer = asked(cast, "void", T0, **changes)
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize("length", [1, 366 * 86_400_000])
def test_range_at_its_bounds_is_taken(cast: Cast, length: int) -> None:
    assert asked(cast, "void", T0, keys=None, **{"from": 0, "to": length}).status_code == 200
