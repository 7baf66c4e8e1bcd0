"""What rules know of a person comes from the record, and bears the categories of what it came from."""

from __future__ import annotations

from typing import Any

import pytest

from phr.database import Database
from phr.errors import InputInvalid, VersionConflict
from phr.people import people, seals
from phr.plans import known, targets
from phr.plans.facts import LIFE_MS, LONGEST_PREGNANCY_MS, Memory, facts_of
from phr.plans.known import Known
from phr.plans.targets import Target
from phr.timeline import entries
from phr.timeline.entries import Hand
from phr.timeline.entry import Author
from tests.cast import T0, a_person
from tests.plans.builders import DAY_MS, coded


def test_codes_become_the_words_of_scopes(database: Database, ana: str) -> None:
    coded(database, ana, "E11.9")
    coded(database, ana, "J44.1")
    coded(database, ana, "B01AA03", atc=True)
    facts = facts_of(database, [ana], T0)[ana]
    assert facts.diagnoses == {"type-2-diabetes", "copd"}
    assert facts.medications == {"vitamin-k-antagonist"}
    assert (facts.sex, str(facts.birth_on)) == ("female", "1958-03-01")


@pytest.mark.parametrize(
    ("said", "is_known"),
    [
        ({}, True),
        ({"status": "active", "verification": "confirmed"}, True),
        ({"verification": "provisional"}, True),
        ({"verification": "refuted"}, False),
        ({"verification": "differential"}, False),
        ({"status": "resolved"}, False),
        ({"days": 10, "ended": 1}, False),
        ({"days": 10, "ended": -1}, True),
        ({"days": -1}, False),
    ],
)
def test_only_what_somebody_has_now_counts(database: Database, ana: str, said: dict[str, Any], is_known: bool) -> None:
    coded(database, ana, "J44.1", **said)
    assert (facts_of(database, [ana], T0)[ana].diagnoses == {"copd"}) is is_known


def test_deleted_entry_is_not_known_any_more(database: Database, ana: str) -> None:
    entry = coded(database, ana, "J44.1")
    entries.delete(database, entry, Hand(Author(ana, "app", None), T0))
    assert facts_of(database, [ana], T0)[ana].diagnoses == frozenset()


def test_a_word_bears_the_categories_of_the_entry_that_the_most_may_see(database: Database, ana: str) -> None:
    coded(database, ana, "F32.1")
    coded(database, ana, "J44.1", sensitive=("mental",))
    coded(database, ana, "J44.9")
    categories = facts_of(database, [ana], T0)[ana].categories
    assert categories == {"depression": {"conditions", "mental"}, "copd": {"conditions"}}


