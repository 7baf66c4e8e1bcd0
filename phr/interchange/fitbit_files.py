"""Fitbit's files in a Google takeout: beats, steps and nights, each an array of JSON.

heart_rate-*.json and steps-*.json: [{"dateTime": "MM/DD/YY HH:MM:SS", in UTC, "value": {"bpm", "confidence"} or "12"}],
steps those of the minute that begins then. sleep-*.json: [{"startTime", "endTime", local, "levels": {"data":
[{"dateTime", "level", "seconds"}]}}]. Weight is not taken: the file does not say its unit.
Source: README.txt of the takeout's folder "Fitbit"; levels: dev.fitbit.com/build/reference/web-api/sleep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from typing import Any, BinaryIO

from phr.clock import MINUTE_MS
from phr.formats.building import Item, ItemRefused, take
from phr.interchange import tables
from phr.interchange.formats import Batch, Wish
from phr.interchange.gathering import refuse
from phr.interchange.json_items import items
from phr.interchange.lanes import Lanes, When, Where
from phr.vocabulary.metrics import vocabulary

SOURCE = "fitbit"
SHORT, LONG = "%m/%d/%y %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f"
_STAGES = {
    "wake": "awake",
    "light": "light",
    "deep": "deep",
    "rem": "rem",
    "asleep": "sleeping",
    "restless": "sleeping",
    "awake": "awake",
}
_FILE = re.compile(r"(?:^|/)(heart_rate|steps|sleep)-\d{4}-\d\d-\d\d\.json\Z", re.ASCII)


def kind_of(name: str) -> str | None:
    """Which of Fitbit's files it is by its name; None for all that nothing takes."""
    found = _FILE.search(name)
    return found[1] if found and "Fitbit" in name else None


def read(file: BinaryIO, kind: str, path: str, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken."""
    lanes, take_one = Lanes(), {"heart_rate": _beat, "steps": _steps, "sleep": _night}[kind]
    for number, found in enumerate(items(file), 1):
        lanes.batch.records += 1
        try:
            if not isinstance(found.value, dict):
                raise ItemRefused("item-invalid", "an item is an object")
            take_one(lanes, found.value, Where(path, number), wish)
        except ItemRefused as refused:
            refuse(lanes.batch, SOURCE, f"{path}/{number}{refused.pointer}", (refused.code, refused.detail))
        if lanes.is_full:
            yield lanes.give_out()
    yield lanes.give_out()


def _beat(lanes: Lanes, said: dict[str, Any], where: Where, _: Wish) -> None:
    value = said.get("value")
    if not isinstance(value, dict):
        raise ItemRefused("value-invalid", "a heart rate has its bpm", "/value")
    lanes.add(SOURCE, ("heart-rate", "/min"), value.get("bpm"), When(_t_ms(said, "dateTime", SHORT, UTC)), where)


def _steps(lanes: Lanes, said: dict[str, Any], where: Where, _: Wish) -> None:
    if steps := tables.number(str(said.get("value")), "/value"):
        t_ms = _t_ms(said, "dateTime", SHORT, UTC)
        lanes.add(SOURCE, ("steps", "{steps}"), steps, When(t_ms, None, t_ms + MINUTE_MS), where)


def _night(lanes: Lanes, said: dict[str, Any], where: Where, wish: Wish) -> None:
    start_ms, offset_min = _local(said, "startTime", wish.zone)
    levels = said.get("levels")
    data = levels.get("data") if isinstance(levels, dict) else None
    stages = [_stage(one, wish.zone) for one in data] if isinstance(data, list) else []
    metric, end_ms = vocabulary().metrics["sleep-episode"], _local(said, "endTime", wish.zone)[0]
    item = Item(str(where), metric, start_ms, {"stages": stages}, offset_min, end_ms=end_ms)
    take(lanes.batch.of(SOURCE), item)


def _stage(said: Any, zone: tzinfo | None) -> dict[str, Any]:
    seconds = said.get("seconds") if isinstance(said, dict) else None
    if type(seconds) is not int:
        raise ItemRefused("value-invalid", "a level has its seconds", "/levels/data")
    t_ms = _local(said, "dateTime", zone)[0]
    return {"stage": _STAGES.get(str(said.get("level")), "unknown"), "t": t_ms, "end": t_ms + seconds * 1_000}


def _t_ms(said: dict[str, Any], name: str, form: str, zone: tzinfo) -> int:
    return tables.local_instant(str(said.get(name)), form, zone, f"/{name}")[0]


def _local(said: dict[str, Any], name: str, zone: tzinfo | None) -> tuple[int, int | None]:
    return tables.local_instant(str(said.get(name)), LONG, zone, f"/{name}")
