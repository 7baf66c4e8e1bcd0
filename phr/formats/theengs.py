"""What the Theengs gateway publishes of the health devices that it hears over Bluetooth.

    {"type": "SCALE", "weighing_mode": "person", "weight": 61.75, "unit": "kg" | "lbs" | "jin", "impedance": 503}
    {"model_id": "MB/SW", "act_bpm": 71, "steps": 5012}

One object a message. A scale that weighs a parcel says "object", and an unstable weight is none: neither is a body
weight. The impedance (ohm) is kept as context; what a body is made of is not computed from it. The heart rate of a
wristband is taken; its steps are a counter without a beginning and are refused (`end-missing`).
The gateway states no time unless "time" is added to it (RFC 3339 with offset, or milliseconds since 1970), so the
reading is of the moment when the message arrived. "id" is the sensor's radio address, not a message's; the topic names
the device.
Source: Theengs Decoder, devices XMTZC01HM, XMTZC04HM and XMTZC05HM (properties weighing_mode, unit, weight, impedance)
and Mi Band (properties act_bpm, steps).
"""

from __future__ import annotations

from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import AT_ARRIVAL, Item, ItemRefused, find_metric, parse_time, take
from phr.formats.json_text import read_json
from phr.formats.pointers import take_named
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "theengs"
CONTENT_TYPE = "application/vnd.theengs+json"

WRISTBAND = "MB/SW"  # the model_id of every Mi Band and Amazfit

_TIME_FIELDS = ("time", "timestamp")


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of one message, or rejections that say why there are none. Raises PayloadUnreadable."""
    said = read_json(payload)
    if not isinstance(said, dict):
        raise PayloadUnreadable("a gateway's message is one JSON object")
    decoded = Decoded()
    try:
        if said.get("model_id") == WRISTBAND:
            _take_wristband(decoded, said, vocabulary)
        else:
            take(decoded, _weight(said, vocabulary))
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(refused.pointer, refused.code, refused.detail))
    return decoded


def _weight(said: dict[str, Any], vocabulary: Vocabulary) -> Item:
    if said.get("type") != "SCALE":
        raise ItemRefused("type-unknown", "only messages of scales and wristbands are understood", "/type")
    if "weight" not in said:
        raise ItemRefused("value-missing", "the scale states no weight", "/weight")
    if said.get("weighing_mode") != "person":
        raise ItemRefused("not-a-body-weight", "the scale weighs an object, or does not say", "/weighing_mode")
    if said.get("stabilized", True) is not True:
        raise ItemRefused("weight-unstable", "the weight had not settled", "/stabilized")
    metric = find_metric(vocabulary, "weight")
    if not isinstance(said.get("unit"), str) or said["unit"] not in metric.unit_by_name:
        raise ItemRefused("unit-unknown" if "unit" in said else "unit-missing", "kg, lb or jin", "/unit")
    _check_number(said, "weight")
    t_ms, offset_min = _time(said)
    item = Item("", metric, t_ms, said["weight"], offset_min, said["unit"])
    if "impedance" in said:
        _check_number(said, "impedance")
        item.context = {"impedance_ohm": said["impedance"]}
    return item


def _take_wristband(decoded: Decoded, said: dict[str, Any], vocabulary: Vocabulary) -> None:
    if "steps" not in said and "act_bpm" not in said:
        raise ItemRefused("value-missing", "the wristband states nothing that is known", "/act_bpm")
    if "steps" in said:
        detail = "a counter without a beginning; steps need the period they were counted in"
        decoded.rejections.append(Rejection("/steps", "end-missing", detail))
    if "act_bpm" in said:
        _check_number(said, "act_bpm")
        t_ms, offset_min = _time(said)
        item = Item("", find_metric(vocabulary, "heart-rate"), t_ms, said["act_bpm"], offset_min, "/min")
        take_named(decoded, item, lambda: {"/value": "/act_bpm"})


def _check_number(said: dict[str, Any], name: str) -> None:
    if type(said[name]) not in (int, float):
        raise ItemRefused("value-invalid", f"{name} is a JSON number", f"/{name}")


def _time(said: dict[str, Any]) -> tuple[int, int | None]:
    for field in _TIME_FIELDS:
        if field in said:
            return parse_time(said[field], f"/{field}")
    return AT_ARRIVAL, None
