"""Vendors' stored mappings: uploaded, used by the worker's door at once, kept while a device uses them."""

from __future__ import annotations

import pytest

from phr.care.rules import rules
from phr.formats import Format, find_format
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.recording import Recorder
from phr.vocabulary.metrics import vocabulary
from tests.api.test_vendor_devices import ask
from tests.cast import T0, Cast
from tests.formats.test_mapping import FILE

PATH = "/v1/vendor/mappings/scale"
PAYLOAD = b'{"data": {"records": [{"date": "2026-11-23", "time": "07:30:00", "w": "6150", "u": 1}]}}'


def registered(cast: Cast) -> Recorder:
    ask(cast, "PUT", PATH, data=FILE)
    devices.create_device(cast.database, NewDevice(vendor="acme", name="m1", format="map:acme/scale"), T0)
    return Recorder(cast.database, rules())


def weight(recorder: Recorder) -> int:
    form = find_format(None, recorder.formats_of(["acme/m1"])["acme/m1"])
    return form.decode(PAYLOAD, vocabulary()).runs[0].values[""][0]


def test_mapping_is_in_use_and_its_change_too_without_a_restart(cast: Cast) -> None:
    recorder = registered(cast)
    before = weight(recorder)
    changed = FILE.replace("scale = 0.01", "scale = 0.001").replace("61.5", "6.15")
    assert ask(cast, "PUT", PATH, data=changed).json["is_new"] is False
    assert before == 10 * weight(recorder)


def test_content_type_of_the_message_wins(cast: Cast) -> None:
    form = registered(cast).formats_of(["acme/m1"])["acme/m1"]
    assert isinstance(form, Format)
    assert find_format("application/senml+json", form).name == "senml"


def test_mapping_is_kept_while_a_device_uses_it(cast: Cast) -> None:
    registered(cast)
    assert ask(cast, "DELETE", PATH).status_code == 409
    cast.database.devices.delete_one({"_id": "acme/m1"})
    assert [ask(cast, "DELETE", PATH).status_code for _ in range(2)] == [204, 404]


def test_other_vendor_sees_and_uses_nothing_of_it(cast: Cast) -> None:
    registered(cast)
    assert ask(cast, "GET", "/v1/vendor/mappings", vendor="other").json["mappings"] == []
    assert ask(cast, "GET", PATH, vendor="other").status_code == 404
    assert ask(cast, "DELETE", PATH, vendor="other").status_code == 404
    assert ask(cast, "PUT", PATH, vendor="other", data=FILE).json["pointer"] == "/vendor"


def test_unknown_mapping_is_not_registered_with(cast: Cast) -> None:
    answer = ask(cast, "POST", "/v1/vendor/devices", json={"device": "m2", "format": "map:acme/none"})
    assert (answer.status_code, devices.find(cast.database, "acme/m2")) == (404, None)


@pytest.mark.parametrize(
    ("text", "pointer", "said"),
    [
        (FILE.replace("61.5", "61.6"), "/examples/0", "61.5"),
        (FILE.replace('metric = "weight"', 'metric = "wait"', 1), "/values/0/metric", "values[0].metric"),
        ("vendor = \n", None, "line 1"),
        (FILE.replace('name = "scale"', 'name = "other"'), "/name", "scale"),
        ("a" * (64 * 1024 + 1), None, "65536"),
        ("\xff", None, ""),
    ],
)
def test_bad_mapping_is_refused_and_the_place_is_named(cast: Cast, text: str, pointer: str | None, said: str) -> None:
    answer = ask(cast, "PUT", PATH, data=text.encode("latin-1"))
    assert (answer.status_code, answer.json["code"], answer.json.get("pointer")) == (400, "mapping-invalid", pointer)
    assert said in answer.json["detail"]
