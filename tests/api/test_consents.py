"""Consents to processing: each on its own, and what stops when one is withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from phr import recording
from phr.care.rules import rules
from phr.clock import DAY_MS, now_ms, to_datetime
from phr.people import grants, people, processing
from phr.people.granting import Consent
from phr.people.people import Change
from tests.cast import Cast, a_grant
from tests.recording.builders import pressure, sent

CONSENTS = "/v1/people/{owner}/consents"
TEXT = {"text": {"version": 1, "language": "zh"}}
GIVEN = {"consent": True, **TEXT}
WITHDRAWN = {"consent": False}


def decide(cast: Cast, topic: str, body: dict[str, Any], who: str = "") -> Any:
    return cast.send(who or cast.owner, "PUT", f"{CONSENTS}/{topic}", json=body)


def upload(cast: Cast, device: str = "acme/cuff-1", systolic: int = 128) -> Any:
    value = {"systolic": systolic, "diastolic": 80}
    item = {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]", "device": device}
    return cast.send(cast.owner, "POST", "/v1/people/me/readings", json={"readings": [item]}).json


def a_pressure() -> recording.Delivery:
    now = now_ms()
    return sent(pressure(now), arrived_at_ms=now)


def states(cast: Cast) -> dict[str, str]:
    listed = cast.send(cast.owner, "GET", CONSENTS).json["consents"]
    return {one["topic"]: one["state"] for one in listed}


def test_each_topic_is_decided_on_its_own(cast: Cast) -> None:
    assert set(states(cast).values()) == {"unasked"}
    decide(cast, "research", WITHDRAWN)
    decide(cast, "vendor:acme", GIVEN)
    decide(cast, "vendor:acme", WITHDRAWN)
    decide(cast, "store", GIVEN)
    assert states(cast) == {
        "store": "given",
        "automated-evaluation": "unasked",
        "research": "refused",
        "vendor:acme": "withdrawn",
    }


def test_every_decision_is_kept_with_the_text_that_was_seen(cast: Cast) -> None:
    for body in (GIVEN, WITHDRAWN, GIVEN):
        decide(cast, "research", body)
    shown = cast.send(cast.owner, "GET", f"{CONSENTS}/research").json["decisions"]
    assert [(one["state"], one["text"] is not None) for one in shown] == [
        ("given", True),
        ("withdrawn", False),
        ("given", True),
    ]


@pytest.mark.parametrize("topic", ["store", "vendor:acme"])
def test_after_a_withdrawal_new_readings_are_refused_until_consent_is_given_again(cast: Cast, topic: str) -> None:
    decide(cast, topic, WITHDRAWN)
    assert [one["code"] for one in upload(cast)["rejected"]] == ["consent-withdrawn"]
    decide(cast, topic, GIVEN)
    assert upload(cast)["stored"] == 1


@pytest.mark.parametrize("topic", ["store", "vendor:acme"])
def test_a_worker_hears_of_a_withdrawal_with_the_next_batch(cast: Cast, topic: str) -> None:
    recorder = recording.Recorder(cast.database, rules())
    assert recorder.record([a_pressure()], now_ms())[0].stored == 1
    decide(cast, topic, WITHDRAWN)
    (verdict,) = recorder.record([a_pressure()], now_ms())
    assert [one.code for one in verdict.rejected] == ["consent-withdrawn"]


def test_another_vendors_readings_are_taken_in_still(cast: Cast) -> None:
    decide(cast, "vendor:acme", WITHDRAWN)
    assert upload(cast, device="phone")["stored"] == 1


def test_without_consent_to_evaluation_readings_are_stored_and_nobody_is_alarmed(cast: Cast) -> None:
    overview = "/v1/people/{owner}/overview"
    decide(cast, "automated-evaluation", WITHDRAWN)
    assert upload(cast, systolic=185)["stored"] == 1
    assert cast.send(cast.owner, "GET", overview).json["attention"] == []
    decide(cast, "automated-evaluation", GIVEN)
    assert upload(cast, systolic=186)["stored"] == 1
    assert len(cast.send(cast.owner, "GET", overview).json["attention"]) == 1


@pytest.mark.parametrize(("stored", "relatives"), [("keep", 200), ("lock", 403), (None, 403)])
def test_what_is_stored_is_locked_if_the_person_does_not_say_otherwise(
    cast: Cast, stored: str | None, relatives: int
) -> None:
    decide(cast, "store", WITHDRAWN | ({"stored": stored} if stored else {}))
    timeline = "/v1/people/{owner}/timeline"
    assert cast.send(cast.owner, "GET", timeline).status_code == 200
    assert cast.send(cast.relative, "GET", timeline).status_code == relatives
    decide(cast, "store", GIVEN)
    assert cast.send(cast.relative, "GET", timeline).status_code == 200


def test_what_is_stored_is_erased_if_the_person_wants_it(cast: Cast) -> None:
    answer = decide(cast, "store", WITHDRAWN | {"stored": "erase"}).json
    assert (answer["state"], "due_at" in answer["erasure"]) == ("refused", True)
    assert cast.send(cast.owner, "GET", "/v1/people/{owner}/erasure").status_code == 200


def test_a_proxy_withdraws_for_the_owner_and_erases_nothing(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="proxy", verbs=("read", "write")))
    assert decide(cast, "store", WITHDRAWN | {"stored": "erase"}, cast.stranger).status_code == 403
    assert states(cast)["store"] == "unasked"
    assert decide(cast, "store", WITHDRAWN, cast.stranger).status_code == 200
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/timeline").status_code == 200


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
def test_others_decide_nothing(cast: Cast, who: str) -> None:
    for method, path in (("GET", CONSENTS), ("PUT", f"{CONSENTS}/research")):
        assert cast.send(getattr(cast, who), method, path, json=WITHDRAWN).status_code == 403


@pytest.mark.parametrize(
    ("topic", "body", "status", "pointer"),
    [
        ("research", {"consent": True}, 400, "/text"),
        ("research", {"consent": "yes", **TEXT}, 400, "/consent"),
        ("store", GIVEN | {"stored": "lock"}, 400, "/stored"),
        ("store", WITHDRAWN | {"stored": "burn"}, 400, "/stored"),
        ("marketing", WITHDRAWN, 404, None),
        ("vendor:ACME/1", WITHDRAWN, 404, None),
    ],
)
def test_bad_decisions_are_refused(cast: Cast, topic: str, body: dict[str, Any], status: int, pointer: str) -> None:
    answer = decide(cast, topic, body)
    assert (answer.status_code, answer.json.get("pointer")) == (status, pointer)


def test_who_has_come_to_be_14_is_asked_anew_and_what_their_guardian_decided_holds_until_then(cast: Cast) -> None:
    now = now_ms()
    born = (to_datetime(now) - timedelta(days=14 * 366)).date()
    people.patch(cast.database, cast.owner, Change(fields={"birth_on": born}))
    for topic in ("store", "automated-evaluation", "research"):
        before_ms = now - 400 * DAY_MS
        processing.give(cast.database, cast.owner, topic, Consent(cast.relative, 1, "zh"), before_ms)
    processing.refuse(cast.database, cast.owner, "vendor:acme", cast.relative, now - 400 * DAY_MS)
    assert asked_anew(cast) == {"store", "automated-evaluation", "research", "vendor:acme"}
    assert upload(cast)["rejected"][0]["code"] == "consent-withdrawn"  # of the vendor
    assert upload(cast, "cuff")["stored"] == 1
    assert decide(cast, "research", WITHDRAWN).status_code == 200
    assert decide(cast, "store", GIVEN).status_code == 200
    assert asked_anew(cast) == {"automated-evaluation", "vendor:acme"}


def asked_anew(cast: Cast) -> set[str]:
    listed: Any = cast.send(cast.owner, "GET", CONSENTS).json
    return {one["topic"] for one in listed["consents"] if one["asked_anew"]}
