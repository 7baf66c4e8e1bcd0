"""Weights of Xiaomi scales, as the Theengs gateway publishes what it hears over Bluetooth.

    {"type": "SCALE", "weighing_mode": "person", "weight": 61.75, "unit": "kg" | "lb" | "jin", ...}

One object a message. A scale that weighs a parcel says "object", and an unstable weight is none: neither is a body
weight. The gateway states no time unless "time" is added to it (RFC 3339 with offset, or milliseconds since 1970), so
the reading is of the moment when the message arrived. "id" is the scale's radio address, not a message's; the topic
names the device.
Source: Theengs Decoder, devices XMTZC01HM, XMTZC04HM and XMTZC05HM (properties weighing_mode, unit, weight).
"""

from __future__ import annotations

from typing import Any

from phr.errors import PayloadUnreadable
from phr.formats.building import AT_ARRIVAL, Item, ItemRefused, find_metric, parse_time, take
from phr.formats.json_text import read_json
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "theengs"
CONTENT_TYPE = "application/vnd.theengs+json"

_TIME_FIELDS = ("time", "timestamp")


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """One body weight, or a rejection that says why it is none. Raises PayloadUnreadable."""
    said = read_json(payload)
    if not isinstance(said, dict):
        raise PayloadUnreadable("a gateway's message is one JSON object")
    decoded = Decoded()
    try:
        take(decoded, _weight(said, vocabulary))
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(refused.pointer, refused.code, refused.detail))
    return decoded


def _weight(said: dict[str, Any], vocabulary: Vocabulary) -> Item:
    if said.get("type") != "SCALE":
        raise ItemRefused("type-unknown", "only messages of type SCALE are understood", "/type")
    if "weight" not in said:
        raise ItemRefused("value-missing", "the scale states no weight", "/weight")
    if said.get("weighing_mode") != "person":
        raise ItemRefused("not-a-body-weight", "the scale weighs an object, or does not say", "/weighing_mode")
    if said.get("stabilized", True) is not True:
        raise ItemRefused("weight-unstable", "the weight had not settled", "/stabilized")
    metric = find_metric(vocabulary, "weight")
    if not isinstance(said.get("unit"), str) or said["unit"] not in metric.unit_by_name:
        raise ItemRefused("unit-unknown" if "unit" in said else "unit-missing", "kg, lb or jin", "/unit")
    if type(said["weight"]) not in (int, float):
        raise ItemRefused("value-invalid", "a weight is a JSON number", "/weight")
    t_ms, offset_min = _time(said)
    return Item("", metric, t_ms, said["weight"], offset_min, said["unit"])


def _time(said: dict[str, Any]) -> tuple[int, int | None]:
    for field in _TIME_FIELDS:
        if field in said:
            return parse_time(said[field], f"/{field}")
    return AT_ARRIVAL, None
