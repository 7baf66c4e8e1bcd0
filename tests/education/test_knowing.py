"""What is known of somebody that speaks for an article: silence and missed medicines, from which day and share on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from phr.care.rules import rules
from phr.database import Database
from phr.education.knowing import known_of
from phr.education.matching import suggested, table
from phr.people import people, processing
from phr.people.people import Person
from phr.reminders import ledger
from phr.reminders.ledger import Seen
from phr.reminders.moments import slot_of
from tests.cast import T0, a_person
from tests.panel.test_rows import TODAY, enrol

DAY_MS = 86_400_000
SEES_BOTH = ("care", "medications")


@pytest.fixture
def wang(database: Database) -> Person:
    return people.create(database, a_person())


def articles(database: Database, person: Person) -> dict[str, str]:
    known = known_of(database, person, rules(), T0)
    return {one.slug: one.why["en"] for one in suggested(table(), known, ()) if one.is_prompt}


@pytest.mark.parametrize(("days", "is_silent"), [(13, False), (14, True)])
def test_two_weeks_of_silence_suggest_measuring(database: Database, wang: Person, days: int, is_silent: bool) -> None:
    enrol(database, wang.id, starts_on=TODAY - timedelta(days=days))
    found = articles(database, wang)
    assert ("measuring-blood-pressure" in found) is is_silent
    assert found.get("measuring-blood-pressure", "") == ("Nothing was measured for 14 days." if is_silent else "")


def dose(person: Person, days_ago: int) -> Seen:
    planned_ms, slot = T0 - days_ago * DAY_MS, slot_of(TODAY - timedelta(days=days_ago), 480)
    return Seen(
        id=ledger.id_of("pills", slot), person=person.id, reminder="pills", kind="medication", about=None,
        categories=("medications",), slot=slot, planned_ms=planned_ms, closes_ms=planned_ms + 1, from_ms=planned_ms,
        until_ms=planned_ms + 1,
    )  # fmt: skip


def doses(database: Database, person: Person, done: int, missed: int) -> None:
    """What became of the tablets of the last days."""
    for number in range(done + missed):
        state = ledger.DONE if number < done else ledger.MISSED
        ledger.put(database, [ledger.row(dose(person, number + 1))], state, T0)


@pytest.mark.parametrize(
    ("done", "missed", "why"),
    [
        (7, 2, None),  # nine are too few to say
        (8, 2, None),
        (7, 3, "About 70% of your medicines of the last 30 days were noted as taken."),
    ],
)
def test_missed_medicines_suggest_an_article_with_the_share(
    database: Database, wang: Person, done: int, missed: int, why: str | None
) -> None:
    doses(database, wang, done, missed)
    assert articles(database, wang).get("do-not-stop-medicines") == why


def test_neither_speaks_of_who_refuses_to_be_evaluated(database: Database, wang: Person) -> None:
    enrol(database, wang.id, starts_on=TODAY - timedelta(days=30))
    doses(database, wang, 0, 20)
    processing.refuse(database, wang.id, processing.EVALUATION, wang.id, T0)
    assert articles(database, people.require(database, wang.id)) == {}


def test_who_may_not_see_medicines_is_not_told_of_them(database: Database, wang: Person) -> None:
    doses(database, wang, 0, 20)
    known = known_of(database, wang, rules(), T0)
    seen = {sight: {one.slug for one in suggested(table(), known, (), sight)} for sight in (("care",), SEES_BOTH)}
    assert "do-not-stop-medicines" not in seen["care",]
    assert "do-not-stop-medicines" in seen[SEES_BOTH]
