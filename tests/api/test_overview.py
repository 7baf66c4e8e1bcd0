"""The overview over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from phr.clock import now_ms, rfc3339, to_datetime
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.people import access, grants
from tests.cast import T0, Cast, a_clinic, a_grant

OVERVIEW = "/v1/people/{owner}/overview"
READINGS = "/v1/people/{owner}/readings"
HOUR_MS = 3_600_000


def sent(cast: Cast, *items: dict[str, Any], device: str = "phone") -> None:
    answer = cast.send(cast.owner, "POST", READINGS, json={"device": device, "readings": list(items)})
    assert answer.json["stored"] == len(items)


def shown(cast: Cast, who: str = "") -> Any:
    return cast.send(who or cast.owner, "GET", OVERVIEW)


def a_pressure(systolic: int, **changes: Any) -> dict[str, Any]:
    value = {"systolic": systolic, "diastolic": 85}
    return {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"} | changes


def latest_of(cast: Cast, item: dict[str, Any]) -> dict[str, Any]:
    sent(cast, item)
    (one,) = shown(cast).json["latest"]
    return one


def test_person_without_anything_has_an_empty_overview(cast: Cast) -> None:
    assert shown(cast).json == {"latest": [], "attention": [], "due": []}


def test_latest_is_by_time_of_measurement_over_all_sources(cast: Cast) -> None:
    sent(cast, {"metric": "weight", "t": T0, "value": 70.5, "unit": "kg"}, device="scale")
    sent(cast, {"metric": "weight", "t": T0 - HOUR_MS, "value": 71, "unit": "kg"})
    (one,) = shown(cast).json["latest"]
    assert (one["value"], one["unit"], one["device"], one["zh"]) == (70.5, "kg", "http:app/scale", "体重")


def test_time_is_written_as_it_was_told_and_has_an_age(cast: Cast) -> None:
    t = now_ms() - HOUR_MS
    one = latest_of(cast, {"metric": "weight", "t": rfc3339(t, 480), "value": 70, "unit": "kg"})
    assert one["t"] == rfc3339(t, 480)
    assert 3600 <= one["age_s"] < 3700


def test_reading_just_ahead_has_no_negative_age(cast: Cast) -> None:
    assert latest_of(cast, {"metric": "weight", "t": now_ms() + 60_000, "value": 70, "unit": "kg"})["age_s"] == 0


def test_components_are_shown_in_the_canonical_unit(cast: Cast) -> None:
    one = latest_of(cast, a_pressure(16, value={"systolic": 16, "diastolic": 10.6}, unit="kPa"))
    assert one["unit"] == "mm[Hg]"
    assert one["components"]["systolic"] == pytest.approx(120.0, abs=0.1)


def test_sensors_low_keeps_its_flag(cast: Cast) -> None:
    item = {"metric": "glucose-interstitial", "t": T0, "value": 2.2, "unit": "mmol/L", "flag": "below-range"}
    assert latest_of(cast, item)["flag"] == "below-range"


def test_period_has_its_end(cast: Cast) -> None:
    one = latest_of(cast, {"metric": "steps", "t": T0, "end": T0 + HOUR_MS, "value": 500})
    assert (one["end"], one["value"]) == (rfc3339(T0 + HOUR_MS), 500)


def test_waveform_is_shown_without_its_samples(cast: Cast) -> None:
    value = {"values": [0.1, 0.2], "period_ms": 4}
    one = latest_of(cast, {"metric": "ecg-strip", "t": T0, "value": value, "unit": "mV"})
    assert one["value"] == {"period_us": 4000}


def test_what_a_rule_found_needs_attention_newest_first(cast: Cast) -> None:
    sent(cast, a_pressure(190, t=now_ms() - HOUR_MS))
    sent(cast, a_pressure(195))
    first, second = shown(cast).json["attention"]
    assert first["raised_at"] >= second["raised_at"]
    assert first["measured_at"] > second["measured_at"]
    assert {"195" in first["message"]["zh"], "195" in first["message"]["en"]} == {True}
    assert (first["metric"], first["severity"] >= 3, first["reviewed"], bool(first["source"])) == (
        ("blood-pressure", True, False, True)
    )


@pytest.mark.parametrize(("pending", "listed"), [(49, 49), (50, 50), (51, 50)])
def test_attention_lists_so_many(cast: Cast, pending: int, listed: int) -> None:
    tellings = [Telling(f"k{number}", cast.owner, "support-used", "有人", "somebody") for number in range(pending)]
    outbox.tell_many(cast.database, tellings, T0)
    assert len(shown(cast).json["attention"]) == listed


@pytest.mark.parametrize(("who", "count"), [("owner", 1), ("relative", 0), ("doctor", 0)])
def test_notice_that_no_reading_raised_is_the_owners_alone(cast: Cast, who: str, count: int) -> None:
    outbox.tell(cast.database, Telling("k1", cast.owner, "support-used", "有人", "somebody"), T0)
    assert len(shown(cast, getattr(cast, who)).json["attention"]) == count


def test_stranger_gets_nowhere(cast: Cast) -> None:
    assert shown(cast, cast.stranger).status_code == 403
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.outcome, line.about, line.categories) == ("refused", "GET overview", ("readings",))


@pytest.mark.parametrize("who", ["relative", "doctor"])
def test_who_may_see_readings_sees_it(cast: Cast, who: str) -> None:
    sent(cast, a_pressure(190))
    found = shown(cast, getattr(cast, who)).json
    assert [len(found["latest"]), len(found["attention"])] == [1, 1]


def test_scope_of_readings_alone_is_not_enough(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, 'readings.read')}"}
    assert cast.http.get("/v1/people/me/overview", headers=headers).json["code"] == "scope-missing"


def test_what_is_due_is_for_who_may_see_what_it_is_about(cast: Cast) -> None:
    body = {
        "kind": "medication",
        "text": "降压药",
        "rrule": "FREQ=DAILY",
        "times": ["23:59"],
        "starts_on": "2026-01-01",
    }
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/reminders", json=body).status_code == 201
    due = shown(cast).json["due"]
    assert {one["of"] for one in due} == {"reminder"}
    assert all(one["at"].endswith("T23:59") for one in due)
    assert due
    assert shown(cast, cast.doctor).json["due"] == []  # who may see readings alone
    token = cast.token(cast.owner, "overview.read")
    answer = cast.http.get(f"/v1/people/{cast.owner}/overview", headers={"Authorization": f"Bearer {token}"})
    assert answer.json
    assert answer.json["due"] == []  # a token that does not reach to care and medicines


def test_visit_of_the_next_week_is_due(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, "doctor")
    grants.create(cast.database, a_grant(cast.owner, doctor, kind="family-doctor", verbs=("read", "write")))
    today = to_datetime(now_ms(), 480).date()
    body = {"programme": "hypertension", "starts_on": today.isoformat(), "next_on": (today + timedelta(3)).isoformat()}
    assert cast.send(doctor, "POST", "/v1/people/{owner}/plans", json=body).status_code == 201
    (visit,) = [one for one in shown(cast).json["due"] if one["of"] == "visit"]
    assert visit["due_on"] <= (today + timedelta(3)).isoformat()
    assert visit["words"]["en"]


def test_value_comes_with_its_meaning_for_who_may_see_what_rules_ask_of_a_person(cast: Cast) -> None:
    sent(cast, a_pressure(192))
    (one,) = shown(cast).json["latest"]
    assert one["meaning"]["crossed"]
    assert one["meaning"]["source"]
    assert "192" in one["meaning"]["words"]["zh"]
    assert one["meaning"]["reviewed"] is False
    (theirs,) = shown(cast, cast.doctor).json["latest"]  # who may see readings alone
    assert "meaning" not in theirs
