"""Readings that change hands: with their history, and the end is the same wherever the worker died on the way."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from phr.amending import Way, move
from phr.care.rules import rules
from phr.readings import raw, summaries
from phr.readings.void import Act, Source, Wanted
from phr.recording import Recorder
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import MINUTE_MS
from tests.recording.builders import CUFF, HIGH, NORMAL, House, pressure, sent
from tests.recording.test_crashes import fail_at

HIGHER = {"systolic": 190, "diastolic": 99}
LATER = T0 + MINUTE_MS
PRESSURE = vocabulary().metrics["blood-pressure"]
ALL = Wanted(None, (0, 2**42))


@pytest.fixture
def home(house: House) -> House:
    """Ana's cuff has measured one high pressure, and has said since that it was higher still."""
    house.bind(house.ana)
    house.record(sent(pressure(T0, HIGH), pressure(T0 + 1), sent_at="2026-11-23T07:30:00+08:00"))
    house.record(sent(pressure(T0, HIGHER), arrived_at_ms=LATER, sent_at="2026-11-23T07:31:00+08:00"), now_ms=LATER)
    return house


def moved(home: House, source: str, to: str, at_ms: int = LATER) -> int:
    way = Way(Source(source, PRESSURE, CUFF), ALL, to)
    return move(Recorder(home.database, rules()), home.database, way, Act(home.ana, "a guest", at_ms)).changed


def history(home: House, person: str) -> list[Any]:
    """What a person's readings held before, with the offset that the run of each names."""
    found = home.database["readings"].find({"p": person})
    lines = [(line, document["runs"][line["r"]]) for document in found for line in document.get("h", ())]
    return [(line["t"], dict(line["v"])["systolic"] // PRESSURE.scale, line["by"], run[0]) for line, run in lines]


def values(home: House, person: str) -> list[int]:
    lane = raw.Lane(home.database, person, PRESSURE, lambda _: 0)
    return [int(value) // PRESSURE.scale for part in raw.read(lane, (0, 2**42)) for value in part.values["systolic"]]


def of_days(home: House, person: str) -> Any:
    """What summaries a person's day has, from raw and dirty days alike."""
    lane = raw.Lane(home.database, person, PRESSURE, lambda _: 0)
    days = {day for one in home.database["readings"].find({"p": person}) for day in one.get("dirty", ())}
    return summaries.computed(lane, {CUFF: days})


def notices(home: House) -> list[tuple[str, str]]:
    return sorted(((row["person"] == home.ana and "ana") or "ben", row["state"]) for row in home.notices())


def what_stands(home: House) -> Any:
    """All that people see of both records; versions and times of acts are not in it."""
    both = (home.ana, home.ben)
    stands = [(values(home, one), history(home, one), of_days(home, one)) for one in both]
    acts = [[line["k"] for line in row.get("l", ())] for row in home.database["readings"].find(sort=[("_id", 1)])]
    return stands, acts, notices(home), sorted(row["_id"] for row in home.database["sources"].find())


def test_what_a_reading_held_before_goes_along(home: House) -> None:
    before = history(home, home.ana)
    assert [past for _, past, *_ in before] == [182]
    assert moved(home, home.ana, home.ben) == 2
    assert history(home, home.ben) == before
    assert (values(home, home.ana), values(home, home.ben)) == ([], [190, 122])


def test_notices_go_along(home: House) -> None:
    moved(home, home.ana, home.ben)
    assert notices(home) == [("ana", "withdrawn"), ("ben", "pending")]


def test_moved_back_everything_is_what_it_was(home: House) -> None:
    before = values(home, home.ana), history(home, home.ana)
    moved(home, home.ana, home.ben)
    moved(home, home.ben, home.ana, LATER + 1)
    assert (values(home, home.ana), history(home, home.ana)) == before
    assert notices(home) == [("ana", "pending"), ("ben", "withdrawn")]


def test_moved_back_a_reading_holds_what_was_said_of_it_meanwhile(home: House) -> None:
    moved(home, home.ana, home.ben)
    word = sent(pressure(T0, NORMAL), arrived_at_ms=LATER, sent_at="2026-11-23T07:32:00+08:00")
    home.record(word._replace(person=home.ben, is_given=True), now_ms=LATER)
    moved(home, home.ben, home.ana, LATER + 1)
    assert values(home, home.ana) == [122, 122]
    assert [past for _, past, *_ in history(home, home.ana)] == [182, 190]


def test_a_value_that_was_replaced_before_the_move_stays_replaced_after_it(home: House) -> None:
    """The device sends its first word again, and it lands where the reading stands now."""
    moved(home, home.ana, home.ben)
    home.record(sent(pressure(T0, HIGH))._replace(person=home.ben, is_given=True))
    assert values(home, home.ben) == [190, 122]


@pytest.mark.parametrize("is_back", [False, True])
@pytest.mark.parametrize("is_written", [False, True])
def test_a_worker_that_dies_anywhere_ends_alike_after_the_repeat(
    home: House, monkeypatch: pytest.MonkeyPatch, is_written: bool, is_back: bool
) -> None:
    way = (home.ben, home.ana) if is_back else (home.ana, home.ben)
    if is_back:
        moved(home, home.ana, home.ben)
    start = {name: list(home.database[name].find()) for name in ("readings", "sources", "notices")}
    moved(home, *way)
    end, broken = what_stands(home), 0
    for step in itertools.count(1):
        for name, rows in start.items():
            home.database[name].delete_many({})
            home.database[name].insert_many(rows)
        if not _breaks(home, monkeypatch, way, step, is_written=is_written):
            break
        broken += 1
        moved(home, *way)
        assert (step, what_stands(home)) == (step, end)
    assert broken >= 4


def _breaks(home: House, monkeypatch: pytest.MonkeyPatch, way: Any, step: int, *, is_written: bool) -> bool:
    """True where the move had so many writes, and ended at that one."""
    with monkeypatch.context() as patch:
        fail_at(patch, lambda at: at == step, is_written=is_written)
        try:
            moved(home, *way)
        except AutoReconnect:
            return True
    return False
