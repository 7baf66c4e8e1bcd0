"""SampledData of FHIR: a series of plain numbers, the strip of a waveform, or a strip for each of its leads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phr.formats.building import MAX_TEXT, Item, ItemRefused, is_text
from phr.formats.fhir_parts import Samples, samples_of
from phr.formats.pointers import take_named
from phr.vocabulary.metric import ValueType
from phr.vocabulary.reading import Decoded, Rejection, Run

MAX_LEADS = 32


def take_series(decoded: Decoded, item: Item, sampled: Any) -> None:
    """A reading for each sample, in one run; gaps ("E") are none, and a value past a limit ("L", "U") is refused."""
    if item.metric.value_type not in (ValueType.NUMBER, ValueType.INTERVAL):
        raise ItemRefused("value-invalid", f"{item.metric.key} is not a series of numbers", "/valueSampledData")
    found = samples_of(item.metric, sampled, "/valueSampledData")
    path, taken = f"{item.path}/valueSampledData", Decoded()
    places = {"/value": f"{path}/data", "/unit": f"{path}/origin/code"}
    for index, value in enumerate(found.values):
        if value is not None:
            start_ms = item.t_ms + round(index * found.period_ms)
            end_ms = start_ms + round(found.period_ms) if item.metric.value_type is ValueType.INTERVAL else None
            one = replace(item, t_ms=start_ms, value=value, unit=found.unit, end_ms=end_ms)
            take_named(taken, one, lambda: places)
    if taken.runs:
        decoded.runs.append(_joined(taken.runs))
    decoded.quarantined += taken.quarantined
    decoded.rejections += taken.rejections
    if found.beyond:
        detail = "a sample past the sensor's limits has no number"
        decoded.rejections.append(Rejection(f"{path}/data", "value-missing", detail, found.beyond))


def _joined(runs: list[Run]) -> Run:
    """Runs of one that share everything but time and value, as one run."""
    return replace(
        runs[0],
        t=[run.t[0] for run in runs],
        values={name: [run.values.get(name, [None])[0] for run in runs] for name in runs[0].values},
        extras={index: run.extras[0] for index, run in enumerate(runs) if run.extras},
    )


def take_strip(decoded: Decoded, item: Item, sampled: Any, where: str) -> None:
    """A waveform, or a train of intervals, as one reading. Raises ItemRefused where samples are missing in it."""
    found = samples_of(item.metric, sampled, where)
    if found.beyond or None in found.values:
        raise ItemRefused("value-invalid", "a strip with samples that are no numbers", f"{where}/data")
    item.value, item.unit = _strip(item, found), found.unit
    path = item.path + where
    take_named(decoded, item, lambda: {"/value": f"{path}/data", "/unit": f"{path}/origin/code"})


def _strip(item: Item, found: Samples) -> dict[str, Any]:
    """FHIR must state a period; of a train of intervals, each value is its own."""
    if item.metric.key == "rr-interval":
        return {"values": found.values}
    return {"values": found.values, "period_ms": found.period_ms}


def take_leads(decoded: Decoded, item: Item, parts: Any) -> None:
    """A strip for each component with sampled data, told apart by `seq` and named by `lead`."""
    leads = [
        (index, part)
        for index, part in enumerate(parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and "valueSampledData" in part
    ]
    if not 0 < len(leads) <= MAX_LEADS:
        raise ItemRefused("value-missing", f"sampled data, or 1 to {MAX_LEADS} components with some", "/component")
    for index, part in leads:
        where = f"/component/{index}/valueSampledData"
        name = _lead(part.get("code"))
        context = (item.context or {}) | ({"lead": name} if name else {})
        try:
            take_strip(decoded, replace(item, seq=index, context=context or None), part["valueSampledData"], where)
        except ItemRefused as refused:
            decoded.rejections.append(Rejection(item.path + refused.pointer, refused.code, refused.detail))


def _lead(code: Any) -> str | None:
    codings = code.get("coding") if isinstance(code, dict) else None
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    name = first.get("display") or first.get("code")
    return name if is_text(name, MAX_TEXT) else None
