"""What a vendor sees."""

from typing import Any

import pytest

from phr.intake import devices, rejections
from phr.intake.device_clock import Period
from phr.intake.devices import NewDevice
from phr.intake.rejections import RejectedPayload
from phr.intake.sightings import Sightings
from phr.vocabulary.reading import Rejection
from tests.cast import T0, Cast


def asked(cast: Cast, path: str, vendor: str = "acme") -> Any:
    return cast.http.get(path, headers={"Authorization": f"Bearer {cast.vendor_token(vendor)}"})


def rejected(cast: Cast, vendor: str, payload: bytes) -> None:
    why = (Rejection("/readings/0", "metric-unknown", "?"),)
    one = RejectedPayload(vendor, f"{vendor}/cuff-1", f"phr/v1/{vendor}/cuff-1/readings", payload, why, T0)
    rejections.reject(cast.database, [one])


def test_vendor_sees_its_rejections_and_no_others(cast: Cast) -> None:
    rejected(cast, "acme", b"mine")
    rejected(cast, "other", b"theirs")
    rows = asked(cast, "/v1/vendor/rejections").json["rejections"]
    assert [(row["payload_base64"], row["rejected"][0]["code"]) for row in rows] == [("bWluZQ==", "metric-unknown")]


def test_vendor_does_not_see_whose_a_device_is(cast: Cast) -> None:
    answer = asked(cast, "/v1/vendor/devices")
    assert answer.json["devices"][0]["is_bound"] is True
    assert cast.owner not in answer.text


def test_devices_come_in_pages(cast: Cast) -> None:
    drafts = [NewDevice(vendor="acme", name=f"scale-{n}") for n in range(4)]
    devices.create_devices(cast.database, drafts, T0)
    first = asked(cast, "/v1/vendor/devices?limit=3").json
    second = asked(cast, f"/v1/vendor/devices?limit=3&cursor={first['next_cursor']}").json
    assert [len(first["devices"]), len(second["devices"]), second["next_cursor"]] == [3, 2, None]


@pytest.mark.parametrize("path", ["/v1/vendor/devices", "/v1/vendor/rejections", "/v1/vendor/statistics"])
def test_person_is_refused_even_with_the_scope(cast: Cast, path: str) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.stranger, 'vendor.read')}"}
    assert cast.http.get(path, headers=headers).status_code == 403


def test_vendor_reads_nobodys_record(cast: Cast) -> None:
    client = cast.vendor.client_id
    token = cast.token(client, "profile.read", client_id=client, vendor="acme")
    answer = cast.http.get(f"/v1/people/{cast.owner}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


def test_vendor_learns_that_a_clock_is_slow(cast: Cast) -> None:
    period = Period(T0, 1_020_001, T0)
    devices.set_clock(cast.database, "acme/cuff-1", lambda clock: clock.opened(period))
    (device,) = asked(cast, "/v1/vendor/devices").json["devices"]
    assert device["clock_offset_s"] == 1020
    assert device["clock"] is not None
    assert "17 minutes slow" in device["clock"]["en"]


def test_rejections_are_found_by_device_code_and_time(cast: Cast) -> None:
    for number, (device, code) in enumerate([("a", "unit-missing"), ("a", "time-invalid"), ("b", "unit-missing")]):
        why = (Rejection("/readings/0", code, "?"),)
        payload = str(number).encode()
        one = RejectedPayload("acme", f"acme/{device}", "topic", payload, why, T0 + number)
        rejections.reject(cast.database, [one])
    expected = {
        "device=a": "10",
        "device=acme/b": "2",
        "device=other/a": "",
        "code=unit-missing": "20",
        "device=a&code=unit-missing": "0",
        f"from={T0 + 1}": "21",
        f"to={T0 + 2}": "10",
        f"from={T0 + 1}&to={T0 + 2}": "1",
    }
    found = {query: asked(cast, f"/v1/vendor/rejections?{query}").json["rejections"] for query in expected}
    assert {query: "".join(row["excerpt"] for row in rows) for query, rows in found.items()} == expected


def test_device_tells_when_it_was_last_heard(cast: Cast) -> None:
    Sightings(cast.database).saw([("acme/cuff-1", T0)])
    devices.create_device(cast.database, NewDevice(vendor="acme", name="silent"), T0)
    rows = asked(cast, "/v1/vendor/devices").json["devices"]
    assert {row["device"]: row["last_seen_at"] for row in rows} == {
        "acme/cuff-1": "2026-11-22T23:30:00Z",
        "acme/silent": None,
    }
