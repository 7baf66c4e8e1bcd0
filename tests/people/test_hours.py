"""When a team works, on its own clock."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from phr.clock import to_ms
from phr.errors import InputInvalid, NotFound
from phr.people import organisations
from phr.people.hours import gathers_ms, opens_ms, parsed
from tests.cast import Cast, a_clinic, cast

__all__ = ["cast"]
SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"


def at(text: str, zone: str = SHANGHAI) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-26T07:59:59", "2026-11-26T08:00"),
        ("2026-11-26T08:00", "2026-11-26T08:00"),
        ("2026-11-26T17:29:59", "2026-11-26T17:29:59"),
        ("2026-11-26T17:30", "2026-11-27T08:00"),
        ("2026-11-27T22:10", "2026-11-30T08:00"),  # Friday night, so on Monday
        ("2026-11-29T12:00", "2026-11-30T08:00"),
    ],
)
def test_usual_hours_hold_where_none_are_said(now: str, opens: str) -> None:
    assert opens_ms((), SHANGHAI, at(now)) == at(opens)


@pytest.mark.parametrize(
    ("now", "latest", "told"),
    [
        ("2026-11-25T10:05", "2026-11-27T10:05", "2026-11-26T08:00"),  # the next morning of work
        ("2026-11-25T10:05", "2026-11-26T08:00", "2026-11-26T08:00"),
        ("2026-11-25T07:00", "2026-11-27T07:00", "2026-11-25T08:00"),
        ("2026-11-25T10:05", "2026-11-26T07:59", "2026-11-25T11:00"),  # that would be too late: the next full hour
        ("2026-11-27T10:00", "2026-11-29T10:00", "2026-11-27T10:00"),  # Friday
        ("2026-11-27T17:10", "2026-11-29T10:00", "2026-11-27T17:10"),  # not after work
        ("2026-11-27T19:00", "2026-11-29T10:00", "2026-11-30T08:00"),  # nobody is there any sooner
        ("2026-11-29T12:00", "2026-12-01T12:00", "2026-11-30T08:00"),
    ],
)
def test_what_can_wait_is_told_together(now: str, latest: str, told: str) -> None:
    assert gathers_ms((), SHANGHAI, at(now), at(latest)) == at(told)


def test_own_shifts_hold_instead() -> None:
    shifts = parsed(["1-5=08:00-12:00", "1-5=14:00-18:00", "6=08:00-12:00"])
    assert opens_ms(shifts, SHANGHAI, at("2026-11-26T12:00")) == at("2026-11-26T14:00")
    assert opens_ms(shifts, SHANGHAI, at("2026-11-28T11:59")) == at("2026-11-28T11:59")
    assert opens_ms(shifts, SHANGHAI, at("2026-11-28T12:00")) == at("2026-11-30T08:00")


def test_night_is_two_shifts_that_leave_no_minute_out() -> None:
    night = parsed(["1-7=20:00-24:00", "1-7=00:00-08:00"])
    assert str(night[0]) == "1-7=20:00-24:00"
    for now in ("2026-11-26T23:59:59", "2026-11-27T00:00", "2026-11-27T07:59:59"):
        assert opens_ms(night, SHANGHAI, at(now)) == at(now)
    assert opens_ms(night, SHANGHAI, at("2026-11-27T08:00")) == at("2026-11-27T20:00")


def test_night_of_a_change_of_clocks() -> None:
    """In Berlin 02:00 to 03:00 of 28 March 2027 is left out, and of 31 October comes twice."""
    early = parsed(["7=02:30-06:00"])
    assert opens_ms(early, BERLIN, at("2027-03-28T00:00", BERLIN)) == at("2027-03-28T03:30", BERLIN)
    assert opens_ms(early, BERLIN, at("2027-10-31T00:00", BERLIN)) == at("2027-10-31T02:30", BERLIN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1-5",
        "8=08:00-12:00",
        "5-1=08:00-12:00",
        "1=12:00-08:00",
        "1=08:00-08:00",
        "1=24:00-25:00",
        "1=08:00-24:01",
        "١=08:00-09:00",
    ],
)
def test_what_is_no_shift_is_named(text: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        parsed([text])
    assert refused.value.pointer == "/hours"


def test_hours_are_kept_with_the_team(cast: Cast) -> None:
    a_clinic(cast.database, "doctor")
    kept = organisations.set_hours(cast.database, "clinic/blue", ["1-6=07:30-11:30"], "Asia/Urumqi")
    assert kept == organisations.find_team(cast.database, "clinic/blue")
    assert [str(one) for one in kept.shifts] == ["1-6=07:30-11:30"]
    with pytest.raises(InputInvalid):
        organisations.set_hours(cast.database, "clinic/blue", [], "Mars/Olympus")
    with pytest.raises(NotFound):
        organisations.set_hours(cast.database, "clinic/red", [], SHANGHAI)
