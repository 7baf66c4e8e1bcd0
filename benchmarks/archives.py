"""How fast a whole record becomes an archive and a record again, and what memory it takes; the database beside it."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks import Figure, note
from benchmarks.stack import running
from phr.care.rules import rules
from phr.clock import now_ms
from phr.database import Database
from phr.interchange import archive, formats, importing
from phr.interchange.exporters import Asked
from phr.interchange.formats import Wish
from phr.interchange.importing import Into
from phr.people import people
from phr.people.people import NewPerson
from phr.readings import whole
from phr.readings.telling import Line, Rows, Run
from phr.recording import Recorder
from phr.vocabulary.metrics import vocabulary

FIGURES = ("archive_out_readings_per_s", "archive_in_readings_per_s", "archive_rss_growth_mb")
READINGS = 10_000_000
BUCKET_MS = 6 * 3_600_000
FIRST_MS = 1_420_070_400_000 // BUCKET_MS * BUCKET_MS
A_BUCKET = 5_000  # a heart rate every four seconds


def figures() -> Iterator[Figure]:
    """One person's years of heart rate out into a file and into another person's empty record."""
    with tempfile.TemporaryDirectory(prefix="phr-bench-") as folder, running() as stack:
        database, path = stack.database, Path(folder) / "record.phr.zip"
        old, new = (people.create(database, NewPerson(zone="Asia/Shanghai")).id for _ in range(2))
        _fill(database, old)
        before = psutil.Process().memory_info().rss
        begin = time.monotonic()
        with path.open("wb") as out:
            for piece in archive.write(Asked(database, old, now_ms())):
                out.write(piece)
        seconds = time.monotonic() - begin
        note(f"{READINGS:,} readings out in {seconds:.1f} s: {path.stat().st_size / 1e6:.0f} MB")
        yield Figure("archive_out_readings_per_s", READINGS / seconds, "readings/s")
        begin = time.monotonic()
        with path.open("rb") as file:
            into = Into(database, Recorder(database, rules()), new, "bench", now_ms)
            one = importing.run(into, formats.find_format("phr-archive"), file, Wish())
        seconds = time.monotonic() - begin
        assert one.counts.stored == READINGS, one
        yield Figure("archive_in_readings_per_s", READINGS / seconds, "readings/s")
        yield Figure("archive_rss_growth_mb", (psutil.Process().memory_info().rss - before) / 1e6, "MB")


def _fill(database: Database, person: str) -> None:
    metric = vocabulary().metrics["heart-rate"]
    place = whole.Place(database, person, "bench", now_ms())
    step = BUCKET_MS // A_BUCKET
    for low in range(0, READINGS, A_BUCKET * 20):
        lines = [
            _line(start, min(A_BUCKET, READINGS - start), step)
            for start in range(low, min(READINGS, low + A_BUCKET * 20), A_BUCKET)
        ]
        whole.put(place, metric, lines)


def _line(first: int, count: int, step: int) -> Line:
    """Whole beats that wander, some seconds apart as a watch takes them: numbers that do not shrink to nothing."""
    chance = random.Random(first)
    start = FIRST_MS + first // A_BUCKET * BUCKET_MS
    values: list[int | None] = [10 * round(chance.gauss(72, 9)) for _ in range(count)]
    t = [start + step // 2, *(1_000 * chance.randint(1, step * 2 // 1_000 - 1) for _ in range(count - 1))]
    return Line("acme/watch", start, [Run(480, "/min", "mqtt", start, start)], Rows(t, {"": values}))
