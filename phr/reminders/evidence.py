"""What shows in the record that somebody did what a reminder asks: an intake, a reading, an encounter, a lesson."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from phr.database import Database, Document
from phr.people import keyring
from phr.people.keyring import KeyDestroyed
from phr.readings.raw import stretches
from phr.readings.spans import bucket_id, span_of
from phr.reminders.ledger import DONE, SKIPPED, Seen, Settlement
from phr.timeline.entry import Entry, from_row
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import vocabulary

_SHOWN_BY = {"medication": "intake", "visit": "encounter", "lesson": "lesson"}  # the kind of entry
_OUTCOMES = {"taken": DONE, "skipped": SKIPPED}


def found(database: Database, occurrences: Iterable[Seen]) -> dict[str, Settlement]:
    """For each of the occurrences that something in the record settles, by id, what and since when; a query a kind."""
    by_kind: dict[str, list[Seen]] = defaultdict(list)
    for one in occurrences:
        if one.kind in ("visit", "measurement") or one.about is not None:
            by_kind[one.kind].append(one)
    settled = _by_readings(database, by_kind.pop("measurement", []))
    for kind, some in by_kind.items():
        settled |= _by_entries(database, _SHOWN_BY[kind], some)
    return settled


def _by_entries(database: Database, kind: str, some: Sequence[Seen]) -> dict[str, Settlement]:
    by_person: dict[str, list[Seen]] = defaultdict(list)
    for one in some:
        by_person[one.person].append(one)
    within = {"$gte": min(one.from_ms for one in some), "$lt": max(one.until_ms for one in some)}
    wanted = {"person": {"$in": list(by_person)}, "is_deleted": False, "kind": kind, "effective_ms": within}
    rows = list(database["entries"].find(wanted).sort([("effective_ms", 1), ("_id", 1)]))
    if rows:
        keyring.warm(database, sorted({row["person"] for row in rows}))
    settled: dict[str, Settlement] = {}
    for entry in _opened(database, rows):
        for one in by_person[entry.person]:
            state = _SETTLES[kind](one, entry)
            if state is not None and one.from_ms <= entry.effective_ms < one.until_ms:
                settled.setdefault(one.id, Settlement(one.id, state, kind, entry.effective_ms))
    return settled


def _opened(database: Database, rows: Iterable[Document]) -> Iterator[Entry]:
    for row in rows:
        try:
            yield from_row(database, row)
        except KeyDestroyed:  # its record is ending
            continue


def _by_intake(one: Seen, entry: Entry) -> str | None:
    return _OUTCOMES.get(entry.content["status"]) if entry.content.get("medication") == one.about else None


def _by_encounter(one: Seen, entry: Entry) -> str | None:  # noqa: ARG001 - any of that day is the visit
    return DONE


def _by_lesson(one: Seen, entry: Entry) -> str | None:
    is_it = entry.content["lesson"] == one.about and entry.content["outcome"] == "finished"
    return DONE if is_it else None


_SETTLES: Mapping[str, Callable[[Seen, Entry], str | None]] = {
    "intake": _by_intake,
    "encounter": _by_encounter,
    "lesson": _by_lesson,
}


def _by_readings(database: Database, some: Sequence[Seen]) -> dict[str, Settlement]:
    """From the buckets that any of the person's sources may have; one that was voided is no reading."""
    metrics = vocabulary().metrics
    wanted = [(one, metrics[one.about]) for one in some if one.about in metrics]
    if not wanted:
        return {}
    devices: dict[tuple[str, str], list[str]] = defaultdict(list)
    people = {one.person for one, _ in wanted}
    for row in database["sources"].find({"p": {"$in": list(people)}}, {"p": 1, "m": 1, "d": 1}, batch_size=10_000):
        devices[row["p"], row["m"]].append(row["d"])
    buckets = {
        one.id: [
            bucket_id(one.person, metric.key, start_ms, device)
            for device in devices.get((one.person, metric.key), ())
            for start_ms in _starts_ms(one, metric)
        ]
        for one, metric in wanted
    }
    ids = [bucket for some_ids in buckets.values() for bucket in some_ids]
    if not ids:
        return {}
    rows = database["readings"].find({"_id": {"$in": ids}}, {"c": 1, "runs": 1, "d": 1}, batch_size=1_000)
    by_id = {row["_id"]: row for row in rows}
    settled = {}
    for one, metric in wanted:
        documents = [by_id[bucket] for bucket in buckets[one.id] if bucket in by_id]
        first_ms = min(_instants(documents, one, metric), default=None)
        if first_ms is not None:
            settled[one.id] = Settlement(one.id, DONE, "reading", first_ms)
    return settled


def _starts_ms(one: Seen, metric: Metric) -> range:
    length = span_of(metric).bucket_ms
    return range(one.from_ms // length * length, one.until_ms, length)


def _instants(documents: Iterable[Document], one: Seen, metric: Metric) -> Iterator[int]:
    for document in documents:
        for stretch in stretches(document, metric):
            if part := stretch.cut(one.from_ms, one.until_ms):
                yield int(part.t[0])
