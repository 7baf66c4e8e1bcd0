"""Rules fall on the days that RFC 5545 says, from any day on; what can't be is refused."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from phr.errors import InputInvalid
from phr.reminders.recurrence import days_of, on_or_after


def first(rule: str, starts_on: str, count: int = 4, ends_on: str | None = None) -> list[str]:
    days = days_of(rule, date.fromisoformat(starts_on), date.fromisoformat(ends_on) if ends_on else None)
    found: list[str] = []
    day = days.starts_on
    while len(found) < count and (following := on_or_after(days, day)) is not None:
        found.append(following.isoformat())
        day = following + timedelta(days=1)
    return found


@pytest.mark.parametrize(
    ("rule", "starts_on", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2026-11-26", ["2026-11-26", "2026-11-29", "2026-12-02"]),
        ("FREQ=WEEKLY", "2026-11-26", ["2026-11-26", "2026-12-03", "2026-12-10"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "1997-08-05", ["1997-08-05", "1997-08-10", "1997-08-19"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05", ["1997-08-05", "1997-08-17", "1997-08-19"]),
        ("FREQ=MONTHLY;BYDAY=1FR", "2026-11-26", ["2026-12-04", "2027-01-01", "2027-02-05"]),
        ("FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", "2026-11-30", ["2026-11-30", "2027-02-28", "2027-05-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        ("FREQ=YEARLY;BYWEEKNO=1", "2026-11-26", ["2027-01-07", "2028-01-06", "2029-01-04"]),
        ("RRULE:freq=daily", "2026-11-26", ["2026-11-26", "2026-11-27", "2026-11-28"]),
    ],
)
def test_days_of_a_rule(rule: str, starts_on: str, expected: list[str]) -> None:
    assert first(rule, starts_on, 3) == expected


@pytest.mark.parametrize(
    ("rule", "starts_on", "expected"),
    [
        ("FREQ=MONTHLY", "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("FREQ=YEARLY", "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28"]),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=2", "2024-02-29", ["2024-02-29", "2026-02-28", "2028-02-29", "2030-02-28"]),
    ],
)
def test_a_day_that_a_month_has_not_is_its_last(rule: str, starts_on: str, expected: list[str]) -> None:
    assert first(rule, starts_on) == expected


def test_a_rule_ends_by_count_by_until_and_by_its_end() -> None:
    assert first("FREQ=DAILY;COUNT=2", "2026-11-26") == ["2026-11-26", "2026-11-27"]
    assert first("FREQ=WEEKLY;UNTIL=20261203", "2026-11-26") == ["2026-11-26", "2026-12-03"]
    assert first("FREQ=DAILY;COUNT=9", "2026-11-26", 9, "2026-11-27") == ["2026-11-26", "2026-11-27"]


@pytest.mark.parametrize(
    "rule",
    [
        *("", "FREQ", "FREQ=", "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY", "INTERVAL=1", "FREQ=DAILY;FREQ=DAILY"),
        *("FREQ=DAILY;BYHOUR=8", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=1,2", "FREQ=DAILY;COUNT=0"),
        *("FREQ=DAILY;COUNT=10001", "FREQ=DAILY;COUNT=3;UNTIL=20270101", "FREQ=DAILY;UNTIL=20260230"),
        *("FREQ=DAILY;UNTIL=20270101T000000Z", "FREQ=DAILY;BYMONTH=13", "FREQ=MONTHLY;BYMONTHDAY=0"),
        *("FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=XX", "FREQ=DAILY;BYSETPOS=1"),
        *("FREQ=DAILY;WKST=XX", "FREQ=DAILY;X-A=1", "FREQ=DAILY;BYMONTH=١", "DTSTART:20260101\nRRULE:FREQ=DAILY"),
        *("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "FREQ=DAILY;UNTIL=20200101"),
        "FREQ=DAILY;BYMONTH=" + ",".join(["1"] * 200),
    ],
)
def test_what_is_no_rule_or_never_comes_is_refused(rule: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        days_of(rule, date(2026, 11, 26))
    assert refused.value.pointer == "/rrule"


RULES = st.one_of(
    st.builds("FREQ=DAILY;INTERVAL={}".format, st.integers(1, 40)),
    st.builds("FREQ=WEEKLY;INTERVAL={};BYDAY={}".format, st.integers(1, 9), st.sampled_from(["MO", "TU,SU", "WE,SA"])),
    st.builds("FREQ=MONTHLY;INTERVAL={};BYMONTHDAY={}".format, st.integers(1, 9), st.sampled_from([1, 15, 31, -1])),
    st.builds("FREQ=MONTHLY;INTERVAL={};BYDAY={}".format, st.integers(1, 5), st.sampled_from(["2TU", "-1FR"])),
    st.builds("FREQ=YEARLY;INTERVAL={};BYMONTH={};BYMONTHDAY=5".format, st.integers(1, 3), st.integers(1, 12)),
)
DAYS = st.dates(date(2020, 1, 1), date(2035, 1, 1))


@settings(deadline=None)
@given(rule=RULES, starts_on=DAYS, later=st.integers(0, 3_000))
def test_from_any_day_on_it_is_what_counting_from_the_start_gives(rule: str, starts_on: date, later: int) -> None:
    days, day = days_of(rule, starts_on), starts_on + timedelta(days=later)
    counted = rrulestr(rule, dtstart=datetime.combine(starts_on, time()))
    expected = counted.after(datetime.combine(day, time()), inc=True)
    assert on_or_after(days, day) == expected.date()


@settings(deadline=None, max_examples=30)
@given(rule=RULES, starts_on=DAYS, count=st.integers(2, 6))
def test_count_counts_days(rule: str, starts_on: date, count: int) -> None:
    found = first(f"{rule};COUNT={count}", starts_on.isoformat(), count + 1)
    assert len(found) == count
    assert all(one < two for one, two in pairwise(found))
