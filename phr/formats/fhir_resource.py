"""The fields of FHIR resources that readings are made of; all others are passed over without being built."""

from __future__ import annotations

from typing import Any

import msgspec

from phr.errors import PayloadUnreadable
from phr.formats.json_text import read_json


class Observation(msgspec.Struct, gc=False):
    """Any value in any field, since a wrong one is one item's fault; FHIR knows no null, so None is absence."""

    resourceType: Any = None
    id: Any = None
    status: Any = None
    code: Any = None
    effectiveDateTime: Any = None
    effectiveInstant: Any = None
    effectivePeriod: Any = None
    effectiveTiming: Any = None
    valueQuantity: Any = None
    valueInteger: Any = None
    valueCodeableConcept: Any = None
    valueSampledData: Any = None
    valueString: Any = None
    valueBoolean: Any = None
    valueRange: Any = None
    valueRatio: Any = None
    valueTime: Any = None
    valueDateTime: Any = None
    valuePeriod: Any = None
    dataAbsentReason: Any = None
    component: Any = None
    device: Any = None
    bodySite: Any = None
    method: Any = None
    note: Any = None
    extension: Any = None

    @property
    def value_field(self) -> str | None:
        """The name of the value[x] that is there."""
        return next((name for name in _VALUE_FIELDS if getattr(self, name) is not None), None)


_VALUE_FIELDS = tuple(name for name in Observation.__struct_fields__ if name.startswith("value"))


class Entry(msgspec.Struct, gc=False):
    resource: Observation | None = None


class Resource(Observation, gc=False):
    """An Observation, or a Bundle with its entries."""

    entry: list[Entry] = []


_decoder = msgspec.json.Decoder(Resource)


def read_resource(payload: bytes) -> Resource:
    """The resource; an entry that is no object with a resource has none. Raises PayloadUnreadable."""
    try:
        return _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # one entry's fault, perhaps: the slow way tells
    said = read_json(payload)
    if not isinstance(said, dict) or not isinstance(said.get("entry", []), list):
        raise PayloadUnreadable("a resource is an object, and its entry a list")
    entries = [
        Entry(_observation(one.get("resource")) if isinstance(one, dict) else None) for one in said.get("entry", ())
    ]
    resource = msgspec.convert(said | {"entry": []}, Resource)
    resource.entry = entries
    return resource


def _observation(said: Any) -> Observation | None:
    return msgspec.convert(said, Observation) if isinstance(said, dict) else None
