"""Readings that change hands: given to whose they are, taken out, given back, moved; what they raised goes along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from phr.database import Database
from phr.formats import phr_v1
from phr.intake import held
from phr.intake.held import HeldRow
from phr.notices import outbox
from phr.readings import void
from phr.readings.void import Act, Done, Source, Wanted
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded

UNBOUND_ORIGIN = "mqtt"  # over HTTP nobody speaks for a device that is nobody's


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
    for delivery in deliveries:
        for source, wanted in _sources(delivery, act.author):
            give_back(database, source, wanted, act)
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
