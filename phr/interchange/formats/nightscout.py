"""Nightscout: its entries (glucose) and treatments, as its API and mongoexport give them.

Entries: "sgv" is a sensor's glucose and "mbg" a meter's, both always in mg/dL; "date" is in milliseconds, "utcOffset"
in minutes. Values below 39 are the sensor's error codes; 39 and 401 its Low and High. Treatments: "insulin" in units
with "eventType", "glucose" with "glucoseType" and "units"; "notes" become notes.
Source: nightscout/cgm-remote-monitor, lib/api3/swagger.yaml and lib/plugins/errorcodes.js; Dexcom's range is 40 to 400.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from phr.clock import rfc3339
from phr.formats.building import Item, ItemRefused, find_metric, parse_time, take
from phr.interchange.formats import Batch, Event, Wish
from phr.interchange.gathering import refuse, source_name
from phr.interchange.json_items import Found, batches
from phr.vocabulary.metrics import vocabulary

NAME = "nightscout"
SUFFIXES = ("entries.json", "treatments.json")

LOWEST_VALUE, LOW, HIGH = 39, 40, 400  # mg/dL
# Trends as Dexcom names them.
_TRENDS = ("DoubleUp", "SingleUp", "FortyFiveUp", "Flat", "FortyFiveDown", "SingleDown", "DoubleDown")


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""

    def take_one(batch: Batch, found: Found) -> None:
        try:
            if not isinstance(found.value, dict):
                raise ItemRefused("item-invalid", "an entry or a treatment is an object")
            if "eventType" in found.value or "insulin" in found.value:
                _treatment(batch, found.value, found.path, wish.salt)
            else:
                _entry(batch, found.value, found.path, wish.salt)
        except ItemRefused as refused:
            refuse(batch, "file", found.path + refused.pointer, (refused.code, refused.detail))

    return batches(file, take_one)


def _entry(batch: Batch, said: dict[str, Any], path: str, salt: str) -> None:
    kind = said.get("type")
    if kind not in ("sgv", "mbg"):
        raise ItemRefused("type-not-kept", "no metric keeps an entry of this type", "/type")
    t_ms, offset_min = _moment(said, "date", "dateString")
    value = _number(said.get(kind), f"/{kind}")
    key = "glucose-interstitial" if kind == "sgv" else "glucose-capillary"
    item = Item(path, find_metric(vocabulary(), key), t_ms, value, offset_min, "mg/dL")
    if kind == "sgv":
        if value < LOWEST_VALUE:
            raise ItemRefused("sensor-error", "a value below 39 is a sensor's error code", "/sgv")
        if value < LOW or value > HIGH:
            item.flag, item.value = ("below-range", LOW) if value < LOW else ("above-range", HIGH)
        if said.get("direction") in _TRENDS:
            item.context = {"trend": said["direction"]}
    take(batch.of(_source(salt, said.get("device"))), item)


def _treatment(batch: Batch, said: dict[str, Any], path: str, salt: str) -> None:
    t_ms, offset_min = _moment(said, "date", "created_at")
    source, known = batch.of(_source(salt, said.get("enteredBy"))), vocabulary()
    taken = False
    if said.get("insulin"):
        units = _number(said["insulin"], "/insulin")
        item = Item(f"{path}/insulin", find_metric(known, "insulin-dose"), t_ms, units, offset_min, "[iU]")
        item.context = {"purpose": "bolus"}
        take(source, item)
        taken = True
    if said.get("glucose") and said.get("glucoseType") == "Finger":
        unit = "mmol/L" if str(said.get("units", "")).startswith("mmol") else "mg/dL"
        value = _number(said["glucose"], "/glucose")
        take(source, Item(f"{path}/glucose", find_metric(known, "glucose-capillary"), t_ms, value, offset_min, unit))
        taken = True
    if isinstance(said.get("notes"), str) and said["notes"].strip():
        key = str(said.get("identifier") or said.get("_id") or f"{t_ms}")
        words = {"text": said["notes"].strip()}
        batch.events.append(Event("note", words, rfc3339(t_ms, offset_min), f"treatment\0{key}", path))
        taken = True
    if not taken:
        what = str(said.get("eventType"))[:64]
        raise ItemRefused("type-not-kept", f"nothing in a treatment {what!r} that the record keeps", "/eventType")


def _moment(said: dict[str, Any], number: str, text: str) -> tuple[int, int | None]:
    """The instant, and the offset that is stated beside it. A number written by JavaScript may be a fraction."""
    stated = said.get(number)
    if type(stated) is float and stated.is_integer():
        stated = int(stated)
    if stated is not None:
        t_ms, offset_min = parse_time(stated, f"/{number}")
    else:
        t_ms, offset_min = parse_time(said.get(text), f"/{text}")
    minutes = said.get("utcOffset")
    if type(minutes) is int and -14 * 60 <= minutes <= 14 * 60:
        # Uploaders that write UTC state an offset of zero, which says nothing of where the person was.
        offset_min = minutes or offset_min
    return t_ms, offset_min


def _number(value: Any, pointer: str) -> float:
    try:
        return float(value) if type(value) in (int, float, str) else float("nan")
    except ValueError as error:
        raise ItemRefused("value-invalid", "a value is a number", pointer) from error


def _source(salt: str, name: Any) -> str:
    return source_name(salt, "nightscout", name if isinstance(name, str) else "")
