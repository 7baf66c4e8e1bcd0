"""Entries and day lines in one order, in pages that give each line once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import pytest

from phr.clock import rfc3339
from phr.database import Database
from phr.errors import InputInvalid
from phr.people import people
from phr.people.people import Person
from phr.timeline import effective, entries, timeline
from phr.timeline.effective import Effective
from phr.timeline.entries import Hand, NewEntry
from phr.timeline.entry import Author, Draft
from phr.timeline.listing import Filter
from phr.timeline.timeline import Dated, Wanted
from tests.cast import T0, a_person

DAY = (date(2026, 11, 23) - date(1970, 1, 1)).days
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Line:
    day: int
    key: str


class Life:
    """A person with entries in the database and day lines in memory."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.person: Person = people.create(database, a_person())
        self.lines: list[Line] = []

    def note(self, t_ms: int, offset_min: int | None = 480, **changes: Any) -> str:
        author = Author(self.person.id, "app", None)
        draft = Draft(kind="note", content={"text": "头晕"}, effective=Effective(effective.instant(t_ms, offset_min)))
        new = NewEntry(person=self.person.id, draft=draft, author=author, **changes)
        return entries.create(self.database, new, T0).id

    def day_lines(self, first: int | None, last: int | None) -> Iterator[Line]:
        for line in sorted(self.lines, key=lambda one: (-one.day, one.key)):
            if (first is None or first <= line.day) and (last is None or line.day <= last):
                yield line

    def page(self, **wanted: Any) -> timeline.Page[Line]:
        return timeline.page(self.database, self.person, Wanted(**wanted), self.day_lines)

    def all(self, limit: int = 500) -> list[Dated | Line]:
        found = self.page(limit=limit)
        lines = found.lines
        while found.next_cursor:
            assert len(found.lines) == limit
            found = self.page(limit=limit, cursor=found.next_cursor)
            lines = lines + found.lines
        return lines


@pytest.fixture
def life(database: Database) -> Life:
    return Life(database)


def names(lines: list[Dated | Line]) -> list[str]:
    return [one.entry.id if isinstance(one, Dated) else f"{one.day - DAY}:{one.key}" for one in lines]


def filled(life: Life, random: Random, count: int) -> None:
    for _ in range(count):
        offset = random.choice([None, 480, 840, -720, 1439, -1439])
        life.note(T0 + random.randrange(-4, 4) * 6 * HOUR_MS, offset)
    life.lines += [Line(DAY + day, key) for day in range(-2, 3) for key in ("steps", "weight")]


def test_day_has_its_entries_latest_first_then_its_lines_by_key(life: Life) -> None:
    life.lines = [Line(DAY, "weight"), Line(DAY, "steps"), Line(DAY + 1, "weight")]
    life.note(T0, id="early")
    life.note(T0 + HOUR_MS, id="late")
    assert names(life.all()) == ["1:weight", "late", "early", "0:steps", "0:weight"]


def test_later_instant_on_an_earlier_local_day_stands_below(life: Life) -> None:
    life.note(T0 + 10 * HOUR_MS, -1439, id="yesterday-there")
    life.note(T0 + HOUR_MS, 480, id="today-here")
    life.note(T0, 1439, id="today-there")
    life.lines = [Line(DAY, "steps")]
    assert names(life.all()) == ["today-here", "today-there", "0:steps", "yesterday-there"]


