"""Follow-up visits by the national public-health rules: how one is classed, what follows, when the next is due. Pure.

Source: NBPHS3 (2017), services for people with hypertension and with type 2 diabetes, as in the standards sheet, 1.2
and 1.3: at least four visits a year face to face; two weeks after the first loss of control, an adverse reaction, or a
referral; a fuller check-up a year. The form's class has one value: what is worse stands for what is less so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

SOON = timedelta(days=14)
QUARTER_MONTHS, YEAR_MONTHS = 3, 12
FACE_TO_FACE_A_YEAR = 4
ELDERLY = 65
# mmHg and mmol/L. The line of the public-health specification, not that of guidelines for treatment.
CONTROLLED_BELOW = (140, 90)
CONTROLLED_BELOW_ELDERLY = (150, 90)
DANGER_FROM = (180, 110)
FASTING_BELOW = 7.0
GLUCOSE_DANGER_FROM, GLUCOSE_DANGER_TO = 16.7, 3.9


class Mode(StrEnum):
    CLINIC = "1"
    HOME = "2"
    PHONE = "3"

    @property
    def is_face_to_face(self) -> bool:
        return self is not Mode.PHONE


class Class(StrEnum):
    CONTROLLED = "1"
    UNCONTROLLED = "2"
    ADVERSE_REACTION = "3"
    COMPLICATION = "4"


class Reason(StrEnum):
    """Of a referral. Codes 1 to 4: as systems of primary care have them; 9 is our own, for what can't wait."""

    TWICE_UNCONTROLLED = "1"
    ADVERSE_REACTION = "2"
    NEW_COMPLICATION = "3"
    WORSE_COMPLICATION = "4"
    DANGER = "9"


@dataclass(frozen=True, slots=True)
class Visit:
    """One that took place."""

    on: date
    mode: Mode
    outcome: Class
    is_referral: bool = False
    is_check_up: bool = False


@dataclass(frozen=True, slots=True)
class Due:
    """``check_up_on``: when the yearly check-up is due, which may be combined with a visit."""

    on: date
    why: str  # "quarterly" | "two-weeks" | "two-weeks-after-referral" | "agreed"
    check_up_on: date
    face_to_face_this_year: int
    must_be_face_to_face: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the rules propose; the doctor confirms or changes it. ``outcome`` None: nothing to class by was measured."""

    outcome: Class | None
    reasons: tuple[Reason, ...]
    is_urgent: bool
    next_on: date
    dangers: tuple[str, ...]  # values and signs that were found dangerous, in words


def due(enrolled_on: date, visits: Sequence[Visit], today: date, agreed_on: date | None = None) -> Due:
    """When the next visit is due, at the latest; ``agreed_on``: a day that the doctor has set, where it is sooner.

    A talk on the telephone answers "within two weeks", and moves no quarter on: that counts from the last visit face to
    face (of nobody who was never visited: from the enrolment). Visits may be given in any order.
    """
    done = sorted((one for one in visits if one.on <= today), key=lambda one: one.on)
    faced = [one.on for one in done if one.mode.is_face_to_face]
    checked = [one.on for one in done if one.is_check_up]
    quarterly = months_after(faced[-1] if faced else enrolled_on, QUARTER_MONTHS)
    found = [(quarterly, "quarterly")]
    if done and done[-1].is_referral:
        found.append((done[-1].on + SOON, "two-weeks-after-referral"))
    elif done and done[-1].outcome is not Class.CONTROLLED:
        found.append((done[-1].on + SOON, "two-weeks"))
    if agreed_on is not None and (not done or agreed_on > done[-1].on):
        found.append((agreed_on, "agreed"))
    on, why = min(found, key=lambda one: one[0])  # on the same day the rule is why, not that it was agreed
    return Due(
        on=on,
        why=why,
        check_up_on=months_after(checked[-1] if checked else enrolled_on, YEAR_MONTHS),
        face_to_face_this_year=sum(day.year == today.year for day in faced),
        must_be_face_to_face=on == quarterly,
    )


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last one of that month: 30 November and 29 February as well."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def propose(
    judged_by: str,
    items: Mapping[str, Any],
    signs: Sequence[str],
    earlier: Sequence[Visit],
    about: tuple[date, int | None],
) -> Proposal:
    """What follows from a visit's own values. ``about``: its day and the person's age, None where it is not known.

    ``items``: values by the keys of the form; ``signs``: which of the form's dangers were seen; ``earlier``: visits
    before this one.
    """
    on, age = about
    before = max((one for one in earlier if one.on < on), key=lambda one: one.on, default=None)
    outcome = _outcome(judged_by, items, age)
    dangers = (*_dangers(judged_by, items), *signs)
    reasons = _reasons(items, outcome, before, has_danger=bool(dangers))
    is_soon = bool(reasons) or outcome not in (Class.CONTROLLED, None)
    next_on = on + SOON if is_soon else months_after(on, QUARTER_MONTHS)
    return Proposal(outcome, reasons, bool(dangers), next_on, dangers)


def is_controlled(systolic: float, diastolic: float, age: int | None) -> bool:
    """By the line of the specification; of unknown age as the younger."""
    line = CONTROLLED_BELOW_ELDERLY if age is not None and age >= ELDERLY else CONTROLLED_BELOW
    return systolic < line[0] and diastolic < line[1]


def _outcome(judged_by: str, items: Mapping[str, Any], age: int | None) -> Class | None:
    if items.get("complication") in ("2", "3"):
        return Class.COMPLICATION
    if items.get("adverse-reaction") == "2":
        return Class.ADVERSE_REACTION
    if judged_by == "glucose":
        fasting = items.get("fasting-glucose")
        is_well = None if fasting is None else fasting < FASTING_BELOW
    else:
        values = items.get("systolic"), items.get("diastolic")
        is_well = None if None in values else is_controlled(*values, age)  # type: ignore[arg-type]
    if is_well is None:
        return None
    return Class.CONTROLLED if is_well else Class.UNCONTROLLED


def _dangers(judged_by: str, items: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    systolic, diastolic = items.get("systolic"), items.get("diastolic")
    if (systolic or 0) >= DANGER_FROM[0] or (diastolic or 0) >= DANGER_FROM[1]:
        found.append("pressure-180-110")
    if judged_by == "glucose":
        values = [items[key] for key in ("fasting-glucose", "random-glucose") if items.get(key) is not None]
        if any(one >= GLUCOSE_DANGER_FROM for one in values):
            found.append("glucose-16.7")
        if any(one <= GLUCOSE_DANGER_TO for one in values):
            found.append("glucose-3.9")
    return tuple(found)


def _reasons(
    items: Mapping[str, Any], outcome: Class | None, before: Visit | None, *, has_danger: bool
) -> tuple[Reason, ...]:
    found = [Reason.DANGER] if has_danger else []
    is_twice = before is not None and before.outcome is outcome
    if outcome is Class.UNCONTROLLED and is_twice:
        found.append(Reason.TWICE_UNCONTROLLED)
    if outcome is Class.ADVERSE_REACTION and is_twice:
        found.append(Reason.ADVERSE_REACTION)
    if outcome is Class.COMPLICATION:
        is_new = items.get("complication") == "2"
        found.append(Reason.NEW_COMPLICATION if is_new else Reason.WORSE_COMPLICATION)
    return tuple(found)
