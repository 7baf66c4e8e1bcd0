"""Panels of FHIR: one measurement whose numbers stand in `component`s, such as a blood pressure."""

from __future__ import annotations

from typing import Any

from phr.formats.building import Item, ItemRefused, find_unit
from phr.formats.fhir_codes import LOINC, OWN_SYSTEM_PATH
from phr.formats.fhir_parts import unit_of
from phr.formats.pointers import take_named
from phr.vocabulary.metric import Component, Metric
from phr.vocabulary.reading import Decoded

# The components of panels by LOINC code, as the vital-signs profiles name them.
_KEYS = {"8480-6": "systolic", "8462-4": "diastolic", "8478-0": "mean", "8867-4": "pulse"}


def take_panel(decoded: Decoded, item: Item, parts: Any) -> None:
    """Adds the panel as one reading. Raises ItemRefused component-missing, component-twice, unit-unknown …"""
    if not isinstance(parts, list):
        raise ItemRefused("component-missing", "a panel holds its numbers in components", "/component")
    values: dict[str, Any] = {}
    places: dict[str, str] = {"/value": f"{item.path}/component"}
    for index, part in enumerate(parts):
        found = _component(item.metric, part)
        if found is None or not isinstance(part.get("valueQuantity"), dict):
            continue  # a component without a value is as good as none: take says which is missing
        where = f"/component/{index}/valueQuantity"
        if found.key in values:
            raise ItemRefused("component-twice", f"{found.key} stands twice", where)
        if part["valueQuantity"].get("comparator") is not None:
            raise ItemRefused("comparator-unsupported", "a component is a plain number", f"{where}/comparator")
        _check_unit(item, found, part["valueQuantity"], f"{where}/code")
        values[found.key] = part["valueQuantity"].get("value")
        places[f"/value/{found.key}"] = f"{item.path}{where}/value"
    item.value = values
    take_named(decoded, item, lambda: places)


def _component(metric: Metric, part: Any) -> Component | None:
    """The component that a part is; None for what this metric has not."""
    code = part.get("code") if isinstance(part, dict) else None
    codings = code.get("coding") if isinstance(code, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if not isinstance(coding, dict) or not isinstance(coding.get("code"), str):
            continue
        is_own = str(coding.get("system")).endswith(OWN_SYSTEM_PATH)
        key = coding["code"] if is_own else _KEYS.get(coding["code"]) if coding.get("system") == LOINC else None
        for component in metric.components:
            if component.key == key:
                return component
    return None


def _check_unit(item: Item, component: Component, quantity: dict[str, Any], where: str) -> None:
    """One unit for the whole panel, but for a component that has its own."""
    name = unit_of(item.metric, quantity)
    if component.unit is not None:
        own = component.unit
        if name not in (None, own.code, *own.aliases, "{beats}/min"):
            raise ItemRefused("unit-unknown", f"{component.key} is in {own.code}", where)
        return
    try:
        unit = find_unit(item.metric, name)
    except ItemRefused as refused:
        raise ItemRefused(refused.code, refused.detail, where) from refused
    code = unit.code if unit else None
    if item.unit not in (None, code):
        raise ItemRefused("unit-unknown", f"{component.key} is in {code}, the others are in {item.unit}", where)
    item.unit = code
