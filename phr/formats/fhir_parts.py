"""Parts of a FHIR R4 Observation: when it was, quantities with their units, sampled data, and circumstances."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from phr.formats.building import MAX_SAMPLES, MAX_TEXT, ItemRefused, is_text, parse_time
from phr.formats.fhir_codes import UCUM
from phr.formats.fhir_resource import Observation
from phr.vocabulary.metric import Metric

_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_ANNOTATION = re.compile(r"\{[^{}]*\}")
_SAMPLE = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_FLAGS = {"<": "below-range", ">": "above-range"}
_SITE_OF = {"8331-1": "oral"}  # LOINC codes that say where a temperature was taken
_EXTENSIONS = {"temporal-relationship-to-meal": "meal", "observation-bodyPosition": "posture"}


class Effective(NamedTuple):
    """``end_ms`` None: an instant. ``field`` is where the Observation says it."""

    start_ms: int
    end_ms: int | None
    offset_min: int | None
    field: str


def effective(said: Observation) -> Effective:
    """When it was. Raises ItemRefused time-missing, time-invalid; time-imprecise for days, months and schedules."""
    if said.effectiveDateTime is not None:
        t_ms, offset_min = _instant(said.effectiveDateTime, "/effectiveDateTime")
        return Effective(t_ms, None, offset_min, "effectiveDateTime")
    if said.effectiveInstant is not None:
        t_ms, offset_min = _instant(said.effectiveInstant, "/effectiveInstant")
        return Effective(t_ms, None, offset_min, "effectiveInstant")
    if isinstance(said.effectivePeriod, dict):
        return _period(said.effectivePeriod)
    if said.effectiveTiming is not None:
        raise ItemRefused("time-imprecise", "a schedule names no instant", "/effectiveTiming")
    raise ItemRefused("time-missing", "a reading needs effectiveDateTime, effectiveInstant or effectivePeriod")


def _period(period: Mapping[str, Any]) -> Effective:
    where = "/effectivePeriod"
    if period.get("start") is None or period.get("end") is None:
        raise ItemRefused("time-imprecise", "an open period names no instant; start and end", where)
    start_ms, offset_min = _instant(period["start"], f"{where}/start")
    end_ms, _ = _instant(period["end"], f"{where}/end")
    if end_ms < start_ms:
        raise ItemRefused("time-invalid", "the period ends before it begins", where)
    return Effective(start_ms, end_ms, offset_min, "effectivePeriod")


def _instant(value: Any, where: str) -> tuple[int, int | None]:
    if not isinstance(value, str):
        raise ItemRefused("time-invalid", "an instant is RFC 3339 with an offset", where)
    if len(value) <= len("2026-11-23") and _DATE.fullmatch(value):
        raise ItemRefused("time-imprecise", "a day or longer names no instant", where)
    return parse_time(value, where)


def unit_of(metric: Metric, quantity: Mapping[str, Any]) -> str | None:
    """The UCUM code, without annotations where the metric does not know it with them; else the unit in words."""
    code = quantity.get("code") if quantity.get("system") == UCUM else None
    unit: Any = quantity.get("unit") if code is None else code
    if unit is None or (isinstance(unit, str) and unit in metric.unit_by_name):
        return unit
    plain = _ANNOTATION.sub("", unit) if isinstance(unit, str) else str(unit)
    return plain if plain in metric.unit_by_name else str(unit)


def flag_of(quantity: Mapping[str, Any], pointer: str) -> str | None:
    """below-range for "<", above-range for ">". Raises ItemRefused comparator-unsupported."""
    comparator = quantity.get("comparator")
    if comparator is None:
        return None
    if not isinstance(comparator, str) or comparator not in _FLAGS:
        raise ItemRefused("comparator-unsupported", "only < and > say that a sensor reached its limit", pointer)
    return _FLAGS[comparator]


@dataclass(frozen=True, slots=True)
class Samples:
    """``values``: None for an error of the sensor ("E"); ``beyond`` counts values past its limits ("L", "U")."""

    values: list[float | None]
    period_ms: int | float
    unit: str | None
    beyond: int


def samples_of(metric: Metric, sampled: Any, where: str) -> Samples:
    """SampledData of one dimension: origin + factor * each number. Raises ItemRefused value-invalid."""
    origin = sampled.get("origin") if isinstance(sampled, dict) else None
    if not isinstance(origin, dict) or not isinstance(sampled.get("data"), str):
        raise ItemRefused("value-invalid", "sampled data has an origin, a period, dimensions and data", where)
    if sampled.get("dimensions") != 1:
        raise ItemRefused("value-invalid", "one dimension is understood", f"{where}/dimensions")
    base, factor = _number(origin, "value", 0, f"{where}/origin"), _number(sampled, "factor", 1, where)
    period_ms = _number(sampled, "period", None, where)
    if not 0.001 <= period_ms <= 86_400_000:
        raise ItemRefused("value-invalid", "a period is in milliseconds, above 0 and at most a day", f"{where}/period")
    tokens = sampled["data"].split(maxsplit=MAX_SAMPLES + 1)
    if not 0 < len(tokens) <= MAX_SAMPLES:
        raise ItemRefused("value-invalid", f"1 to {MAX_SAMPLES} samples", f"{where}/data")
    beyond = sum(token in ("L", "U") for token in tokens)
    numbers = [_sample(token, where) for token in tokens if token not in ("L", "U")]
    values = [None if one is None else round(base + factor * one, 9) for one in numbers]
    if beyond:  # the places of the others must stay what they are
        rest = iter(values)
        values = [None if token in ("L", "U") else next(rest) for token in tokens]
    return Samples(values, period_ms, unit_of(metric, origin), beyond)


def _sample(token: str, where: str) -> float | None:
    if token == "E":  # noqa: S105 - a sample, not a secret
        return None
    if not _SAMPLE.fullmatch(token):
        raise ItemRefused("value-invalid", "samples are numbers, E, L and U, divided by blanks", f"{where}/data")
    return float(token) if not token.lstrip("+-").isdigit() else int(token)


def _number(holder: Mapping[str, Any], name: str, default: int | None, where: str) -> Any:
    value = holder.get(name, default)
    if type(value) not in (int, float) or abs(value) >= 2**53:
        raise ItemRefused("value-invalid", f"{name} is a number", f"{where}/{name}")
    return value


def circumstances(said: Observation) -> dict[str, Any]:
    """What the Observation says of how it was taken, as context."""
    found: dict[str, Any] = {}
    _note(found, "site", _words(said.bodySite))
    _note(found, "method", _words(said.method))
    if isinstance(said.note, list) and said.note and isinstance(said.note[0], dict):
        _note(found, "note", said.note[0].get("text"))
    for one in said.extension if isinstance(said.extension, list) else ():
        url = one.get("url") if isinstance(one, dict) else None
        key = _EXTENSIONS.get(url.rpartition("/")[2]) if isinstance(url, str) else None
        if key:
            text = one.get("valueCode", one.get("valueString"))
            _note(found, key, text if text is not None else _words(one.get("valueCodeableConcept")))
    if said.status == "preliminary":
        found["status"] = "preliminary"
    return found


def site_of(concept: Any) -> str | None:
    """The site that a temperature's own code names."""
    codes = [one.get("code") for one in concept["coding"] if isinstance(one, dict)]
    return next((site for code, site in _SITE_OF.items() if code in codes), None)


def _words(concept: Any) -> Any:
    """What a concept is called: its text, else what its first coding shows."""
    if not isinstance(concept, dict):
        return None
    codings = concept.get("coding")
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], dict) else {}
    return concept.get("text") or first.get("display") or first.get("code")


def _note(found: dict[str, Any], key: str, text: Any) -> None:
    if text and is_text(text, MAX_TEXT):
        found[key] = text
