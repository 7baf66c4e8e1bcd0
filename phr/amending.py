"""Readings that change hands or times: given to whose they are, taken out, given back, moved, put back on their
device's clock; what they raised goes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import msgspec

from phr.alerts import raising
from phr.clock import DAY_MS
from phr.database import Database
from phr.errors import PhrError
from phr.formats import phr_v1
from phr.intake import held
from phr.intake.device import Device
from phr.intake.device_clock import Period, as_told, on_true_time
from phr.intake.held import HeldRow
from phr.notices import outbox
from phr.readings import carrying, void
from phr.readings.columnwise import EXTRA_KEYS
from phr.readings.revisions import Key, Row
from phr.readings.void import Act, Done, Source, Wanted
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Run

UNCLOCKED = "the clock was right"  # begins the reason of what was put back on its device's clock
UNBOUND_ORIGIN = "mqtt"  # over HTTP nobody speaks for a device that is nobody's


_EXTRAS = {stored: name for name, stored in EXTRA_KEYS.items()}


class NotMovable(PhrError):
    """The other person's record does not take the readings: before their birth, or they withdrew their consent."""

    code: ClassVar[str] = "not-movable"
    status: ClassVar[int] = 409


@dataclass(slots=True)
class Unclocked:
    """``left``: readings that stay where they stood, since no record may take them any more."""

    restamped: int = 0
    left: int = 0


class _Again(NamedTuple):
    """Readings of one bucket, to be recorded once more."""

    way: Way
    runs: list[list[Any]]
    rows: Mapping[Key, Row]
    said: Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Way:
    """Which readings, and to whom."""

    source: Source
    wanted: Wanted
    to: str


