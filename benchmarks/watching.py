"""How many people a second one scheduler judges by rules over a window."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks import Figure, note
from benchmarks.stack import Stack, running
from phr.care.rules import rules
from phr.clock import DAY_MS, now_ms
from phr.readings import store
from phr.readings.store import Arrival
from phr.timeline import effective, entries
from phr.timeline.effective import Effective
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Run
from phr.watching import judging, watches
from phr.watching.watches import SOON_MS, News

FIGURES = ("watch_pressure_people_per_s", "watch_cgm_people_per_s")

PEOPLE = 400
# Code of the diagnosis, metric, every so many ms, for so many days, value in stored integers by component.
PRESSURE = ("I10", "blood-pressure", DAY_MS // 2, 30, {"systolic": 150, "diastolic": 90})
SENSOR = ("E11.9", "glucose-interstitial", 300_000, 14, {"": 7})


def figures() -> Iterator[Figure]:
    for name, what in (("watch_pressure_people_per_s", PRESSURE), ("watch_cgm_people_per_s", SENSOR)):
        with running() as stack:
            people = _lived(stack, what)
            news = [News(person, frozenset((what[1],)), SOON_MS) for person in people]
            watches.note(stack.database, news, now_ms())
            began = time.perf_counter()
            while judging.judge_some(stack.database, rules(), now_ms()):
                pass
            took_s = time.perf_counter() - began
        note(f"{name}: {PEOPLE} people with {what[3]} days of {what[1]}, {took_s * 1000 / PEOPLE:.1f} ms each")
        yield Figure(name, PEOPLE / took_s, "people/s")


def _lived(stack: Stack, what: tuple[str, str, int, int, dict[str, int]]) -> list[str]:
    code, metric, every_ms, days, value = what
    stack.register(PEOPLE)
    people = [row["_id"] for row in stack.database["people"].find({}, {"_id": 1})]
    of, end_ms = vocabulary().metrics[metric], now_ms()
    instants = list(range(end_ms - days * DAY_MS, end_ms, every_ms))
    since = Effective(effective.instant(end_ms - 2 * days * DAY_MS, 480))
    for person in people:
        columns: dict[str, list[int | None]] = {
            name: [one * of.scale + number % 7 for number in range(len(instants))] for name, one in value.items()
        }
        run = Run(of, "", of.unit, 480, list(instants), columns, "/readings/0")
        store.write(stack.database, [Arrival(person, "bench/d0", run, "mqtt", end_ms)])
        content = {"text": code, "codes": [{"system": "icd-10", "code": code}]}
        draft = Draft(kind="condition", content=content, effective=since)
        entries.create(stack.database, NewEntry(person=person, draft=draft, author=Author("b", "b", None)), end_ms)
    return people
