"""FHIR R4: an Observation, or a Bundle of which every Observation is taken and everything else refused by itself.

- What was measured is the first LOINC coding that the vocabulary knows, or a coding by a metric's own key.
- The value is a valueQuantity (valueInteger); a panel of components its `component`s; sampled data a series of numbers
  or, for an ECG, a strip, each lead by itself. What a panel has beyond its metric's components is left out.
- "<" and ">" are the sensor's limits (`below-range`, `above-range`); a day without a time is no instant
  (`time-imprecise`), nor is a period for what is measured at an instant (`period-not-instant`).
- Only what somebody stands by is taken: final, amended, corrected, and preliminary, which the context then says.
- `device.identifier.value` names the device the payload speaks for; `device.reference` is an address in the store of
  the sender and `subject` its own patient; neither is looked at, since whose reading it is, is the binding's to say.
Source: HL7 FHIR R4 (4.0.1) Observation, Bundle, Quantity, SampledData; the vital-signs profiles.
"""

from __future__ import annotations

from phr.errors import PayloadUnreadable
from phr.formats.building import MAX_TEXT, Item, ItemRefused, is_text
from phr.formats.fhir_codes import coded_metric, coded_value
from phr.formats.fhir_panel import take_panel
from phr.formats.fhir_parts import Effective, circumstances, effective, flag_of, site_of, unit_of
from phr.formats.fhir_resource import Observation, read_resource
from phr.formats.fhir_sampled import take_leads, take_series, take_strip
from phr.formats.pointers import Names, take_named
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import Decoded, Rejection

NAME = "fhir"
CONTENT_TYPE = "application/fhir+json"

_STOOD_BY = ("final", "amended", "corrected", "preliminary")
# Held here, since looking a member up in its enum costs as much as a dozen of dictionary look-ups.
_SAMPLED, _COMPONENTS = ValueType.SAMPLED, ValueType.COMPONENTS
_PERIODS = (ValueType.INTERVAL, ValueType.EPISODE)


def decode(payload: bytes, vocabulary: Vocabulary) -> Decoded:
    """The readings of an Observation or a Bundle. Raises PayloadUnreadable for anything else.

    Its `id` is the payload's id.
    """
    said = read_resource(payload)
    if said.resourceType not in ("Observation", "Bundle"):
        raise PayloadUnreadable("neither an Observation nor a Bundle", "/resourceType")
    decoded = Decoded(payload_id=said.id if is_text(said.id, MAX_TEXT) else None)
    if said.resourceType == "Observation":
        _take(decoded, said, "", vocabulary)
        return decoded
    for index, entry in enumerate(said.entry):
        _take(decoded, entry.resource, f"/entry/{index}/resource", vocabulary)
    return decoded


def _take(decoded: Decoded, said: Observation | None, path: str, vocabulary: Vocabulary) -> None:
    try:
        if said is None or said.resourceType != "Observation":
            raise ItemRefused("resource-not-a-reading", "only an Observation is a reading")
        _take_observation(decoded, said, path, vocabulary)
    except ItemRefused as refused:
        decoded.rejections.append(Rejection(path + refused.pointer, refused.code, refused.detail))


def _take_observation(decoded: Decoded, said: Observation, path: str, vocabulary: Vocabulary) -> None:
    if said.status not in _STOOD_BY:
        raise ItemRefused("status-not-final", f"only {', '.join(_STOOD_BY)} is taken", "/status")
    metric = coded_metric(vocabulary, said.code, "/code")
    frame = effective(said)
    item = Item(path, metric, frame.start_ms, None, frame.offset_min, end_ms=frame.end_ms)
    _add_circumstances(item, said)
    if metric.value_type is _SAMPLED:
        if said.valueSampledData is not None:
            take_strip(decoded, item, said.valueSampledData, "/valueSampledData")
        else:
            take_leads(decoded, item, said.component)
    elif said.valueSampledData is not None:
        take_series(decoded, item, said.valueSampledData)
    else:
        _check_frame(frame, metric.value_type)
        if metric.value_type is _COMPONENTS:
            take_panel(decoded, item, said.component)
        else:
            _take_value(decoded, item, said)


def _check_frame(frame: Effective, value_type: ValueType) -> None:
    if value_type in _PERIODS:
        if frame.end_ms is None:
            raise ItemRefused("end-missing", "this is measured over a period: effectivePeriod", f"/{frame.field}")
    elif frame.end_ms not in (None, frame.start_ms):
        raise ItemRefused("period-not-instant", "this is measured at an instant: effectiveDateTime", "/effectivePeriod")


def _add_circumstances(item: Item, said: Observation) -> None:
    if said.bodySite or said.method or said.note or said.extension or said.status == "preliminary":
        item.context = circumstances(said)
    if item.metric.key == "body-temperature" and (site := site_of(said.code)):
        item.context = {"site": site} | (item.context or {})
    if said.device is not None:
        identifier = said.device.get("identifier") if isinstance(said.device, dict) else None
        name = identifier.get("value") if isinstance(identifier, dict) else None
        if name is not None and not is_text(name, MAX_TEXT):
            raise ItemRefused("device-invalid", "a device is a text", "/device/identifier/value")
        item.device = name


def _take_value(decoded: Decoded, item: Item, said: Observation) -> None:
    quantity = said.valueQuantity
    if isinstance(quantity, dict):
        item.value, item.unit = quantity.get("value"), unit_of(item.metric, quantity)
        if "comparator" in quantity:
            item.flag = flag_of(quantity, "/valueQuantity/comparator")
    elif said.valueInteger is not None:
        item.value = said.valueInteger
    elif item.metric.value_type in (ValueType.CODED, ValueType.EVENT):
        if said.valueCodeableConcept is not None:
            item.value = coded_value(item.metric, said.valueCodeableConcept, "/valueCodeableConcept")
    elif item.metric.value_type is not ValueType.EPISODE:
        _refuse_other(said)
    take_named(decoded, item, lambda: _names(item.path, said))


def _refuse_other(said: Observation) -> None:
    if said.dataAbsentReason is not None:
        raise ItemRefused("value-absent", "the value is stated as absent", "/dataAbsentReason")
    if said.value_field:
        raise ItemRefused("value-invalid", "this is measured as a valueQuantity", f"/{said.value_field}")
    raise ItemRefused("value-missing", "the Observation holds no value")


def _names(path: str, said: Observation) -> Names:
    value = f"{path}/{said.value_field or 'valueQuantity'}"
    return {
        "/value": f"{value}/value" if said.valueQuantity is not None else value,
        "/unit": f"{path}/valueQuantity/code",
        "/flag": f"{path}/valueQuantity/comparator",
        "/end": f"{path}/effectivePeriod/end",
    }
