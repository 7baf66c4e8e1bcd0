"""A vendor's hours over HTTP."""

from typing import Any

import pytest

from phr.clock import HOUR_MS, now_ms
from phr.intake import vendor_hours
from phr.intake.vendor_hours import Answered
from phr.vocabulary.reading import Rejection
from tests.cast import T0, Cast

DAY_MS = 24 * HOUR_MS
HOUR = T0 // HOUR_MS * HOUR_MS


def asked(cast: Cast, query: str, vendor: str = "acme") -> Any:
    headers = {"Authorization": f"Bearer {cast.vendor_token(vendor)}"}
    return cast.http.get(f"/v1/vendor/statistics?{query}", headers=headers)


def heard(cast: Cast, at_ms: int, vendor: str = "acme", *rejected: Rejection, stored: int = 0) -> None:
    vendor_hours.count(cast.database, [Answered(vendor, at_ms, (1, stored, 0, 0, 0), rejected)])


def test_vendor_sees_its_hours_and_their_total(cast: Cast) -> None:
    heard(cast, HOUR, stored=2)
    heard(cast, HOUR + HOUR_MS, "acme", Rejection("/series/0", "unit-missing", "?", count=4))
    heard(cast, HOUR, vendor="other", stored=9)
    answer = asked(cast, f"from={HOUR}&to={HOUR + 2 * HOUR_MS}").json
    assert [(one["hour"], one["messages"], one["stored"]) for one in answer["hours"]] == [
        ("2026-11-22T23:00:00Z", 1, 2),
        ("2026-11-23T00:00:00Z", 1, 0),
    ]
    assert (answer["total"]["rejected"], answer["total"]["rejected_count"]) == ({"unit-missing": 4}, 4)


@pytest.mark.parametrize(("to_ms", "messages"), [(HOUR - 1, 0), (HOUR, 0), (HOUR + 1, 1)])
def test_hours_that_the_question_touches_are_whole(cast: Cast, to_ms: int, messages: int) -> None:
    heard(cast, HOUR)
    assert asked(cast, f"from={HOUR - HOUR_MS}&to={to_ms}").json["total"]["messages"] == messages


def test_without_a_question_it_is_the_last_day(cast: Cast) -> None:
    now = now_ms()
    for age_ms in (0, DAY_MS - HOUR_MS, DAY_MS + 2 * HOUR_MS):
        heard(cast, now - age_ms)
    assert asked(cast, "").json["total"]["messages"] == 2


@pytest.mark.parametrize(("length_ms", "status"), [(0, 400), (1, 200), (31 * DAY_MS, 200), (31 * DAY_MS + 1, 400)])
def test_a_question_has_a_least_and_a_greatest_length(cast: Cast, length_ms: int, status: int) -> None:
    assert asked(cast, f"from={T0}&to={T0 + length_ms}").status_code == status


def test_another_vendor_sees_nothing_of_it(cast: Cast) -> None:
    heard(cast, HOUR)
    assert asked(cast, f"from={HOUR}&to={HOUR + HOUR_MS}", vendor="other").json["hours"] == []
