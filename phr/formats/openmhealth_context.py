"""The circumstances of a data point, as our context fields: posture, meal, site, how it was acquired."""

from __future__ import annotations

from typing import Any

from phr.formats.building import MAX_TEXT, ItemRefused, is_text
from phr.formats.openmhealth_bodies import CONTEXT, TEXTS, Body

_FIELDS = frozenset((*CONTEXT, *TEXTS, "is_main_sleep", "medication", "reason_dose_taken_not_as_prescribed"))
_MODALITIES = ("sensed", "self-reported")


def modality_of(header: dict[str, Any]) -> str | None:
    """`sensed` or `self-reported`: in the header (IEEE) or in its acquisition_provenance (Open mHealth)."""
    provenance = header.get("acquisition_provenance")
    inner = provenance.get("modality") if isinstance(provenance, dict) else None
    modality = header.get("modality", inner)
    return modality if modality in _MODALITIES else None


def context_of(modality: str | None, schema: Body, body: dict[str, Any]) -> dict[str, Any] | None:
    """None where nothing is said. Raises ItemRefused context-invalid: a word that no version of the schema has."""
    found: dict[str, Any] = {}
    if not _FIELDS.isdisjoint(body):
        _add_words(found, body)
    if schema.context_numbers:
        for name, key in schema.context_numbers.items():
            value = body[name].get("value") if isinstance(body.get(name), dict) else None
            if type(value) in (int, float):
                found[key] = value
    if modality is not None:
        found["modality"] = modality
    return found or None


def _add_words(found: dict[str, Any], body: dict[str, Any]) -> None:
    for name, (key, words) in CONTEXT.items():
        if name in body:
            if body[name] not in words:
                raise ItemRefused("context-invalid", f"one of {', '.join(words)}", f"/{name}")
            found[key] = body[name]
    for name, key in TEXTS.items():
        if name in body and is_text(body[name], MAX_TEXT):
            found[key] = body[name]
    if body.get("is_main_sleep") is False:
        found["nap"] = True
    medication = body.get("medication")
    if isinstance(medication, dict) and is_text(medication.get("name"), MAX_TEXT):
        found["medication"] = medication["name"]
    if is_text(body.get("reason_dose_taken_not_as_prescribed"), MAX_TEXT):
        found["reason"] = body["reason_dose_taken_not_as_prescribed"]
