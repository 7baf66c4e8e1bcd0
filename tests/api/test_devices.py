"""A device is claimed with its code and a reading of just now; what was before is not given along."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.care.rules import rules
from phr.clock import now_ms
from phr.database import Database
from phr.errors import NotFound, TooManyTries
from phr.intake import claims, devices
from phr.intake.claims import FRESH_MS, MOST_TRIES, TRIES_MS, Claim, ReadingMissing
from phr.intake.devices import NewDevice
from phr.recording import Recorder
from tests.cast import T0, Cast
from tests.recording.builders import pressure, sent

BOX = "acme/box-1"
NO_SUCH = "no such device, or this is not its code"


@pytest.fixture
def code(cast: Cast) -> str:
    return devices.create_device(cast.database, NewDevice(vendor="acme", name="box-1"), T0).claim_code


def measured(database: Database, t_ms: int, arrived_at_ms: int | None = None, **changes: Any) -> None:
    arrived = t_ms if arrived_at_ms is None else arrived_at_ms
    Recorder(database, rules()).record([sent(pressure(t_ms, **changes), device=BOX, arrived_at_ms=arrived)], arrived)


def claimed(cast: Cast, who: str, code: str, device: str = BOX, **more: Any) -> TestResponse:
    return cast.send(who, "POST", "/v1/devices/claim", json={"device": device, "code": code} | more)


def series(cast: Cast, who: str) -> list[Any]:
    answer = cast.send(who, "GET", "/v1/people/me/series/blood-pressure?resolution=raw&from=0&to=4102444800000")
    return list(answer.json["columns"]["systolic"])


def test_claim_binds_from_the_fresh_reading_on_and_gives_it(cast: Cast, code: str) -> None:
    now = now_ms()
    measured(cast.database, now - 60_000)
    answer = claimed(cast, cast.stranger, code)
    assert (answer.status_code, answer.json["slot"], answer.json["stored"]) == (201, "", 1)
    assert series(cast, cast.stranger) == [122]
    assert devices.find(cast.database, BOX).owner_at("", now - 60_000) == cast.stranger  # type: ignore[union-attr]


def test_what_was_measured_before_is_not_the_claimants(cast: Cast, code: str) -> None:
    now = now_ms()
    measured(cast.database, now - 120_000, value={"systolic": 150, "diastolic": 90})
    measured(cast.database, now - 60_000)
    answer = claimed(cast, cast.stranger, code)
    assert (series(cast, cast.stranger), "150" in answer.text) == ([122], False)
    assert devices.find(cast.database, BOX).owner_at("", now - 60_001) is None  # type: ignore[union-attr]


def test_readings_after_the_claim_are_the_claimants(cast: Cast, code: str) -> None:
    now = now_ms()
    measured(cast.database, now - 60_000)
    claimed(cast, cast.stranger, code)
    measured(cast.database, now)
    assert len(series(cast, cast.stranger)) == 2


def test_slot_of_the_fresh_reading_is_bound(cast: Cast, code: str) -> None:
    measured(cast.database, now_ms() - 1000, slot="B")
    assert claimed(cast, cast.stranger, code, slot="A").json["code"] == "reading-missing"
    assert claimed(cast, cast.stranger, code).json["slot"] == "B"


@pytest.mark.parametrize("late_ms", [FRESH_MS - 1, FRESH_MS, FRESH_MS + 1])
@pytest.mark.parametrize("is_late_by_arrival", [False, True])
def test_reading_is_fresh_for_five_minutes(cast: Cast, code: str, late_ms: int, is_late_by_arrival: bool) -> None:
    now = now_ms()
    measured(cast.database, now if is_late_by_arrival else now - late_ms, now - late_ms if is_late_by_arrival else now)
    wish = Claim(BOX, code, cast.stranger, None)
    if late_ms > FRESH_MS:
        with pytest.raises(ReadingMissing):
            claims.claim(cast.database, wish, now)
    else:
        assert claims.claim(cast.database, wish, now).slot == ""


def test_code_without_a_reading_is_not_used_up(cast: Cast, code: str) -> None:
    answers = [claimed(cast, cast.stranger, code).json["code"] for _ in range(MOST_TRIES + 1)]
    assert set(answers) == {"reading-missing"}
    measured(cast.database, now_ms())
    assert claimed(cast, cast.stranger, code).status_code == 201


def test_wrong_code_and_unknown_device_are_answered_alike(cast: Cast, code: str) -> None:
    measured(cast.database, now_ms())
    wrong, unknown = claimed(cast, cast.stranger, "X"), claimed(cast, cast.stranger, code, "acme/none")
    assert (wrong.status_code, wrong.json) == (404, unknown.json)


def test_code_serves_once(cast: Cast, code: str) -> None:
    measured(cast.database, now_ms())
    claimed(cast, cast.stranger, code)
    assert claimed(cast, cast.relative, code).json["detail"] == NO_SUCH


def test_claim_that_was_interrupted_is_sent_again(cast: Cast, code: str) -> None:
    now = now_ms()
    measured(cast.database, now)
    claims.claim(cast.database, Claim(BOX, code, cast.stranger, None), now)  # and nothing was recorded
    assert [claimed(cast, cast.stranger, code).status_code for _ in range(2)] == [201, 201]
    assert series(cast, cast.stranger) == [122]


def test_sixth_wrong_code_waits(cast: Cast, code: str) -> None:
    answers = [claimed(cast, cast.stranger, "X") for _ in range(MOST_TRIES + 1)]
    assert [one.status_code for one in answers] == [404] * MOST_TRIES + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= TRIES_MS // 1000
    assert claimed(cast, cast.stranger, code).status_code == 429


def test_device_is_guarded_against_many_callers(cast: Cast, code: str) -> None:
    for number in range(MOST_TRIES):
        with pytest.raises(NotFound):
            claims.claim(cast.database, Claim(BOX, "X", f"p{number}", None), T0)
    with pytest.raises(TooManyTries):
        claims.claim(cast.database, Claim(BOX, code, cast.stranger, None), T0)


@pytest.mark.parametrize(("later_ms", "error"), [(TRIES_MS - 1, TooManyTries), (TRIES_MS, NotFound)])
def test_tries_are_forgotten_after_a_quarter_of_an_hour(cast: Cast, later_ms: int, error: type[Exception]) -> None:
    for _ in range(MOST_TRIES):
        with pytest.raises(NotFound):
            claims.claim(cast.database, Claim(BOX, "X", "p", None), T0)
    with pytest.raises(error):
        claims.claim(cast.database, Claim(BOX, "X", "p", None), T0 + later_ms)


def test_device_is_handed_on_with_a_new_code_and_old_readings_stay(cast: Cast, code: str) -> None:
    measured(cast.database, now_ms() - 2000)
    claimed(cast, cast.stranger, code)
    new = cast.send(cast.stranger, "DELETE", f"/v1/people/me/devices/{BOX}").json["claim_code"]
    measured(cast.database, now_ms(), value={"systolic": 131, "diastolic": 80})
    assert claimed(cast, cast.relative, new).status_code == 201
    assert (series(cast, cast.stranger), series(cast, cast.relative)) == ([122], [131])


def test_nobody_gives_up_anothers_device(cast: Cast) -> None:
    for who in (cast.stranger, cast.relative):
        assert cast.send(who, "DELETE", "/v1/people/me/devices/acme/cuff-1").status_code == 404
        assert cast.send(who, "DELETE", "/v1/people/{owner}/devices/acme/cuff-1").status_code == 403


def test_devices_are_listed_for_their_owner(cast: Cast) -> None:
    (one,) = cast.send(cast.owner, "GET", "/v1/people/me/devices").json["devices"]
    slots = [{"slot": "", "since": None, "until": None}]
    assert one == {"device": "acme/cuff-1", "state": "bound", "slots": slots, "taken_slots": []}
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/devices").status_code == 403


@pytest.mark.parametrize("device", ["", "acme", "acme/a/b", "Acme/x", "acme/" + "x" * 65])
def test_what_is_no_device_is_pointed_at(cast: Cast, device: str) -> None:
    answer = claimed(cast, cast.stranger, "X", device)
    assert (answer.status_code, answer.json["pointer"]) == (400, "/device")
