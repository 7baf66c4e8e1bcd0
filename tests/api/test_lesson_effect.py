"""What went with reading: one's own, for who may see all it is made of; totals of those who consented, counted once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from phr.clock import now_ms, rfc3339
from phr.education import effects, progress
from phr.errors import InputInvalid
from phr.people import grants, people, processing
from phr.people.granting import Consent
from phr.people.people import Change
from tests.cast import Cast, a_grant, a_person

PATH = "/v1/people/{owner}/lessons/effect"
DAY_MS = 86_400_000
READ = 1_787_000_000_000  # in August 2026
COUNTED = 1_793_500_000_000  # in October, four weeks after the end of September
LESSON = "measuring-blood-pressure"


def measured(cast: Cast, who: str, days: dict[int, int], at_ms: int = READ) -> None:
    """A pressure so many days from reading, by the day."""
    some = [
        {"metric": "blood-pressure", "t": rfc3339(at_ms + day * DAY_MS, 480), "unit": "mm[Hg]", "id": f"d{day}",
         "value": {"systolic": systolic, "diastolic": 80}}
        for day, systolic in days.items()
    ]  # fmt: skip
    answer = cast.send(who, "POST", f"/v1/people/{who}/readings", json={"readings": some})
    assert answer.json["stored"] == len(days), answer.text  # type: ignore[index]


def shown(cast: Cast, who: str = "", **request: Any) -> list[dict[str, Any]]:
    found = cast.send(who or cast.owner, "GET", PATH, **request).json
    assert found
    assert found["days_before_and_after"] == 28
    assert "does not say that the article did it" in found["note"]["en"]
    return list(found["effects"])


def test_one_sees_their_own_four_weeks_before_and_after(cast: Cast) -> None:
    measured(cast, cast.owner, {-29: 190, -28: 150, -1: 160, 0: 100, 1: 140, 28: 130, 29: 190})
    progress.read(cast.database, cast.owner, LESSON, READ)
    (one,) = shown(cast)
    assert (one["lesson"], one["metric"], one["unit"], one["is_complete"]) == (LESSON, "blood-pressure", "mm[Hg]", True)
    assert one["before"] == {"days": 2, "readings": 2, "values": {"diastolic": 80, "systolic": 155}}
    assert one["after"] == {"days": 2, "readings": 2, "values": {"diastolic": 80, "systolic": 135}}


def test_four_weeks_that_are_not_over_say_so(cast: Cast) -> None:
    measured(cast, cast.owner, {-3: 150}, now_ms())
    progress.read(cast.database, cast.owner, LESSON, now_ms())
    (one,) = shown(cast)
    assert (one["is_complete"], one["after"]["days"]) == (False, 0)


def test_where_nothing_was_measured_nothing_is_said(cast: Cast) -> None:
    progress.read(cast.database, cast.owner, LESSON, READ)
    progress.read(cast.database, cast.owner, "your-record-is-yours", READ)
    assert shown(cast) == []


@pytest.mark.parametrize(
    ("categories", "is_seen"), [(("care",), False), (("readings",), False), (("care", "readings"), True)]
)
def test_it_is_for_who_may_see_lessons_and_readings(cast: Cast, categories: tuple[str, ...], is_seen: bool) -> None:
    measured(cast, cast.owner, {-1: 150})
    progress.read(cast.database, cast.owner, LESSON, READ)
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, kind="family-doctor", categories=categories))
    assert bool(shown(cast, cast.stranger)) is is_seen


def test_lesson_about_a_sensitive_disease_is_for_who_may_see_that(cast: Cast) -> None:
    body = {"readings": [{"metric": "phq9-total", "t": rfc3339(READ - DAY_MS, 480), "value": 9, "id": "p"}]}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    measured(cast, cast.owner, {-1: 150})
    for slug in ("low-mood", LESSON):
        progress.read(cast.database, cast.owner, slug, READ)
    some = {"kind": "family-doctor", "categories": ("care", "readings")}
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, **some))
    assert {one["lesson"] for one in shown(cast)} == {LESSON, "low-mood"}
    assert {one["lesson"] for one in shown(cast, cast.stranger)} == {LESSON}


def test_stranger_is_told_nothing(cast: Cast) -> None:
    assert cast.send(cast.stranger, "GET", PATH).status_code == 403


@pytest.fixture
def readers(cast: Cast) -> list[str]:
    """Twenty elders who have read, measure more often since, and consented to research."""
    made = people.create_many(cast.database, [a_person() for _ in range(20)])
    for one in made:
        measured(cast, one.id, {-1: 150, 1: 140, 2: 140})
        progress.read(cast.database, one.id, LESSON, READ)
        processing.give(cast.database, one.id, processing.RESEARCH, Consent(one.id, 1, "zh"), READ)
    return [one.id for one in made]


def test_totals_are_of_those_who_consented(cast: Cast, readers: list[str]) -> None:
    measured(cast, cast.owner, {-1: 200})  # who was never asked
    progress.read(cast.database, cast.owner, LESSON, READ)
    (cell,) = effects.totals(cast.database, "2026-Q3", COUNTED)["cells"]
    assert (cell["topic"], cell["metric"], cell["age"], cell["people"]) == (
        "blood-pressure", "blood-pressure", "65-and-more", 20,
    )  # fmt: skip
    assert cell["days"] == [1.0, 2.0]
    assert cell["values"]["systolic"] == [150, 140]
    assert not any(one in str(cast.database["effect_totals"].find_one()) for one in readers)


def test_twenty_less_one_who_took_it_back_are_too_few(cast: Cast, readers: list[str]) -> None:
    processing.refuse(cast.database, readers[0], processing.RESEARCH, readers[0], READ + 1)
    assert effects.totals(cast.database, "2026-Q3", COUNTED)["cells"] == []


@pytest.mark.parametrize(("is_own", "cells"), [(True, 1), (False, 0)])
def test_a_guardians_consent_does_not_do_for_who_has_come_to_be_14(
    cast: Cast, readers: list[str], is_own: bool, cells: int
) -> None:
    for one in readers:  # 14 after they read, before it is counted
        people.patch(cast.database, one, Change(fields={"birth_on": date(2012, 9, 20)}))
    consent = Consent(readers[0] if is_own else cast.relative, 1, "zh")
    processing.give(cast.database, readers[0], processing.RESEARCH, consent, READ + 1)
    assert len(effects.totals(cast.database, "2026-Q3", COUNTED)["cells"]) == cells


def test_quarter_is_counted_once_and_stays(cast: Cast, readers: list[str]) -> None:
    first = effects.totals(cast.database, "2026-Q3", COUNTED)
    processing.refuse(cast.database, readers[0], processing.RESEARCH, readers[0], READ + 1)
    assert effects.totals(cast.database, "2026-Q3", COUNTED + DAY_MS) == first
    assert effects.totals(cast.database, "2026-Q2", COUNTED)["cells"] == []  # nobody read then


@pytest.mark.parametrize(
    ("quarter", "now", "is_counted"),
    [
        ("2026-Q3", 1_793_404_800_000 - 1, False),  # 2026-10-31, thirty days after the quarter's end
        ("2026-Q3", 1_793_404_800_000, True),
        ("2026-Q5", COUNTED, False),
        ("2026", COUNTED, False),
        ("1999-Q4", COUNTED, False),
        ("2025-Q4", COUNTED, True),
    ],
)
def test_quarter_must_be_over_for_four_weeks(cast: Cast, quarter: str, now: int, is_counted: bool) -> None:
    if is_counted:
        assert effects.totals(cast.database, quarter, now)["cells"] == []
    else:
        with pytest.raises(InputInvalid) as refused:
            effects.totals(cast.database, quarter, now)
        assert refused.value.pointer == "/quarter"


def test_operator_reads_what_it_is_and_what_it_is_not(cast: Cast) -> None:
    told = effects.as_json(effects.totals(cast.database, "2026-Q3", COUNTED))
    assert (told["least_people"], told["rounded_to"], told["cells"]) == (20, 5, [])
    assert set(told["association_not_effect"]) == {"zh", "en"}
