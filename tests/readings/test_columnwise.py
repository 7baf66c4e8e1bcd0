"""The short way into a chunk gives what the long way gives, or leaves it to it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from phr.readings import chunk as chunks
from phr.readings.chunk import Setting, decode_rows, merge
from phr.readings.columnwise import Slice, with_new
from phr.vocabulary.reading import DURATION
from tests.cast import T0
from tests.readings.builders import a_run

SETTING = Setting(T0, cap=1_000, extras_bytes=100_000, history=(), offsetless_runs=frozenset())
COLUMNS: list[dict[str, list[int | None]]] = [
    {"": [720, 7_300, 74_000_000]},
    {"": [1, 2, 3], DURATION: [60_000, 0, 5]},
    {"systolic": [1_280, 1_300, 1_310], "diastolic": [820, 830, 840], "pulse": [None, 700, None]},
    {},
]


def slices_of(chance: random.Random, columns: dict[str, list[int | None]]) -> list[Slice]:
    """Runs of all lengths over the same hour, in any order, some with more than a number; no instant twice."""
    instants = chance.sample(range(T0, T0 + 3_600_000, 1_000), 60)
    found = []
    while instants:
        size = chance.randint(1, 20)
        t, instants = instants[:size], instants[size:]
        values = {name: [chance.choice(column) for _ in t] for name, column in columns.items()}
        extras = {i: {"context": {"n": i}} for i in range(len(t)) if chance.random() < 0.2}
        low = chance.randrange(len(t))
        run = a_run(sorted(t) if chance.random() < 0.5 else t, values, extras=extras)
        found.append(Slice(run, chance.randrange(3), low, len(t), T0))
    return found


@pytest.mark.parametrize("columns", COLUMNS, ids=["number", "period", "components", "event"])
@pytest.mark.parametrize("seed", range(10))
def test_it_gives_what_row_by_row_gives(
    columns: dict[str, list[int | None]], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arriving = slices_of(random.Random(seed), columns)
    parts = [arriving[:1], arriving[1:3], arriving[3:]]
    short: Any = None
    for part in filter(None, parts):
        short = with_new(short, T0, part)
        assert short is not None
    monkeypatch.setattr(chunks, "with_new", lambda *_: None)
    long: Any = None
    for part in filter(None, parts):
        long = merge(long, part, SETTING).chunk
    assert decode_rows(short, T0) == decode_rows(long, T0)
    assert list(decode_rows(short, T0)) == sorted(decode_rows(short, T0))
    assert (short["n"], short["e"], short.keys()) == (long["n"], long["e"], long.keys())


@pytest.mark.parametrize("again", [T0, T0 + 60_000, T0 + 120_000], ids=["first", "between", "last"])
@pytest.mark.parametrize("beside", [[], [T0 + 30_000], [T0 + 180_000]])
def test_an_instant_that_is_there_is_left_to_the_long_way(again: int, beside: list[int]) -> None:
    held = with_new(None, T0, [Slice(a_run([T0, T0 + 60_000, T0 + 120_000]), 0, 0, 3, T0)])
    run = a_run([*beside, again])
    assert with_new(held, T0, [Slice(run, 0, 0, len(run), T0)]) is None


def test_an_instant_that_comes_twice_is_left_to_the_long_way() -> None:
    assert with_new(None, T0, [Slice(a_run([T0, T0]), 0, 0, 2, T0)]) is None
    assert with_new(None, T0, [Slice(a_run(T0 + 5), 0, 0, 1, T0), Slice(a_run(T0 + 5, 9), 0, 0, 1, T0)]) is None


def test_columns_of_another_kind_are_left_to_the_long_way() -> None:
    held = with_new(None, T0, [Slice(a_run(), 0, 0, 1, T0)])
    for other in (a_run(T0 + 1, {"": 5, DURATION: 6}), a_run(T0 + 1, {}), a_run(T0 + 1, seq=[1])):
        assert with_new(held, T0, [Slice(other, 0, 0, 1, T0)]) is None
    apart = merge(None, [Slice(a_run(seq=[1]), 0, 0, 1, T0)], SETTING).chunk
    assert with_new(apart, T0, [Slice(a_run(T0 + 1), 0, 0, 1, T0)]) is None