def take_out(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Voids readings, and withdraws the notices that they raised; safe to repeat. Raises as ``void.void``."""
    done = void.void(database, source, wanted, act)
    raised = _raised_by(source, done)
    outbox.withdraw(database, raised, act.now_ms)
    raising.withdraw(database, source.person, outbox.keys_of(database, raised), act.now_ms)
    return done


def give_back(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Restores readings and the notices that were withdrawn with them; safe to repeat. Raises as ``void.void``."""
    done = void.restore(database, source, wanted, act)
    raised = _raised_by(source, done)
    outbox.reinstate(database, raised)
    raising.reinstate(database, source.person, outbox.keys_of(database, raised))
    return done


def give(recorder: Recorder, database: Database, rows: Sequence[HeldRow], act: Act) -> list[Verdict]:
    """Records held readings for the person whom the act names, who said that they are theirs; safe to repeat.

    One that was theirs and was taken back before is given back.
    """
    deliveries = [_given(row, act.author) for row in rows]
    verdicts = recorder.record(deliveries, act.now_ms)
    taken_back: dict[tuple[str, str], list[tuple[Source, Wanted]]] = {}
    for delivery in deliveries:
        for source, wanted in _sources(delivery, act.author):
            taken_back.setdefault((source.metric.key, source.device), []).append((source, wanted))
    for parts in taken_back.values():
        keys = frozenset(key for _, wanted in parts for key in wanted.keys or ())
        give_back(database, parts[0][0], Wanted(keys), act)
    return verdicts


def settle_given(database: Database, rows: Iterable[HeldRow], now_ms: int) -> None:
    for row in rows:
        held.settle(database, row, now_ms)


def source_of(row: HeldRow, person: str) -> tuple[Source, Wanted]:
    """Where a held reading stands once it is a person's."""
    ((source, wanted),) = _sources(_given(row, person), person)
    return source, wanted


def _given(row: HeldRow, person: str) -> Delivery:
    decoded: Decoded = phr_v1.decode(msgspec.json.encode({"readings": [row.item]}), vocabulary())
    return Delivery(decoded, row.device, UNBOUND_ORIGIN, row.arrived_at_ms, person=person, is_given=True)


def _sources(delivery: Delivery, person: str) -> Iterable[tuple[Source, Wanted]]:
    for run in delivery.decoded.runs:
        keys = zip(run.t, run.seq or [0] * len(run), strict=True)
        yield Source(person, run.metric, delivery.device), Wanted(frozenset(keys))


def _raised_by(source: Source, done: Done) -> outbox.Raised:
    return outbox.Raised(source.person, source.metric.key, source.device, frozenset(done.keys))


def move(recorder: Recorder, database: Database, way: Way, act: Act) -> Done:
    """Records the standing readings for another person with all that they held before, then takes them out here.

    Safe to repeat. Raises NotMovable, HistoryFull, with nothing taken out, where the other person's record does not
    take them.
    """
    there = Source(way.to, way.source.metric, way.source.device)
    said = carrying.said_at_ms(database, way.source, way.wanted)
    for runs, rows in void.standing(database, way.source, way.wanted):
        deliveries = _handed_over(way, runs, rows, said)
        _must_take(recorder.record(deliveries, act.now_ms))
        wanted = Wanted(frozenset(rows))
        give_back(database, there, wanted, act)
        # What stood there before stands as it was then; it has to hear what was said since.
        _must_take(recorder.record(deliveries, act.now_ms))
        carrying.carry(database, way.source, way.to, wanted)
    return take_out(database, way.source, way.wanted, act)


def unclock(recorder: Recorder, database: Database, device: Device, period: Period, now_ms: int) -> Unclocked:
    """Puts what a removed period had corrected back to where a re-send of it goes now, for those whose it is.

    Recorded there with all that it held before, then taken out where it stood; what had been taken out before stays
    so. Safe to repeat. Raises HistoryFull, VoidedTooOften, ServerUnavailable, PyMongoError.
    """
    assert period.removed, "the period still holds, and a re-send would go where the reading stands"
    done = Unclocked()
    act = Act(period.removed.by, f"{UNCLOCKED}: {period.removed.why}", now_ms)
    within = Wanted(None, (period.from_device_ms + period.offset_ms, now_ms + DAY_MS))
    for source in void.sources_of(database, device.ref):
        way = Way(source, within, source.person)
        said = carrying.said_at_ms(database, source, within)
        for runs, rows, reasons in void.taken_out(database, source, within):
            under = _under(period, runs, rows)
            mine = {key for key in under if reasons[key] == act.reason}  # by a try that was broken off
            others = {key: row for key, row in under.items() if key not in mine}
            there = _record_again(recorder, database, device, _Again(way, runs, others, said), now_ms).values()
            take_out(database, source, Wanted(frozenset((*mine, *there))), act)
        for runs, rows in void.standing(database, source, within):
            again = _Again(way, runs, _under(period, runs, rows), said)
            moved = _record_again(recorder, database, device, again, now_ms)
            done.restamped += take_out(database, source, Wanted(frozenset(moved)), act).changed
            done.left += len(again.rows) - len(moved)
    return done


def _under(period: Period, runs: list[list[Any]], rows: Mapping[Key, Row]) -> dict[Key, Row]:
    """Those of the rows whose time was corrected by the period: its offset is no other one's."""
    return {key: row for key, row in rows.items() if runs[row.run][6:7] == [period.offset_ms]}


def _record_again(recorder: Recorder, database: Database, device: Device, again: _Again, now_ms: int) -> dict[Key, Key]:
    """From where each stood to where it stands now; those that no record may take any more are not in it."""
    told = [one._replace(decoded=_as_told(one.decoded), shift_ms=None) for one in _handed_over(*again)]
    found: dict[Key, Key] = {}
    by_shift: dict[int, set[Key]] = {}
    for before, one, verdict in zip(sorted(again.rows), told, recorder.record(told, now_ms), strict=True):
        if verdict.rejected:
            continue
        (timed,) = on_true_time(one.decoded.runs[0], device.clock, one.arrived_at_ms)
        found[before] = (timed.run.t[0], before[1])
        by_shift.setdefault(timed.run.t[0] - before[0], set()).add(before)
    for shift_ms, keys in by_shift.items():
        carrying.carry(database, again.way.source, again.way.to, Wanted(frozenset(keys)), shift_ms)
    return found


def _as_told(decoded: Decoded) -> Decoded:
    return replace(decoded, runs=[as_told(run) for run in decoded.runs])


def _must_take(verdicts: Iterable[Verdict]) -> None:
    if any(verdict.rejected or verdict.held for verdict in verdicts):
        raise NotMovable("the other record does not take these readings")


def _handed_over(way: Way, runs: list[list[Any]], rows: Mapping[Key, Row], said: Mapping[Key, int]) -> list[Delivery]:
    """Each as it came: its unit, offset, origin and arrival; one a delivery, since runs differ."""
    metric = way.source.metric
    names = sorted({name for row in rows.values() for name, _ in row.values})
    found = []
    for (t, seq), row in sorted(rows.items()):
        offset_min, unit, origin, _, arrived_at_ms, _, *clock = runs[row.run]
        values = dict(row.values)
        run = Run(metric, "", metric.unit_by_name.get(unit or ""), offset_min, [t], {}, "")
        run.values = {name: [values[name]] for name in names if name in values}
        run.seq = [seq]
        run.clock_offset_ms = clock[0] if clock else 0
        run.extras = {0: {_EXTRAS[name]: value for name, value in row.extra.items()}} if row.extra else {}
        decoded = Decoded(runs=[run], sent_at_ms=said.get((t, seq)))
        # Its time has been put right already.
        delivery = Delivery(decoded, way.source.device, origin, arrived_at_ms, person=way.to, shift_ms=0, is_given=True)
        found.append(delivery)
    return found
