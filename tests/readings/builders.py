"""Readings for tests, and a store so simple that its answers can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from phr.database import Database
from phr.readings.columns import ABSENT
from phr.readings.raw import Lane, OffsetAt, read
from phr.readings.stats import Column, Stats
from phr.readings.store import Arrival
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import DURATION, Run
from tests.cast import T0

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
ALL_TIME = (-(10**13), 10**14)
BEIJING = 480


def a_metric(key: str) -> Metric:
    return vocabulary().metrics[key]


def a_run(t: int | Sequence[int] = T0, value: Any = 720, metric: str = "heart-rate", **changes: Any) -> Run:
    """Readings that share everything: a number, or a number by component, for each instant; Beijing time."""
    instants = [t] if isinstance(t, int) else list(t)
    numbers = value if isinstance(value, dict) else {"": value}
    columns = {k: list(v) if isinstance(v, (list, tuple)) else [v] * len(instants) for k, v in numbers.items()}
    made = a_metric(metric)
    valid: dict[str, Any] = {"slot": "", "unit": made.unit, "offset_min": BEIJING, "path": "/readings/0"}
    return Run(metric=made, t=instants, values=columns, **(valid | changes))


def arriving(run: Run, **changes: Any) -> Arrival:
    """The run on its way to ana, from one cuff, by MQTT."""
    valid = {"person": "ana", "device": "acme/cuff-1", "origin": "mqtt", "arrived_at_ms": T0}
    return Arrival(run=run, **(valid | changes))


def a_lane(database: Database, metric: str = "heart-rate", person: str = "ana", zone: OffsetAt | None = None) -> Lane:
    return Lane(database, person, a_metric(metric), zone or (lambda _t_ms: BEIJING))


Identity = tuple[str, str, str, int, int]  # person, metric, device, t, seq


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as anybody would write it down."""

    values: tuple[tuple[str, int], ...]
    offset_min: int | None
    context: Any = None

    def says(self, other: Reading) -> bool:
        """True where this adds nothing to the other: the same numbers, and no context or the same."""
        return self.values == other.values and self.context in (None, other.context)


def stored_in(lane: Lane) -> dict[Identity, Reading]:
    """Every reading of a lane that the store gives back."""
    found = {}
    for stretch in read(lane, ALL_TIME):
        for i, t in enumerate(stretch.t.tolist()):
            seq = 0 if stretch.seq is None else int(stretch.seq[i])
            run = stretch.runs[0 if stretch.run is None else int(stretch.run[i])]
            values = tuple(sorted((k, int(v[i])) for k, v in stretch.values.items() if v[i] != ABSENT))
            context = stretch.extras.get(str(i), {}).get("c")
            key = (lane.person, lane.metric.key, stretch.device, t, seq)
            assert key not in found
            found[key] = Reading(values, run[0], context)
    return found


@dataclass
class Model:
    """What the contract says of identity, one reading at a time, in a dictionary."""

    readings: dict[Identity, Reading] = field(default_factory=dict)
    past: dict[Identity, list[tuple[Reading, int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, arrival: Arrival) -> dict[str, int]:
        """How many were stored, duplicate and corrected."""
        counts = dict.fromkeys(("stored", "duplicate", "corrected"), 0)
        for key, reading in _readings_of(arrival):
            counts[self._take_one(key, reading, arrival)] += 1
        return counts

    def _take_one(self, key: Identity, new: Reading, arrival: Arrival) -> str:
        old = self.readings.get(key)
        if old is None:
            self.readings[key] = new
            return "stored"
        if new.says(old):
            if old.offset_min is None:
                self.readings[key] = Reading(old.values, new.offset_min, old.context)
            return "duplicate"
        replaced_at = [by for held, by in self.past[key] if new.says(held)]
        if replaced_at and (arrival.sent_at_ms is None or arrival.sent_at_ms <= replaced_at[-1]):
            return "duplicate"
        by = arrival.arrived_at_ms if arrival.sent_at_ms is None else arrival.sent_at_ms
        self.past[key].append((old, by))
        self.readings[key] = new
        return "corrected"

    def of(self, lane: Lane) -> dict[Identity, Reading]:
        return {key: one for key, one in self.readings.items() if key[:2] == (lane.person, lane.metric.key)}

    def days(self, lane: Lane) -> dict[tuple[int, str], Stats]:
        """Stats by local day and device."""
        return _grouped((line[0], line[1].device, line) for line in self._lines(lane))

    def _lines(self, lane: Lane) -> list[_Line]:
        found = []
        for (_, _, device, t, seq), one in self.of(lane).items():
            values = dict(one.values)
            named = t + (values.get(DURATION, 0) if lane.metric.day_of == "end" else 0)
            offset = lane.offset_at(t) if one.offset_min is None else one.offset_min
            day = (named + offset * MINUTE_MS) // DAY_MS
            found.append((day, _Numbers(device, t, seq, values)))
        return found


@dataclass(frozen=True, slots=True)
class _Numbers:
    device: str
    t: int
    seq: int
    values: dict[str, int]


_Line = tuple[int, _Numbers]  # local day, what was measured


def _readings_of(arrival: Arrival) -> Iterable[tuple[Identity, Reading]]:
    run = arrival.run
    for i, t in enumerate(run.t):
        seq = run.seq[i] if run.seq else 0
        values = tuple(sorted((name, v) for name, column in run.values.items() if (v := column[i]) is not None))
        context = run.extras.get(i, {}).get("context")
        yield (arrival.person, run.metric.key, arrival.device, t, seq), Reading(values, run.offset_min, context)


def _grouped(lines: Iterable[tuple[int, str, _Line]]) -> dict[tuple[int, str], Stats]:
    groups: dict[tuple[int, str], list[_Line]] = defaultdict(list)
    for start, device, line in lines:
        groups[start, device].append(line)
    return {key: _stats(group) for key, group in groups.items()}


def _stats(group: list[_Line]) -> Stats:
    """Days may overlap in time (who flies over the date line lives one twice); they follow each other by their ends."""
    ends: dict[int, int] = {}
    for day, one in group:
        ends[day] = max(ends.get(day, one.t), one.t)
    ordered = [one for _, one in sorted(group, key=lambda line: (ends[line[0]], line[0], line[1].t, line[1].seq))]
    names = sorted({name for one in ordered for name in one.values} - {DURATION})
    columns = []
    for name in names:
        numbers = [one.values[name] for one in ordered if name in one.values]
        columns.append((name, Column(len(numbers), min(numbers), max(numbers), sum(numbers), numbers[-1])))
    return Stats(len(ordered), ordered[-1].t, tuple(columns))
