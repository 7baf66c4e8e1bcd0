"""A zone that changes afterwards: days of readings that came without an offset follow it, whenever somebody asks."""

from __future__ import annotations

import pytest

from notifications import scheduler
from phr.database import Database
from phr.people import people
from phr.people.people import Person
from phr.readings import folding, rezoning, store, summaries
from phr.readings.raw import Lane
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0, a_person
from tests.readings.builders import DAY_MS, HOUR_MS, a_run, arriving

MIDNIGHT_MS = T0 // DAY_MS * DAY_MS
HEART_RATE = vocabulary().metrics["heart-rate"]


def days_of(database: Database, person: Person) -> list[int]:
    """Local days with readings, counted from that of T0 in UTC."""
    lane = Lane(database, person.id, HEART_RATE, person.offset_min_at)
    return [line.day - MIDNIGHT_MS // DAY_MS for line in summaries.days(lane, 0, 30_000)]


def fold(database: Database, person: Person) -> None:
    while folding.fold_some(database, vocabulary().metrics, lambda _: person.offset_min_at, T0 + 400 * DAY_MS):
        pass


@pytest.fixture
def person(database: Database) -> Person:
    """In London, with a folded reading at 20:00 UTC whose offset nobody knows."""
    made = people.create(database, a_person(zone="Europe/London"))
    run = a_run(MIDNIGHT_MS + 20 * HOUR_MS, offset_min=None)
    store.write(database, [arriving(run, person=made.id)])
    fold(database, made)
    return made


def test_reading_counts_for_the_day_of_the_zone_that_held(database: Database, person: Person) -> None:
    assert days_of(database, person) == [0]
    moved = people.change_zone(database, person.id, "Asia/Tokyo", MIDNIGHT_MS)
    assert rezoning.settle(database, moved, T0) == 1
    assert days_of(database, moved) == [1]
    fold(database, moved)
    assert days_of(database, moved) == [1]


def test_a_change_after_the_reading_moves_nothing(database: Database, person: Person) -> None:
    moved = people.change_zone(database, person.id, "Asia/Tokyo", MIDNIGHT_MS + 40 * HOUR_MS)
    rezoning.settle(database, moved, T0)
    assert days_of(database, moved) == [0]


def test_a_known_offset_stays_what_it_is(database: Database) -> None:
    made = people.create(database, a_person(zone="Europe/London"))
    store.write(database, [arriving(a_run(MIDNIGHT_MS + 20 * HOUR_MS, offset_min=0), person=made.id)])
    fold(database, made)
    moved = people.change_zone(database, made.id, "Asia/Tokyo", None)
    assert rezoning.settle(database, moved, T0) == 0


def test_what_a_crash_left_undone_the_scheduler_finishes(database: Database, person: Person) -> None:
    people.change_zone(database, person.id, "Asia/Tokyo", None)
    assert scheduler.rezone_one(database)
    assert not scheduler.rezone_one(database)
    found = people.require(database, person.id)
    assert days_of(database, found) == [1]


def test_a_second_change_meanwhile_stays_unsettled(database: Database, person: Person) -> None:
    first = people.change_zone(database, person.id, "Asia/Tokyo", MIDNIGHT_MS)
    people.change_zone(database, person.id, "Europe/Paris", MIDNIGHT_MS - DAY_MS)
    rezoning.settle(database, first, T0)
    assert people.require(database, person.id).unsettled_since_ms == MIDNIGHT_MS - DAY_MS


def test_two_moves_within_a_day_are_told_apart(database: Database, person: Person) -> None:
    people.change_zone(database, person.id, "Asia/Tokyo", MIDNIGHT_MS + 20 * HOUR_MS - 1)
    moved = people.change_zone(database, person.id, "Europe/London", MIDNIGHT_MS + 20 * HOUR_MS + 1)
    rezoning.settle(database, moved, T0)
    assert days_of(database, moved) == [1]
