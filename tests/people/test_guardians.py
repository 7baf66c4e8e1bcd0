"""Guardians: all until 14, most until 18, and nothing after; a corrected birth date only ever shortens it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from phr.database import Database
from phr.errors import AccessDenied, InputInvalid
from phr.people import access, grants, guardians, people, processing
from phr.people.access import Ask, Caller
from phr.people.guardians import Appointment
from phr.people.people import Change, Person
from phr.people.processing import Decision
from tests.cast import a_person

CATEGORIES = ("readings", "profile", "mental", "notes", "reproductive", "sexual-health")
BORN = date(2020, 6, 1)
DAY_MS = 86_400_000


def at(child: Person, age: int) -> int:
    return guardians.birthday_ms(child, age) or 0


def may(database: Database, child: Person, guardian: str, now_ms: int, *categories: str, verb: str = "read") -> bool:
    caller = Caller(guardian, "app", frozenset(), None, "person")
    try:
        access.may(database, caller, Ask(child.id, verb, categories, "x"), now_ms)
    except AccessDenied:
        return False
    return True


@pytest.fixture
def home(database: Database) -> tuple[Person, str]:
    """A child and its guardian, appointed when it was one."""
    child, guardian = people.create_many(database, [a_person(birth_on=BORN), a_person()])
    guardians.appoint(database, Appointment(child.id, guardian.id, "户口本", CATEGORIES), at(child, 1))
    return child, guardian.id


@pytest.mark.parametrize("category", [*CATEGORIES, grants.ERASURE, grants.SHARING, grants.OWNERS_ALONE, grants.LOGINS])
def test_until_14_a_guardian_may_all_that_an_owner_may(
    database: Database, home: tuple[Person, str], category: str
) -> None:
    child, guardian = home
    assert may(database, child, guardian, at(child, 14) - 1, category, verb="write")


@pytest.mark.parametrize(
    ("category", "is_left"),
    [("readings", True), ("profile", True), *((one, False) for one in sorted(guardians.OWN_FROM_14))]
    + [(one, False) for one in (grants.ERASURE, grants.SHARING, grants.OWNERS_ALONE, grants.LOGINS, grants.CONSENTS)],
)
def test_from_14_on_what_is_a_young_persons_own_is_left_out(
    database: Database, home: tuple[Person, str], category: str, is_left: bool
) -> None:
    child, guardian = home
    assert may(database, child, guardian, at(child, 14), category) is is_left
    assert may(database, child, guardian, at(child, 18) - 1, category) is is_left


def test_at_18_all_ends(database: Database, home: tuple[Person, str]) -> None:
    child, guardian = home
    assert not grants.live(database, child.id, guardian, at(child, 18))


@pytest.mark.parametrize(("age_days", "count"), [(-1, 2), (0, 1)])
def test_of_who_is_14_the_second_alone_is_given(database: Database, age_days: int, count: int) -> None:
    child, guardian = people.create_many(database, [a_person(birth_on=BORN), a_person()])
    wanted = Appointment(child.id, guardian.id, "户口本", CATEGORIES)
    assert len(guardians.appoint(database, wanted, at(child, 14) + age_days * DAY_MS)) == count


@pytest.mark.parametrize(("birth_on", "is_itself"), [(None, False), (BORN, True), (date(1958, 3, 1), False)])
def test_who_is_of_age_or_of_no_known_age_has_none(database: Database, birth_on: date | None, is_itself: bool) -> None:
    child, guardian = people.create_many(database, [a_person(birth_on=birth_on), a_person()])
    other = child.id if is_itself else guardian.id
    with pytest.raises(InputInvalid):
        guardians.appoint(database, Appointment(child.id, other, "x", CATEGORIES), at(child, 1) + 10**12)


@pytest.mark.parametrize(("days", "shorter_days"), [(-300, 300), (300, 0)])
def test_a_corrected_birth_date_only_shortens(
    database: Database, home: tuple[Person, str], days: int, shorter_days: int
) -> None:
    child, guardian = home
    corrected = people.patch(database, child.id, Change(fields={"birth_on": BORN + timedelta(days=days)}))
    guardians.settle(database, corrected)
    for age in (14, 18):
        end_ms = at(child, age) - (at(child, age) - at(corrected, age) if shorter_days else 0)
        kinds = [one.kind for one in grants.live(database, child.id, guardian, end_ms - 1)]
        assert kinds == ["guardian" if age == 14 else "minors-guardian"]
        assert kinds != [one.kind for one in grants.live(database, child.id, guardian, end_ms)]


def test_who_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march(database: Database) -> None:
    child = people.create(database, a_person(birth_on=date(2020, 2, 29)))
    assert at(child, 14) == child.midnight_ms(date(2034, 3, 1))
    assert at(child, 16) == child.midnight_ms(date(2036, 2, 29))


@pytest.mark.parametrize(
    ("by", "days", "now_days", "is_anothers"),
    [
        ("guardian", -1, -1, False),
        ("guardian", -1, 0, True),
        ("guardian", -400, 2_000, True),
        ("child", -1, 0, False),
        ("proxy", 0, 1, False),  # who decided after the birthday had the right to
    ],
)
def test_from_14_on_a_guardians_decision_is_anothers(
    home: tuple[Person, str], by: str, days: int, now_days: int, is_anothers: bool
) -> None:
    child, guardian = home
    who = {"guardian": guardian, "child": child.id, "proxy": "p" * 20}[by]
    decision = Decision("research", "given", who, at(child, 14) + days * DAY_MS)
    assert processing.is_anothers(child, decision, at(child, 14) + now_days * DAY_MS) is is_anothers


def test_what_was_never_decided_or_is_of_no_known_age_is_nobody_elses(home: tuple[Person, str]) -> None:
    child, guardian = home
    assert not processing.is_anothers(child, Decision("research", "unasked"), at(child, 15))
    ageless = replace(child, birth_on=None)
    assert not processing.is_anothers(ageless, Decision("research", "given", guardian, 1), at(child, 15))
