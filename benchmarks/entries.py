"""How fast a long life's timeline opens and is searched over HTTP: 100,000 entries of 80 years beside daily weights."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import Client, client_of
from benchmarks.stack import Stack, running
from phr.clock import DAY_MS, now_ms
from phr.intake import devices
from phr.timeline import effective, entries
from phr.timeline.effective import Effective
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft

FIGURES = (
    "timeline_first_page_p50_ms",
    "timeline_first_page_p99_ms",
    "timeline_80y_minus_1y_ms",
    "timeline_kind_page_p50_ms",
    "timeline_search_chinese_p50_ms",
    "timeline_search_english_p50_ms",
    "timeline_search_common_words_p50_ms",
    "timeline_search_code_p50_ms",
)

LIFE = Path(__file__).resolve().parent.parent / ".bench" / "entries-1"  # a change of what is loaded changes the name
IS_LOADED = "loaded.json"
YEARS = {"long": 80, "short": 1}
SCALE_YEARS = 25  # no scale with a connection is older
ENTRIES_A_YEAR = 1_250
TOGETHER = 1_000
PAGE = 50
WEIGHT = Wave("weight", "kg", 86_400, 60, 80, 0.3, 1)  # a line each day; `reading` has a life of dense ones

# In three entries of five, of ten, of a thousand, so that searches meet common and rare words.
COMMON = ("血压偏高", "复查血糖", "头晕乏力", "blood pressure", "follow-up visit")
SOME = ("慢性胃炎", "膝关节疼痛", "二甲双胍", "metformin", "knee pain", "甲状腺结节", "颈椎病", "insomnia")
RARE = ("带状疱疹", "阑尾切除", "青光眼", "shingles", "appendicitis", "glaucoma", "痛风石", "anaphylaxis")
CODES = ("I10", "E11.9", "K29.5", "M17.1", "J45.9", "B02.9")


def figures() -> Iterator[Figure]:
    if not (LIFE / IS_LOADED).exists():
        shutil.rmtree(LIFE, ignore_errors=True)  # a load that was cut off
    with running(LIFE) as stack:
        people = _loaded(stack)
        url = stack.start_api()
        long, short = (client_of(stack, url, people[name]) for name in YEARS)
        yield from _first_pages(long, short)
        for name, query in (
            ("kind_page", {"kinds": "immunisation"}),
            ("search_chinese", {"text": "带状疱疹"}),
            ("search_english", {"text": "glaucoma"}),
            ("search_common_words", {"text": "血压 metformin"}),
            ("search_code", {"code": "icd-10:B02.9"}),
        ):
            yield Figure(f"timeline_{name}_p50_ms", _page_p50_ms(long, **query), "ms")


def _first_pages(long: Client, short: Client) -> Iterator[Figure]:
    times = {name: client.times_ms("timeline", limit=PAGE) for name, client in (("long", long), ("short", short))}
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    yield Figure("timeline_first_page_p50_ms", medians["long"], "ms")
    yield Figure("timeline_first_page_p99_ms", statistics.quantiles(times["long"], n=100)[98], "ms")
    yield Figure("timeline_80y_minus_1y_ms", medians["long"] - medians["short"], "ms")


def _page_p50_ms(client: Client, **query: str) -> float:
    count = len(json.loads(client.get("timeline", limit=PAGE, **query))["lines"])
    if count != PAGE:
        raise RuntimeError(f"the timeline finds {count} for {query}")
    return client.p50_ms("timeline", limit=PAGE, **query)


def _loaded(stack: Stack) -> dict[str, str]:
    marker = LIFE / IS_LOADED
    if not marker.exists():
        people = {}
        for ref, (name, years) in zip(stack.register(len(YEARS)), YEARS.items(), strict=True):
            device = devices.find(stack.database, ref)
            assert device
            people[name] = device.bindings[0].person
            began, chance = time.perf_counter(), random.Random(years)
            readings = load_wave(stack, ref, WEIGHT, min(years, SCALE_YEARS) * 365, chance)
            note(f"{readings:,} readings in {time.perf_counter() - began:.0f} s")
            began = time.perf_counter()
            _load_entries(stack, people[name], years, chance)
            note(f"{years * ENTRIES_A_YEAR:,} entries in {time.perf_counter() - began:.0f} s")
        marker.write_text(json.dumps(people))
    found: dict[str, str] = json.loads(marker.read_text())
    return found


def _load_entries(stack: Stack, person: str, years: int, chance: random.Random) -> None:
    """As they lie after they were written one by one, but all of a thousand at once and without a change feed."""
    now, author = now_ms(), Author(person, "bench", None)
    step_ms = 365 * DAY_MS // ENTRIES_A_YEAR
    for low in range(0, years * ENTRIES_A_YEAR, TOGETHER):
        numbers = range(low, min(low + TOGETHER, years * ENTRIES_A_YEAR))
        drafts = [_draft(now - number * step_ms, chance) for number in numbers]
        rows = [
            entries.new_row(stack.database, NewEntry(person=person, draft=draft, author=author), now)
            for draft in drafts
        ]
        stack.database["entries"].insert_many(rows, ordered=False)


def _draft(t_ms: int, chance: random.Random) -> Draft:
    words = [chance.choice(COMMON)] if chance.random() < 0.6 else []
    words += [chance.choice(SOME)] if chance.random() < 0.3 else []
    words += [chance.choice(RARE)] if chance.random() < 0.008 else []
    text = (
        f"{'，'.join(words) or '无特殊'} 第{chance.randrange(10_000)}次记录, seen at the clinic on day {t_ms // DAY_MS}"
    )
    kind = chance.choices(("note", "condition", "immunisation"), (90, 9, 1))[0]
    codes = {"codes": [{"system": "icd-10", "code": chance.choice(CODES)}]} if kind == "condition" else {}
    when = Effective(effective.instant(t_ms, 480))
    return Draft(kind=kind, content={"text": text} | codes, effective=when, provenance={"how": "self-reported"})