@pytest.mark.parametrize(
    ("entered", "is_pregnant"),
    [
        ([], None),
        ([("Z34.0", 100)], True),
        ([("Z34.0", LONGEST_PREGNANCY_MS // DAY_MS)], True),
        ([("Z34.0", LONGEST_PREGNANCY_MS // DAY_MS + 1)], False),
        ([("O24.4", 100), ("O80", 2)], False),
        ([("O80", 400), ("Z34.0", 20)], True),
    ],
)
def test_pregnancy_begins_and_ends_by_codes(
    database: Database, ana: str, entered: list[tuple[str, int]], is_pregnant: bool | None
) -> None:
    for code, days in entered:
        coded(database, ana, code, days=days)
    assert facts_of(database, [ana], T0)[ana].is_pregnant is is_pregnant


def test_what_was_entered_by_hand_is_known(database: Database, ana: str) -> None:
    new = Known(lives_high=True, pregnant_until_ms=T0 + DAY_MS, best={"pef": 480.0})
    known.enter(database, ana, new, "d" * 20, T0)
    facts = facts_of(database, [ana], T0)[ana]
    assert (facts.lives_high, facts.is_pregnant, facts.best) == (True, True, {"pef": 480.0})
    assert facts.categories["pregnancy"] == {"care", "reproductive"}
    assert facts_of(database, [ana], T0 + DAY_MS)[ana].is_pregnant is None


@pytest.mark.parametrize(
    "new",
    [
        Known(best={"pef": 99_999.0}),
        Known(best={"no-such-metric": 1.0}),
        Known(pregnant_until_ms=T0 - 1),
        Known(pregnant_until_ms=T0 + known.LONGEST_AHEAD_MS + 1),
    ],
)
def test_what_can_not_be_is_not_entered(database: Database, ana: str, new: Known) -> None:
    with pytest.raises(InputInvalid):
        known.enter(database, ana, new, ana, T0)


def test_two_who_enter_at_once_do_not_overwrite_each_other(database: Database, ana: str) -> None:
    known.enter(database, ana, Known(lives_high=True), ana, T0)
    with pytest.raises(VersionConflict):
        known.enter(database, ana, Known(lives_high=False), ana, T0)
    assert known.of_person(database, ana).lives_high is True


def test_memory_asks_again_after_a_minute_or_when_the_person_has_changed(database: Database, ana: str) -> None:
    memory = Memory(database)
    person = people.require(database, ana)
    assert memory.of({ana: person}, T0)[ana].diagnoses == frozenset()
    coded(database, ana, "J44.1")
    assert memory.of({ana: person}, T0 + LIFE_MS - 1)[ana].diagnoses == frozenset()
    assert memory.of({ana: person}, T0 + LIFE_MS)[ana].diagnoses == {"copd"}
    coded(database, ana, "J45.9")
    changed = people.set_consent(database, ana, is_withdrawn=False)
    assert memory.of({ana: changed}, T0 + LIFE_MS + 1)[ana].diagnoses == {"copd", "asthma"}


def test_one_who_is_being_erased_does_not_hide_the_others(database: Database, ana: str) -> None:
    gone = people.create(database, a_person()).id
    for person in (ana, gone):
        coded(database, person, "J44.1")
        known.enter(database, person, Known(lives_high=True), person, T0)
    whose = people.find_many(database, [ana, gone])
    seals.destroy(database, gone, T0)
    found = Memory(database).of(whose, T0)
    assert (found[ana].diagnoses, found[gone].diagnoses) == ({"copd"}, frozenset())


def test_target_of_a_rule_is_known_until_it_is_taken_back(database: Database, ana: str) -> None:
    said = {"person": ana, "name": "rule.glucose-low", "why": "老人，易低血糖", "by": "d" * 20, "at_ms": T0}
    targets.put(database, Target(limit=4.4, version=0, **said))
    assert facts_of(database, [ana], T0)[ana].targets == {("glucose-low", ""): 4.4}
    targets.put(database, Target(limit=None, version=1, **said))
    assert facts_of(database, [ana], T0)[ana].targets == {}
    assert [one.limit for one in targets.history(database, ana, "rule.glucose-low")] == [None, 4.4]


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("rule.glucose-low", 0.0),
        ("rule.glucose-low", 1_000.0),
        ("rule.blood-pressure-very-high.systolic", 1_000.0),
        ("rule.cgm-time-in-range-low", 301.0),
        ("metric.blood-pressure.diastolic", -1.0),
        ("metric.weight", 9_999.0),
    ],
)
def test_target_beyond_physical_bounds_is_refused(database: Database, ana: str, name: str, limit: float) -> None:
    new = Target(person=ana, name=name, limit=limit, why="because", by=ana, at_ms=T0, version=0)
    with pytest.raises(InputInvalid) as refused:
        targets.put(database, new)
    assert refused.value.pointer == "/limit"


def test_target_needs_a_reason(database: Database, ana: str) -> None:
    with pytest.raises(InputInvalid):
        targets.put(
            database, Target(person=ana, name="metric.weight", limit=70.0, why=" ", by=ana, at_ms=T0, version=0)
        )


def test_nothing_of_a_target_is_in_the_clear(database: Database, ana: str) -> None:
    new = Target(person=ana, name="metric.weight", limit=70.0, why="肾功能差", by=ana, at_ms=T0, version=0)
    targets.put(database, new)
    row = database["targets"].find_one({"person": ana})
    assert row is not None
    assert "肾功能差" not in str(row)
    assert "limit" not in row
