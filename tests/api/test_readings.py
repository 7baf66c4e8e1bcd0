"""Readings sent over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from phr.api.application import create
from phr.clock import now_ms, rfc3339
from phr.intake import bindings, devices
from phr.intake.device import Binding
from phr.intake.devices import NewDevice
from phr.people import access, people
from tests.cast import T0, Cast

READINGS = "/v1/people/{owner}/readings"
LARGEST = 256 * 1024


def a_weight(**changes: Any) -> dict[str, Any]:
    return {"metric": "weight", "t": T0, "value": 70.5, "unit": "kg"} | changes


def sent(cast: Cast, *items: dict[str, Any], who: str = "", **payload: Any) -> Any:
    body = {"device": "phone", "readings": list(items)} | payload
    return cast.send(who or cast.owner, "POST", READINGS, json={k: v for k, v in body.items() if v is not None})


def counts(answer: Any) -> tuple[int, int, int, int]:
    return tuple(answer.json[name] for name in ("stored", "duplicate", "corrected", "rejected_count"))


def codes(answer: Any) -> list[tuple[str, str]]:
    return [(one["path"], one["code"]) for one in answer.json["rejected"]]


def sources(cast: Cast) -> set[str]:
    return {row["d"] for row in cast.database.sources.find()}


def test_payload_is_answered_with_its_verdict(cast: Cast) -> None:
    answer = sent(cast, a_weight(), a_weight(metric="wait"), id="msg-1")
    assert (answer.status_code, answer.json["id"], counts(answer)) == (200, "msg-1", (1, 0, 0, 1))
    assert codes(answer) == [("/readings/1/metric", "metric-unknown")]
    assert answer.json["server_time"].endswith("Z")


def test_payload_sent_again_changes_nothing(cast: Cast) -> None:
    assert [counts(sent(cast, a_weight())) for _ in range(2)] == [(1, 0, 0, 0), (0, 1, 0, 0)]


def test_another_value_at_the_same_time_is_a_correction(cast: Cast) -> None:
    sent(cast, a_weight())
    assert counts(sent(cast, a_weight(value=71))) == (0, 0, 1, 0)


def test_series_is_taken_too(cast: Cast) -> None:
    series = {"metric": "heart-rate", "start": T0, "period_s": 60, "unit": "/min", "values": [72, None, 74]}
    assert counts(sent(cast, series=[series])) == (2, 0, 0, 0)


def test_high_pressure_raises_a_notice(cast: Cast) -> None:
    value = {"systolic": 190, "diastolic": 95}
    sent(cast, {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"})
    assert cast.database["notices"].count_documents({"person": cast.owner}) == 1


def test_stranger_sends_nothing(cast: Cast) -> None:
    assert sent(cast, a_weight(), who=cast.stranger).status_code == 403
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"
    assert cast.database.readings.count_documents({}) == 0


def test_doctor_who_may_only_read_sends_nothing(cast: Cast) -> None:
    assert sent(cast, a_weight(), who=cast.doctor).status_code == 403


def test_relatives_phone_is_another_source_than_the_owners(cast: Cast) -> None:
    assert counts(sent(cast, a_weight())) == counts(sent(cast, a_weight(value=71), who=cast.relative))
    assert sources(cast) == {"http:app/phone", f"http:app:{cast.relative}/phone"}


def test_token_without_the_scope_is_refused(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, 'readings.read')}"}
    answer = cast.http.post(READINGS.format(owner=cast.owner), json={}, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.phr.readings+json", 200),
        ("text/xml", 415),
        ("application/x-www-form-urlencoded", 415),
    ],
)
def test_content_type_selects_the_format(cast: Cast, content_type: str, status: int) -> None:
    body = b'{"device": "phone", "readings": []}'
    answer = cast.send(cast.owner, "POST", READINGS, data=body, content_type=content_type)
    assert answer.status_code == status
    assert status == 200 or answer.json["code"] == "format-unknown"


def test_other_format_names_its_device_in_the_query(cast: Cast) -> None:
    point = {
        "header": {"id": "p1", "schema_id": {"namespace": "omh", "name": "body-weight", "version": "2.0"}},
        "body": {
            "body_weight": {"value": 70.5, "unit": "kg"},
            "effective_time_frame": {"date_time": "2026-11-23T07:30:00+08:00"},
        },
    }
    kind = {"content_type": "application/vnd.openmhealth+json"}
    assert codes(cast.send(cast.owner, "POST", READINGS, json=point, **kind))[0][1] == "device-missing"
    assert counts(cast.send(cast.owner, "POST", f"{READINGS}?device=scale", json=point, **kind)) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [(b"", None), (b"{", None), (b"[]", None), (b"\xff", None), (b'{"readings": 1}', "/readings")],
)
def test_unreadable_payload_is_a_problem_with_its_place(cast: Cast, body: bytes, pointer: str | None) -> None:
    answer = cast.send(cast.owner, "POST", READINGS, data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "payload-unreadable")
    assert answer.json.get("pointer") == pointer


@pytest.mark.parametrize(("length", "status"), [(LARGEST - 1, 200), (LARGEST, 200), (LARGEST + 1, 413)])
def test_payload_has_a_greatest_size(cast: Cast, length: int, status: int) -> None:
    body = b'{"device":"phone","readings":[]}'.ljust(length)
    answer = cast.send(cast.owner, "POST", READINGS, data=body, content_type="application/json")
    assert answer.status_code == status


def test_database_that_is_down_is_unavailable(cast: Cast) -> None:
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50&replicaSet=x"
    cast.http = create(replace(cast.installation.settings, mongodb_uri=nowhere)).test_client()
    cast.installation = cast.http.application.extensions["phr"]
    answer = sent(cast, a_weight())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    cast.http.application.extensions["phr"].database().client.close()


def test_reading_without_a_device_is_refused_and_its_neighbours_are_not(cast: Cast) -> None:
    answer = sent(cast, a_weight(), a_weight(t=T0 + 1, device="scale"), device=None)
    assert (counts(answer), codes(answer)) == ((1, 0, 0, 1), [("/readings/0/device", "device-missing")])


def test_devices_own_name_goes_before_the_payloads(cast: Cast) -> None:
    sent(cast, a_weight(), a_weight(device="scale"))
    assert sources(cast) == {"http:app/phone", "http:app/scale"}


@pytest.mark.parametrize(
    ("name", "is_taken"),
    [
        ("a", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("A.b_c:d-1", True),
        ("a b", False),
        ("http:app/phone", False),
        ("hand/", False),
        ("a/b/c", False),
    ],
)
def test_device_name_is_a_slug(cast: Cast, name: str, is_taken: bool) -> None:
    answer = sent(cast, a_weight(), device=name)
    assert codes(answer) == ([] if is_taken else [("/device", "device-invalid")])


def test_two_clients_phones_are_two_sources(cast: Cast) -> None:
    for client in ("one", "two"):
        headers = {"Authorization": f"Bearer {cast.token(cast.owner, client_id=client)}"}
        body = {"device": "phone", "readings": [a_weight()]}
        assert cast.http.post("/v1/people/me/readings", json=body, headers=headers).json["stored"] == 1
    assert sources(cast) == {"http:one/phone", "http:two/phone"}


def test_vendors_device_of_the_person_keeps_its_name(cast: Cast) -> None:
    assert counts(sent(cast, a_weight(), device="acme/cuff-1")) == (1, 0, 0, 0)
    assert sources(cast) == {"acme/cuff-1"}


def test_own_device_with_a_vendors_name_is_not_the_vendors(cast: Cast) -> None:
    sent(cast, a_weight(), device="cuff-1")
    assert sources(cast) == {"http:app/cuff-1"}


@pytest.mark.parametrize("name", ["acme/theirs", "acme/nobodys", "acme/unknown"])
def test_vendors_device_that_is_not_the_persons_is_refused(cast: Cast, name: str) -> None:
    drafts = [
        NewDevice(vendor="acme", name="theirs", bindings=(("", cast.stranger),)),
        NewDevice(vendor="acme", name="nobodys"),
    ]
    devices.create_devices(cast.database, drafts, T0)
    assert codes(sent(cast, a_weight(), device=name)) == [("/readings/0", "device-mismatch")]


@pytest.mark.parametrize(("at_ms", "is_taken"), [(T0 - 1, False), (T0, True), (T0 + 999, True), (T0 + 1000, False)])
def test_binding_at_the_time_of_measurement_counts(cast: Cast, at_ms: int, is_taken: bool) -> None:
    devices.create_device(cast.database, NewDevice(vendor="acme", name="lent"), T0)
    bindings.bind(cast.database, "acme/lent", Binding("", cast.owner, T0, T0 + 1000))
    assert counts(sent(cast, a_weight(t=at_ms), device="acme/lent"))[0] == is_taken


@pytest.mark.parametrize(("ahead_ms", "held"), [(9 * 60_000, 0), (11 * 60_000, 1)])
def test_reading_from_the_future_is_held(cast: Cast, ahead_ms: int, held: int) -> None:
    assert sent(cast, a_weight(t=now_ms() + ahead_ms)).json["held"] == held


def test_nothing_is_taken_after_consent_is_withdrawn(cast: Cast) -> None:
    people.set_consent(cast.database, cast.owner, is_withdrawn=True)
    answer = sent(cast, a_weight(), a_weight(id="h1"))
    assert [code for _, code in codes(answer)] == ["consent-withdrawn"] * 2
    assert cast.database["entered"].count_documents({}) == 0


def test_two_readings_entered_for_the_same_instant_are_two(cast: Cast) -> None:
    assert counts(sent(cast, a_weight(id="h1"), a_weight(id="h2"))) == (2, 0, 0, 0)
    assert sources(cast) == {"hand"}


def test_reading_entered_by_hand_needs_no_device(cast: Cast) -> None:
    assert counts(sent(cast, a_weight(id="h1"), device=None)) == (1, 0, 0, 0)


def test_same_entered_reading_is_a_duplicate_whatever_sends_it(cast: Cast) -> None:
    sent(cast, a_weight(id="h1"))
    answer = sent(cast, a_weight(id="h1"), device="tablet", who=cast.relative)
    assert counts(answer) == (0, 1, 0, 0)


def test_edit_of_an_id_is_a_correction(cast: Cast) -> None:
    sent(cast, a_weight(id="h1"), a_weight(id="h2"))
    answer = sent(cast, a_weight(id="h1", value=71), a_weight(id="h2"))
    assert counts(answer) == (0, 1, 1, 0)


@pytest.mark.parametrize("change", [{"t": T0 + 1}, {"metric": "body-temperature", "value": 36.5, "unit": "Cel"}])
def test_id_does_not_become_another_reading(cast: Cast, change: dict[str, Any]) -> None:
    sent(cast, a_weight(id="h1"))
    answer = sent(cast, a_weight(id="h1", **change), a_weight(id="h2"))
    assert (counts(answer), codes(answer)) == ((1, 0, 0, 1), [("/readings/0/id", "id-taken")])


def test_same_id_of_two_people_is_two_readings(cast: Cast) -> None:
    sent(cast, a_weight(id="h1"))
    body = {"readings": [a_weight(id="h1", t=T0 + 1)]}
    assert counts(cast.send(cast.stranger, "POST", "/v1/people/me/readings", json=body)) == (1, 0, 0, 0)


def test_entered_reading_that_was_held_can_be_entered_again_at_its_right_time(cast: Cast) -> None:
    assert sent(cast, a_weight(id="h1", t=rfc3339(T0 + 10**11))).json["held"] == 1
    assert counts(sent(cast, a_weight(id="h1"))) == (1, 0, 0, 0)


def test_vendors_reading_with_an_id_is_still_the_devices(cast: Cast) -> None:
    sent(cast, a_weight(id="h1"), device="acme/cuff-1")
    assert counts(sent(cast, a_weight(id="h2"), device="acme/cuff-1")) == (0, 1, 0, 0)


def test_each_thread_has_a_recorder_of_its_own(cast: Cast) -> None:
    made = cast.installation
    with ThreadPoolExecutor(1) as pool:
        theirs = [pool.submit(made.recorder).result() for _ in range(2)]
    assert theirs[0] is theirs[1] is not made.recorder()
    assert made.recorder() is made.recorder()


def test_same_payload_sent_twice_at_once_is_stored_once(cast: Cast) -> None:
    def send_one(_number: int) -> tuple[int, int, int, int]:
        items = [a_weight(id=f"h{n}") for n in range(20)] + [a_weight(t=T0 + n) for n in range(20)]
        body = {"device": "phone", "readings": items}
        headers = {"Authorization": f"Bearer {cast.token(cast.owner)}"}
        return counts(cast.http.application.test_client().post("/v1/people/me/readings", json=body, headers=headers))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send_one, range(4)))
    assert [sum(column) for column in zip(*answers, strict=True)] == [40, 120, 0, 0]