def test_entry_without_offset_stands_on_the_day_that_the_person_had(life: Life) -> None:
    beijing_midnight_ms = DAY * DAY_MS - 8 * HOUR_MS
    life.note(beijing_midnight_ms - 1, None)
    life.note(beijing_midnight_ms, None)
    assert [one.day - DAY for one in life.all()] == [0, -1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("seed", range(3))
def test_pages_give_every_line_once_in_order(life: Life, limit: int, seed: int) -> None:
    filled(life, Random(seed), 12)
    found = life.all(limit)
    assert len(set(names(found))) == len(found) == 22
    keys = [(-one.day, 0, -one.entry.effective_ms) if isinstance(one, Dated) else (-one.day, 1, 0) for one in found]
    assert keys == sorted(keys)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_added_between_pages_moves_nothing(life: Life, seed: int) -> None:
    filled(life, Random(seed), 12)
    before, seen, cursor = set(names(life.all())), [], None
    for _ in range(60):
        page = life.page(limit=3, cursor=cursor)
        seen, cursor = seen + names(page.lines), page.next_cursor
        if cursor is None:
            break
        life.note(T0 + Random(len(seen)).randrange(-30, 30) * HOUR_MS, None)
    assert len(set(seen)) == len(seen)
    assert before <= set(seen)


def test_entries_at_one_instant_are_paged_by_id(life: Life) -> None:
    made = {life.note(T0) for _ in range(7)}
    assert names(life.all(2)) == sorted(made, reverse=True)


def test_span_takes_its_beginning_and_not_its_end(life: Life) -> None:
    for hour in range(3):
        life.note(T0 + hour * HOUR_MS, id=f"h{hour}")
    found = life.page(entries=Filter(from_ms=T0, to_ms=T0 + 2 * HOUR_MS))
    assert names(found.lines) == ["h1", "h0"]


def test_lines_keep_to_their_days(life: Life) -> None:
    life.lines = [Line(DAY + day, "steps") for day in range(-2, 3)]
    assert names(life.page(first_day=DAY - 1, last_day=DAY + 1).lines) == ["1:steps", "0:steps", "-1:steps"]


@pytest.mark.parametrize(
    ("kinds", "has_readings", "expected"),
    [({"note"}, False, ["n"]), ({"condition"}, True, ["0:steps"]), (set(), False, []), (None, True, ["n", "0:steps"])],
)
def test_kinds_are_chosen(life: Life, kinds: set[str] | None, has_readings: bool, expected: list[str]) -> None:
    life.note(T0, id="n")
    life.lines = [Line(DAY, "steps")]
    chosen = Filter(kinds=None if kinds is None else frozenset(kinds))
    assert names(life.page(entries=chosen, has_readings=has_readings).lines) == expected


@pytest.mark.parametrize("count", [2, 3, 4])
def test_last_page_has_no_cursor(life: Life, count: int) -> None:
    life.lines = [Line(DAY - n, "steps") for n in range(count)]
    page = life.page(limit=3)
    assert (len(page.lines), page.next_cursor is None) == (min(count, 3), count <= 3)


def test_deleted_entry_is_left_out(life: Life) -> None:
    entry = entries.find(life.database, life.person.id, life.note(T0))
    entries.delete(life.database, entry, Hand(entry.author, T0))
    assert life.all() == []


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "1", "1.e.2", "1.e.2.", "1.r.", "1.r.A", "1.x.2.a", "2932897.r.a", "-719163.r.a", "1.e.x.a", "1.r.a\n"],
)
def test_cursor_of_no_list_is_refused(life: Life, cursor: str) -> None:
    with pytest.raises(InputInvalid, match="cursor"):
        life.page(cursor=cursor)


@pytest.mark.parametrize("day", [2932896, -719162])
def test_cursor_at_the_end_of_the_calendar_is_taken(life: Life, day: int) -> None:
    assert life.page(cursor=f"{day}.r.a").lines == []


def test_first_page_reads_no_more_entries_than_it_needs(life: Life) -> None:
    for day in range(300):
        life.note(T0 - day * DAY_MS)
    life.database.command("profile", 2)
    life.page(limit=10)
    life.database.command("profile", 0)
    plans = list(life.database["system.profile"].find({"ns": f"{life.database.name}.entries", "op": "query"}))
    assert {one["planSummary"].partition(" ")[0] for one in plans} == {"IXSCAN"}
    assert 11 <= sum(one["docsExamined"] for one in plans) <= 25  # at most a second batch, for the widest offsets


def test_shown_instant_is_the_entrys_own(life: Life) -> None:
    life.note(T0)
    (dated,) = life.all()
    assert isinstance(dated, Dated)
    assert rfc3339(dated.entry.effective_ms, dated.entry.offset_min) == "2026-11-23T07:30:00+08:00"
