"""Readings that change hands: given to whose they are, taken out, given back, moved; what they raised goes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from phr.database import Database
from phr.errors import PhrError
from phr.formats import phr_v1
from phr.intake import held
from phr.intake.held import HeldRow
from phr.notices import outbox
from phr.readings import carrying, void
from phr.readings.chunk import EXTRA_KEYS
from phr.readings.revisions import Key, Row
from phr.readings.void import Act, Done, Source, Wanted
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Run

UNBOUND_ORIGIN = "mqtt"  # over HTTP nobody speaks for a device that is nobody's


_EXTRAS = {stored: name for name, stored in EXTRA_KEYS.items()}


class NotMovable(PhrError):
    """The other person's record does not take the readings: before their birth, or they withdrew their consent."""

    code: ClassVar[str] = "not-movable"
    status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class Way:
    """Which readings, and to whom."""

    source: Source
    wanted: Wanted
    to: str


def take_out(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Voids readings, and withdraws the notices that they raised; safe to repeat. Raises as ``void.void``."""
    done = void.void(database, source, wanted, act)
    outbox.withdraw(database, _raised_by(source, done), act.now_ms)
    return done


def give_back(database: Database, source: Source, wanted: Wanted, act: Act) -> Done:
    """Restores readings and the notices that were withdrawn with them; safe to repeat. Raises as ``void.void``."""
    done = void.restore(database, source, wanted, act)
    outbox.reinstate(database, _raised_by(source, done))
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
