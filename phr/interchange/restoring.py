"""Parts of an archive put back into a person's record as they were; what is there already stays as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from phr.database import Database
from phr.errors import InputInvalid, VersionConflict
from phr.intake import entered
from phr.interchange.archive import scale_of
from phr.interchange.archive_lines import MANIFEST, Profile, Scale, Zone
from phr.interchange.formats import FileBroken, Part
from phr.interchange.imports import Counts, Import, Reason
from phr.people import people
from phr.people.people import Change, ZonePeriod
from phr.readings import priorities, rezoning
from phr.readings import whole as readings
from phr.readings.telling import Line, LineInvalid
from phr.timeline import whole as entries
from phr.timeline.whole import SELF, Version, VersionInvalid
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

Outcome = Literal["stored", "duplicate", "taken"]
TAKEN = ("place-taken", "the record holds something else there, which stays; an archive goes into an empty record")
MOST_ZONES = 1_000
_DEVICE = re.compile(r"[A-Za-z0-9._:/@-]{1,160}", re.ASCII)


@dataclass(slots=True)
class Told:
    counts: Counts = field(default_factory=Counts)
    reasons: list[Reason] = field(default_factory=list)

    def add(self, outcome: Outcome, count: int, path: str) -> None:
        if outcome == "taken":
            self.reasons.append(Reason(*TAKEN, count, path))
        named = {"stored": "stored", "duplicate": "duplicate", "taken": "refused"}[outcome]
        self.counts = self.counts.plus(Counts(**{named: count}))


def take(database: Database, one: Import, parts: Sequence[Part], now_ms: int) -> Told:
    """What became of them; safe to repeat. In a dry run nothing is written. Raises FileBroken with the field."""
    told = Told()
    if parts and isinstance(parts[0].value, Profile):
        _profile(database, one, parts[0])
    elif parts and isinstance(parts[0].value, list):
        _entries(database, one, parts, now_ms, told)
    elif parts and isinstance(parts[0].value[2], bytes):
        if not one.is_dry_run:
            entry, sha256, content = parts[0].value
            entries.put_file(_entry_place(database, one, now_ms), entry, sha256, content)
    elif parts:
        _readings(database, one, parts, now_ms, told)
    return told


def take_back(database: Database, one: Import, now_ms: int) -> int:
    """How many readings and entries went; what was changed since stays. Safe to repeat."""
    gone = entries.take_back(_entry_place(database, one, now_ms))
    gone += readings.take_back(_reading_place(database, one, now_ms))
    _unfill(database, one)
    return gone


def standing(database: Database, one: Import) -> int:
    """How many readings and entries stand as the import put them there."""
    return entries.standing(_entry_place(database, one, 0)) + readings.standing(_reading_place(database, one, 0))


def _entry_place(database: Database, one: Import, now_ms: int) -> entries.Place:
    return entries.Place(database, one.person, one.id, now_ms)


def _reading_place(database: Database, one: Import, now_ms: int) -> readings.Place:
    return readings.Place(database, one.person, one.id, now_ms)


def _entries(database: Database, one: Import, parts: Sequence[Part], now_ms: int, told: Told) -> None:
    found: list[list[Version]] = [part.value for part in parts]
    act = entries.weigh if one.is_dry_run else entries.put
    place = _entry_place(database, one, now_ms)
    try:
        outcomes = act(place, found)
    except VersionInvalid:
        outcomes = [_entry_alone(place, part, act) for part in parts]  # names the one at fault
    for part, outcome in zip(parts, outcomes, strict=True):
        told.add(outcome, 1, part.path)


def _entry_alone(place: entries.Place, part: Part, act: Callable[..., list[Outcome]]) -> Outcome:
    try:
        return act(place, [part.value])[0]
    except VersionInvalid as error:
        raise FileBroken(f"{part.path}{error.pointer}: {error.detail}") from error


def _readings(database: Database, one: Import, parts: Sequence[Part], now_ms: int, told: Told) -> None:
    place = _reading_place(database, one, now_ms)
    act = readings.weigh if one.is_dry_run else readings.put
    for key, group in groupby(parts, key=lambda part: part.value[0]):
        of_metric = list(group)
        metric = _metric(key, of_metric[0].value[1])
        lines = [_own(part, one.person) for part in of_metric]
        if not one.is_dry_run:
            _claim_ids(database, one.person, metric, lines)
        try:
            outcomes = act(place, metric, lines)
        except LineInvalid:
            for part, line in zip(of_metric, lines, strict=True):
                _check_line(place, metric, part, line)
            raise FileBroken(f"{of_metric[0].path}: a span of a device that stands there twice") from None
        for part, line, outcome in zip(of_metric, lines, outcomes, strict=True):
            told.add(outcome, len(line), part.path)


def _check_line(place: readings.Place, metric: Metric, part: Part, line: Line) -> None:
    try:
        readings.weigh(place, metric, [line])
    except LineInvalid as error:
        raise FileBroken(f"{part.path}{error.pointer}: {error.detail}") from error


def _metric(key: str, scale: Scale) -> Metric:
    metric = vocabulary().metrics.get(key)
    if metric is None:
        raise FileBroken(f"/{MANIFEST}/metrics/{key}: this record knows no such metric")
    if scale != scale_of(metric):
        raise FileBroken(f"/{MANIFEST}/metrics/{key}: this record keeps it in another unit or at another scale")
    return metric


def _own(part: Part, person: str) -> Line:
    line: Line = part.value[2]
    if not _DEVICE.fullmatch(line.device):
        raise FileBroken(f"{part.path}/device: no device is called so")
    for act in line.acts:
        act.by = person if act.by == SELF else act.by
    return line


def _claim_ids(database: Database, person: str, metric: Metric, lines: Sequence[Line]) -> None:
    """What was entered by hand keeps the ids that clients made for it, so that it is known when it is sent again."""
    found = []
    for line in lines:
        if line.device == entered.HAND:
            for rows in (line.readings, line.voided):
                found += _ids(rows) if rows else []
    if found:
        entered.restore(database, person, metric.key, found)


def _ids(rows: Any) -> list[tuple[str, int, int]]:
    found, t = [], 0
    for index, step in enumerate(rows.t):
        t += step
        name = rows.extras.get(str(index), {}).get("id")
        if isinstance(name, str):
            found.append((name, t, rows.seq[index] if rows.seq else 0))
    return found


def _profile(database: Database, one: Import, part: Part) -> None:
    """Fills in what is not known of the person; zones, where none but the first was ever said."""
    profile: Profile = part.value
    person = people.require(database, one.person)
    fields = {
        name: getattr(profile, name)
        for name in people.PATCHED
        if getattr(person, name) is None and getattr(profile, name) is not None
    }
    zones = () if len(person.zones) > 1 else _zones(profile.zones, part.path)
    if one.is_dry_run:
        return
    filled: dict[str, Any] = {"fields": sorted(fields), "zone": person.zones[0].zone if zones else None}
    filled["rankings"] = {key: one for key, one in profile.rankings.items() if key in vocabulary().metrics}
    # What is to be undone is known before it is done; the same again finds it filled and adds nothing.
    database["imports"].update_one({"_id": one.id, "filled": None}, {"$set": {"filled": filled}})
    try:
        people.patch(database, one.person, Change(fields=fields))
        if zones:
            people.replace_zones(database, one.person, zones)
    except InputInvalid as error:
        raise FileBroken(f"{part.path}{error.pointer or ''}: {error.detail}") from error
    rezoning.settle(database, people.require(database, one.person), one.created_at_ms)
    for metric, sources in filled["rankings"].items():
        _order(database, one.person, metric, (), sources)


def _zones(said: Sequence[Zone], path: str) -> list[ZonePeriod]:
    since = [one.since for one in said[1:]]
    is_in_order = bool(said) and said[0].since is None and None not in since and since == sorted(set(since))  # type: ignore[type-var]
    if not is_in_order or len(said) > MOST_ZONES:
        raise FileBroken(f"{path}/zones: the zones in order of time, the first since ever")
    return [ZonePeriod(one.since, one.zone) for one in said]


def _order(database: Database, person: str, metric: str, before: Sequence[str], after: Sequence[str]) -> None:
    """Another order of a metric's sources, unless the person has stated one that is not as before."""
    known = priorities.find(database, person, metric)
    if known.sources == tuple(before):
        with contextlib.suppress(VersionConflict):  # the person is quicker
            priorities.put(database, person, metric, after, known.version)


def _unfill(database: Database, one: Import) -> None:
    row = database["imports"].find_one({"_id": one.id}, {"filled": 1}) or {}
    filled = row.get("filled")
    if not filled:
        return
    people.patch(database, one.person, Change(fields=dict.fromkeys(filled["fields"])))
    for metric, sources in filled["rankings"].items():
        _order(database, one.person, metric, sources, ())
    if filled["zone"]:
        people.replace_zones(database, one.person, [ZonePeriod(None, filled["zone"])])
    rezoning.settle(database, people.require(database, one.person), one.created_at_ms)
