"""What the elements of an Apple Health export become: lanes of numbers, nights, blood pressures, events."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple

from phr.formats.building import Item, ItemRefused, parse_time, take
from phr.interchange.apple_lanes import DATE_LENGTH, TextLane, rfc3339
from phr.interchange.apple_words import (
    CONTEXTS,
    DEVICE_PARTS,
    DIASTOLIC,
    GLUCOSE,
    NOT_KEPT,
    PATH,
    ROOT,
    SENSORS,
    SLEEP,
    STAGES,
    SYSTOLIC,
    by_healthkit,
    unit_of,
)
from phr.interchange.formats import Batch, FileBroken
from phr.interchange.gathering import refuse, source_name
from phr.interchange.nights import Nights
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Rejection

MOST_REMEMBERED = 50_000  # of whatever the file names, so that a hostile one fills no memory
MOST_LANES = 5_000
ATTRIBUTES = ("type", "unit", "sourceName", "device", "startDate", "endDate", "value")
_SPECIAL = (SLEEP, SYSTOLIC, DIASTOLIC)


class _Record(NamedTuple):
    """Its attributes, empty where they are missing; in the order of ATTRIBUTES."""

    kind: str
    unit: str
    source: str
    device: str
    start: str
    end: str
    value: str


class _Half(NamedTuple):
    """One of the two numbers of a blood pressure."""

    is_systolic: bool
    value: float
    unit: str | None
    offset_min: int | None
    path: str


class Records:
    """Takes elements one by one; ``count``: records since the last batch was given out."""

    def __init__(self, salt: str) -> None:
        self.count = 0
        self.is_export = False
        self._salt = salt
        self._batch = Batch()
        self._metrics = by_healthkit()
        self._picks: dict[tuple[str, ...], Callable[[list[Any]], tuple[str, ...]]] = {}
        self._lanes: dict[tuple[str, str, float, str, int | None], TextLane] = {}
        self._by_text: dict[tuple[str, ...], TextLane | None] = {}
        self._sources: dict[tuple[str, str], str] = {}
        self._not_kept: dict[str, list[int]] = {}  # type -> [count, the first one's number]
        self._nights = Nights()
        self._halves: dict[tuple[str, int], _Half] = {}
        self._pressures: dict[tuple[str, int], None] = {}
        self._total = 0
        self._current: tuple[TextLane, int] | None = None  # the record whose metadata come next

    def start(self, name: str, attributes: list[Any]) -> None:
        """An element: its name, and its attributes as names and values in turn."""
        if name == "Record":
            self.count += 1
            self._total += 1
            self._record(attributes)
            return
        if name == "MetadataEntry":
            if self._current is not None:
                self._context(attributes)
            return
        self._current = None
        if name in NOT_KEPT:
            self.count += 1
            self._total += 1
            refuse(self._batch, "app", f"/{ROOT}/{name}", NOT_KEPT[name])
        elif not self.is_export:
            if name != ROOT:
                raise FileBroken(f"not an Apple Health export: it begins with {name[:64]!r}")
            self.is_export = True

    def give_out(self, *, is_last: bool) -> Batch:
        """All that came since the last time; halves of blood pressures and nights wait for their rest."""
        batch, batch.records = self._batch, self.count
        for lane in self._lanes.values():
            lane.give_out(batch)
        for kind, (count, first) in self._not_kept.items():
            why = "type-not-kept", f"no metric keeps {kind[:64]}"
            batch.of("app").rejections.append(Rejection(f"{PATH}/{first}/type", *why, count=count))
        self._not_kept.clear()
        if len(self._lanes) > MOST_LANES:
            self._lanes.clear()
            self._by_text.clear()
        if is_last or len(self._halves) > MOST_REMEMBERED:
            self._give_up_halves()
        if is_last:
            self._nights.end(batch)
        self._batch, self.count, self._current = Batch(), 0, None
        return batch

    def _record(self, attributes: list[Any]) -> None:
        """Texts are only put where they belong; a lane reads its numbers and dates by the thousand."""
        names = tuple(attributes[::2])
        pick = self._picks.get(names)
        if pick is None:
            pick = self._find_pick(names)
        attributes.append("")  # what is missing
        kind, unit, source, device, start, end, value = pick(attributes)
        offset = start[19:]
        key = kind, unit, source, device, offset  # the offset is all of a date that tells lanes apart
        try:
            lane = self._by_text[key]
        except KeyError:
            lane = self._find_lane(key, start)
        if lane is None or len(start) != DATE_LENGTH or end[19:] != offset:
            self._current = None
            self._rare(_Record(kind, unit, source, device, start, end, value))
            return
        self._current = lane, len(lane.starts)
        lane.starts.append(start)
        lane.ends.append(end)
        lane.values.append(value)
        lane.places.append(self._total)

    def _find_pick(self, names: tuple[str, ...]) -> Callable[[list[Any]], tuple[str, ...]]:
        """What picks ATTRIBUTES out of a list of names and values in turn, and "" at its end for what is missing."""
        if len(self._picks) > MOST_REMEMBERED:
            self._picks.clear()
        pick = itemgetter(*(2 * names.index(one) + 1 if one in names else -1 for one in ATTRIBUTES))
        self._picks[names] = pick
        return pick

    def _find_lane(self, key: tuple[str, ...], start: str) -> TextLane | None:
        """None: not a plain number of a metric; it is looked at by itself."""
        if len(self._by_text) > MOST_REMEMBERED:
            self._by_text.clear()
        kind, unit_text, source_text, device, _ = key
        metric, lane = self._metric(kind, f"{source_text} {device}"), None
        if metric is not None and metric.value_type in (ValueType.NUMBER, ValueType.INTERVAL):
            name, factor = unit_of(metric, unit_text)
            unit = metric.unit_by_name.get(name)
            try:
                offset_min = parse_time(rfc3339(start), "")[1]
            except ItemRefused:
                return None
            if unit is not None:
                source = self._source(source_text, device)
                where = metric.key, unit.code, factor, source, offset_min
                if where not in self._lanes:
                    self._lanes[where] = TextLane(source, metric, unit, factor, offset_min)
                lane = self._lanes[where]
        self._by_text[key] = lane
        return lane

    def _metric(self, kind: str, source_text: str) -> Metric | None:
        if kind == GLUCOSE and SENSORS.search(source_text):
            return vocabulary().metrics["glucose-interstitial"]
        return self._metrics.get(kind)

    def _rare(self, record: _Record) -> None:
        """What is no plain number: sleep, blood pressure, events, and what can't be taken."""
        metric = self._metric(record.kind, f"{record.source} {record.device}")
        if metric is None and record.kind not in _SPECIAL and len(self._not_kept) < MOST_REMEMBERED:
            self._not_kept.setdefault(record.kind, [0, self._total])[0] += 1
            return
        try:
            self._take(record, metric)
        except ItemRefused as error:
            refuse(self._batch, "app", f"{PATH}/{self._total}{error.pointer}", (error.code, error.detail))

    def _take(self, record: _Record, metric: Metric | None) -> None:
        t_ms, offset_min = parse_time(rfc3339(record.start), "/startDate")
        end_ms = parse_time(rfc3339(record.end), "/endDate")[0]
        source, path = self._source(record.source, record.device), f"{PATH}/{self._total}"
        if record.kind == SLEEP:
            stage = STAGES.get(record.value.removeprefix("HKCategoryValueSleepAnalysis"))
            if stage is None or end_ms < t_ms:
                raise ItemRefused("code-unknown", "no such stage of sleep, or it ends before it begins", "/value")
            self._nights.add(self._batch, source, stage, (t_ms, end_ms, offset_min), path)
        elif record.kind in (SYSTOLIC, DIASTOLIC):
            half = _Half(record.kind == SYSTOLIC, _number(record.value), record.unit, offset_min, path)
            self._pressure(source, t_ms, half)
        elif metric is not None and metric.value_type is ValueType.EVENT:
            take(self._batch.of(source), Item(path, metric, t_ms, None, offset_min))
        elif metric is not None:
            self._one_number(source, path, metric, record)
        else:
            raise ItemRefused("type-not-kept", "no metric keeps this type", "/type")

    def _one_number(self, source: str, path: str, metric: Metric, record: _Record) -> None:
        """A plain number whose unit is unknown, or whose clock was changed between start and end."""
        unit, factor = unit_of(metric, record.unit)
        t_ms, offset_min = parse_time(rfc3339(record.start), "/startDate")
        end_ms = parse_time(rfc3339(record.end), "/endDate")[0] if metric.value_type is ValueType.INTERVAL else None
        take(
            self._batch.of(source),
            Item(path, metric, t_ms, _number(record.value) * factor, offset_min, unit, end_ms),
        )

    def _pressure(self, source: str, t_ms: int, half: _Half) -> None:
        """What comes once more after both halves is the copy that stands inside a Correlation, or outside of it."""
        if (source, t_ms) in self._pressures:
            return
        other = self._halves.get((source, t_ms))
        if other is None or other.is_systolic == half.is_systolic:
            self._halves[source, t_ms] = half
            return
        del self._halves[source, t_ms]
        if len(self._pressures) > MOST_REMEMBERED:
            self._pressures.clear()
        self._pressures[source, t_ms] = None
        systolic, diastolic = (half, other) if half.is_systolic else (other, half)
        value = {"systolic": systolic.value, "diastolic": diastolic.value}
        metric = vocabulary().metrics["blood-pressure"]
        item = Item(systolic.path, metric, t_ms, value, half.offset_min, unit_of(metric, half.unit)[0])
        take(self._batch.of(source), item)

    def _give_up_halves(self) -> None:
        for (source, _), half in self._halves.items():
            why = ("component-missing", "a blood pressure has a systolic and a diastolic value of the same instant")
            refuse(self._batch, source, half.path, why)
        self._halves.clear()

    def _context(self, attributes: list[str]) -> None:
        assert self._current is not None
        said = dict(zip(attributes[::2], attributes[1::2], strict=True))
        found = CONTEXTS.get((said.get("key", ""), said.get("value", "")))
        if found is not None:
            lane, index = self._current
            lane.contexts.setdefault(index, {})[found[0]] = found[1]

    def _source(self, name: str, device: str) -> str:
        found = self._sources.get((name, device))
        if found is None:
            if len(self._sources) > MOST_REMEMBERED:
                self._sources.clear()
            # The device's text begins with its place in the memory of a phone, which says nothing.
            parts = dict(DEVICE_PARTS.findall(device.partition(">")[2] or device))
            product = parts.get("hardware") or parts.get("model") or parts.get("name") or ""
            found = self._sources[name, device] = source_name(self._salt, product, name)
        return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ItemRefused("value-invalid", "a value is a number", "/value") from error
