"""Readings sent over HTTP in every format that MQTT takes."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from phr.formats import all_formats
from phr.intake import devices
from phr.intake.devices import NewDevice
from tests.api.test_mappings import PATH as MAPPING
from tests.api.test_mappings import PAYLOAD
from tests.api.test_vendor_devices import ask
from tests.cast import T0, Cast
from tests.formats.test_mapping import FILE

GOLDEN = Path(__file__).parents[1] / "formats" / "golden"
READINGS = "/v1/people/{owner}/readings"
CONTENT_TYPES = {one.name: one.content_type for one in all_formats()}


@cache
def golden() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.json"))}


def sent(cast: Cast, name: str, who: str = "", **changes: Any) -> Any:
    pair = golden()[name]
    body = pair.get("payload_text") or json.dumps(pair["payload"])
    request = {"data": body.encode(), "content_type": CONTENT_TYPES[pair["format"]]} | changes
    return cast.send(who or cast.owner, "POST", f"{READINGS}?device=phone", **request)


def states_its_times(name: str) -> bool:
    """A gateway's message that says "now" is another reading each time it arrives."""
    return all(one["t"] != "arrival" for one in golden()[name]["readings"])


def taken(answer: Any) -> int:
    return sum(answer.json[name] for name in ("stored", "duplicate", "corrected", "held"))


def test_every_format_has_a_golden_pair() -> None:
    assert {pair["format"] for pair in golden().values()} == set(CONTENT_TYPES)


@pytest.mark.parametrize("name", golden())
def test_each_payload_is_taken_as_over_mqtt(cast: Cast, name: str) -> None:
    answer = sent(cast, name)
    expected = golden()[name]
    assert answer.status_code == 200
    assert taken(answer) >= len([one for one in expected["readings"] if "device" not in one])
    assert answer.json["id"] == expected["payload_id"]


@pytest.mark.parametrize("name", [name for name in golden() if states_its_times(name)])
def test_each_payload_that_states_its_times_can_be_sent_again(cast: Cast, name: str) -> None:
    sent(cast, name)
    assert sent(cast, name).json["stored"] == 0


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES.values()))
def test_what_can_not_be_read_is_refused_in_each_format(cast: Cast, content_type: str) -> None:
    answer = cast.send(cast.owner, "POST", READINGS, data=b"\xff{", content_type=content_type)
    assert (answer.status_code, answer.json["code"]) == (400, "payload-unreadable")


def test_parameters_of_a_content_type_are_passed_over(cast: Cast) -> None:
    assert sent(cast, "senml_pack", content_type="Application/SenML+JSON; charset=utf-8").status_code == 200


def test_content_type_that_nobody_knows_is_refused(cast: Cast) -> None:
    answer = sent(cast, "senml_pack", content_type="application/x-nobody-knows")
    assert (answer.status_code, answer.json["code"]) == (415, "format-unknown")


@pytest.mark.parametrize("content_type", sorted(CONTENT_TYPES.values()))
def test_stranger_sends_nothing_in_any_format(cast: Cast, content_type: str) -> None:
    answer = cast.send(cast.stranger, "POST", READINGS, data=b"{}", content_type=content_type)
    assert answer.status_code == 403


SCALE = "/v1/people/{owner}/readings?device=acme/m1"


@pytest.fixture
def scale(cast: Cast) -> Cast:
    """The owner's scale, whose vendor has described its own JSON."""
    ask(cast, "PUT", MAPPING, data=FILE)
    draft = NewDevice(vendor="acme", name="m1", format="map:acme/scale", bindings=(("", cast.owner),))
    devices.create_device(cast.database, draft, T0)
    return cast


def test_vendors_own_json_is_read_by_its_mapping_and_is_the_devices_reading(scale: Cast) -> None:
    answer = scale.send(scale.owner, "POST", SCALE, data=PAYLOAD, content_type="application/json")
    assert (answer.status_code, answer.json["stored"]) == (200, 1)
    (bucket,) = scale.database["readings"].find()
    assert bucket["_id"].endswith(":acme/m1")


def test_device_of_another_person_brings_no_format_and_is_not_betrayed(scale: Cast) -> None:
    answers = [
        scale.send(scale.stranger, "POST", f"/v1/people/me/readings?device=acme/{name}", data=PAYLOAD)
        for name in ("m1", "none")
    ]
    assert answers[0].status_code != 200
    assert answers[0].json == answers[1].json


def test_content_type_of_the_request_goes_before_the_devices_format(scale: Cast) -> None:
    answer = scale.send(scale.owner, "POST", SCALE, data=PAYLOAD, content_type="application/senml+json")
    assert (answer.status_code, answer.json["code"]) == (400, "payload-unreadable")


@pytest.mark.parametrize(("said", "code"), [("m1", None), ("acme/m1", None), ("m2", "device-mismatch")])
def test_device_in_the_payload_is_the_one_of_the_address(scale: Cast, said: str, code: str | None) -> None:
    """Payload v1 by its content type, which goes before the device's own format."""
    body = {"device": said, "readings": [{"metric": "weight", "t": T0, "unit": "kg", "value": 61.5}]}
    kind = {"content_type": CONTENT_TYPES["phr-v1"]}
    answer = scale.send(scale.owner, "POST", SCALE, data=json.dumps(body), **kind).json
    rejected = [(one["code"], one["path"]) for one in answer["rejected"]]
    assert rejected == ([(code, "/device")] if code else [])
    assert answer["stored"] == (0 if code else 1)
