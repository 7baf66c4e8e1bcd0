"""Looking people up among 2,000 residents of whom the database holds tokens and seals only."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from benchmarks import Figure
from benchmarks.stack import Stack, running
from phr.people import directory, keyring, people
from phr.people.people import NewPerson

RESIDENTS = 2_000
TRIES = 200
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "芳伟娜敏静丽强磊军洋"

FIGURES = (
    "lookup_identity_number_p99_ms",
    "lookup_known_minus_unknown_us",
    "lookup_initials_p99_ms",
    "open_2000_residents_cold_ms",
    "open_2000_residents_warm_ms",
)


def figures() -> Iterator[Figure]:
    with running() as stack:
        ids = residents(stack)
        known, unknown = [], []
        for n in range(TRIES):  # in turns, so that whatever else the machine does falls on both
            known.append(_milliseconds(lambda n=n: _by_number(stack, n)))
            unknown.append(_milliseconds(lambda n=n: _by_number(stack, n + RESIDENTS)))
        initials = [_milliseconds(lambda: directory.find_by_name(stack.database, "wf", ids)) for _ in range(TRIES)]
        yield Figure("lookup_identity_number_p99_ms", _p99(known + unknown), "ms")
        apart = (statistics.median(known) - statistics.median(unknown)) * 1000
        yield Figure("lookup_known_minus_unknown_us", apart, "us")
        yield Figure("lookup_initials_p99_ms", _p99(initials), "ms")
        keyring.forget(stack.database)
        for name in FIGURES[3:]:
            yield Figure(name, _milliseconds(lambda: people.find_many(stack.database, ids)), "ms")


def residents(stack: Stack) -> list[str]:
    drafts = [
        NewPerson(
            zone="Asia/Shanghai",
            name=SURNAMES[n % 10] + GIVEN[n // 10 % 10] + GIVEN[n // 100 % 10],
            phone=f"138{n:08}",
            identity_number=f"RESIDENT{n:06}",
        )
        for n in range(RESIDENTS)
    ]
    made = [
        one for first in range(0, RESIDENTS, 1000) for one in people.create_many(stack.database, drafts[first:][:1000])
    ]
    return [one.id for one in made]


def _by_number(stack: Stack, number: int) -> list[str]:
    return directory.find_by_identity_number(stack.database, f"RESIDENT{number:06}")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[-1]
