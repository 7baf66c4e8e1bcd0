"""An answer that somebody must look at calls whom the person named for that and the doctors, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phr import answers, happenings
from phr.alerts import carers
from phr.alerts.carers import Contacts
from phr.clock import now_ms, to_datetime
from phr.database import Document
from phr.errors import InputInvalid
from phr.people import grants, organisations, processing
from phr.timeline import entries, imported
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft
from phr.timeline.imported import Found, Import
from tests.cast import T0, Cast, a_clinic, a_grant, cast

__all__ = ["cast"]
DAY_MS = 86_400_000
CALLED = "alert-of-resident"
ITEM_9, NOTHING = [0, 1, 0, 1, 0, 0, 0, 0, 1], [3, 3, 3, 3, 3, 0, 0, 0, 0]


def draft(said: list[int]) -> Draft:
    content = {"instrument": "phq-9", "answers": said, "needs_review": bool(said[8]), "text": "PHQ-9"}
    when = Effective(instant(T0, 480))
    return Draft(kind="questionnaire", content=content, effective=when, provenance={"how": "self-reported"})


def filled_in(cast: Cast, said: list[int]) -> Any:
    body = {"kind": "questionnaire", "instrument": "phq-9", "answers": said, "effective_at": "2026-11-23"}
    answer = cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json


def alerts(cast: Cast) -> list[Document]:
    return list(cast.database["alerts"].find())


def told(cast: Cast, who: str) -> list[str]:
    return [row["rule"] for row in cast.database["notices"].find({"person": who, "state": "pending"})]


def test_it_is_an_emergency_at_once_whatever_the_total(cast: Cast) -> None:
    filled_in(cast, NOTHING)
    assert alerts(cast) == []
    filled_in(cast, ITEM_9)
    (one,) = alerts(cast)
    assert (one["rule"], one["level"], "mental" in one["categories"]) == (answers.RULE, 4, True)
    assert told(cast, cast.owner) == [answers.RULE]
    shown = cast.send(cast.owner, "GET", f"/v1/people/{{owner}}/alerts/{one['_id']}").json
    assert {"120", "12356"} <= {word for word in ("120", "12356") if word in shown["message"]["zh"]}  # type: ignore[index]
    assert shown["reviewed"] is False  # type: ignore[index]


def test_only_the_crisis_contact_is_called_who_may_see_it(cast: Cast) -> None:
    named = Contacts(emergency=(cast.relative,), crisis=(cast.stranger,))
    carers.choose(cast.database, cast.owner, named, 0)
    filled_in(cast, ITEM_9)
    assert (told(cast, cast.relative), told(cast, cast.stranger)) == ([], [])
    cast.database["alerts"].delete_many({})
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("mental",)))
    filled_in(cast, ITEM_9)
    assert (told(cast, cast.relative), told(cast, cast.stranger)) == ([], ["alert-of-family"])


def test_who_has_no_right_to_it_does_not_see_the_alert(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("readings",)))
    filled_in(cast, ITEM_9)
    assert cast.send(cast.stranger, "GET", "/v1/people/{owner}/alerts").json["alerts"] == []  # type: ignore[index]


def stored(cast: Cast, said: list[int] = ITEM_9, at_ms: int | None = None) -> None:
    """Written by a process that died before it weighed anything."""
    new = NewEntry(person=cast.owner, draft=draft(said), author=Author(cast.owner, "app", None))
    entries.create(cast.database, new, now_ms() if at_ms is None else at_ms)


@pytest.mark.parametrize(("age_ms", "expected"), [(0, [False]), (2 * DAY_MS, [True]), (8 * DAY_MS, [])])
def test_what_nobody_weighed_the_scheduler_does_once_and_late_ones_wake_nobody(
    cast: Cast, age_ms: int, expected: list[bool]
) -> None:
    stored(cast, at_ms=now_ms() - age_ms)
    for _ in range(2):
        happenings.enter_one(cast.database, now_ms())
    assert [one["is_late"] for one in alerts(cast)] == expected
    assert told(cast, cast.owner) == [answers.RULE for is_late in expected if not is_late]
    assert cast.database["entries"].count_documents({"to_weigh": True}) == 0


def test_an_import_raises_no_alarm(cast: Cast) -> None:
    of = Import(cast.owner, "i1", Author(cast.owner, "import", None))
    imported.take_in(cast.database, of, [Found("k", draft(ITEM_9))], now_ms())
    assert cast.database["entries"].count_documents({"to_weigh": True}) == 0


def test_who_does_not_want_to_be_judged_is_not(cast: Cast) -> None:
    processing.refuse(cast.database, cast.owner, processing.EVALUATION, cast.owner, T0)
    filled_in(cast, ITEM_9)
    assert alerts(cast) == []


def test_a_change_to_a_yes_is_weighed_too(cast: Cast) -> None:
    made = filled_in(cast, NOTHING)
    entry = entries.find(cast.database, cast.owner, made["id"])
    changed = replace(draft(ITEM_9), sensitive=entry.sensitive)
    entries.change(cast.database, entry, changed, entries.Hand(Author(cast.owner, "app", None), now_ms()))
    happenings.enter_one(cast.database, now_ms())
    assert len(alerts(cast)) == 1


def a_clinic_that_sees(cast: Cast) -> tuple[str, str, str]:
    """Two doctors and a nurse of a team that may see all."""
    first, second, nurse = a_clinic(cast.database, "doctor", "doctor", "nurse")
    grants.create(cast.database, a_grant(cast.owner, "team:clinic/blue", kind="family-doctor"))
    grants.create(cast.database, a_grant(cast.owner, "team:clinic/blue", kind="family-doctor", categories=("mental",)))
    return first, second, nurse


def on_duty(cast: Cast, doctor: str, *shifts: str) -> None:
    organisations.set_duty(cast.database, "clinic/blue", doctor, shifts, now_ms())


def test_without_a_roster_doctors_are_called_and_no_nurse(cast: Cast) -> None:
    first, second, nurse = a_clinic_that_sees(cast)
    filled_in(cast, ITEM_9)
    assert [told(cast, one) for one in (first, second, nurse)] == [[CALLED], [CALLED], []]


def test_only_the_doctor_on_duty_is_called_and_at_once_whatever_the_hour(cast: Cast) -> None:
    first, second, nurse = a_clinic_that_sees(cast)
    on_duty(cast, second, "1-7=00:00-24:00")
    on_duty(cast, first, *not_today())
    before = now_ms()
    filled_in(cast, ITEM_9)
    assert [told(cast, one) for one in (first, second, nurse)] == [[], [CALLED], []]
    (row,) = cast.database["notices"].find({"person": second})
    assert before <= row["from_ms"] <= now_ms()


def test_where_nobody_is_on_duty_who_is_next_is_called_then(cast: Cast) -> None:
    first, second, _ = a_clinic_that_sees(cast)
    on_duty(cast, first, *not_today())
    filled_in(cast, ITEM_9)
    assert (told(cast, first), told(cast, second)) == ([CALLED], [])
    (row,) = cast.database["notices"].find({"person": first})
    assert row["from_ms"] > now_ms()


def test_doctor_on_duty_who_has_left_the_team_is_not_called(cast: Cast) -> None:
    first, second, _ = a_clinic_that_sees(cast)
    on_duty(cast, second, "1-7=00:00-24:00")
    organisations.leave_team(cast.database, "clinic/blue", second)
    filled_in(cast, ITEM_9)
    assert (told(cast, first), told(cast, second)) == ([CALLED], [])


def test_on_duty_are_doctors_of_the_team_alone(cast: Cast) -> None:
    *_, nurse = a_clinic_that_sees(cast)
    with pytest.raises(InputInvalid):
        on_duty(cast, nurse, "1-7=00:00-24:00")
    with pytest.raises(InputInvalid):
        on_duty(cast, cast.stranger, "1-7=00:00-24:00")
    on_duty(cast, nurse)


def not_today() -> list[str]:
    """A shift of two days after today, whatever today is in Shanghai."""
    day = (to_datetime(now_ms(), 480).isoweekday() + 1) % 7 + 1
    return [f"{day}=08:00-09:00"]
