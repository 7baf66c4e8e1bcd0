"""Times as well as they are remembered."""

from datetime import date

import pytest

from phr.timeline import effective
from phr.timeline.effective import Effective, placed, remembered

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "shown", "first", "end"),
    [
        ("1987", "1987", "1987-01-01", "1988-01-01"),
        ("1987年", "1987", "1987-01-01", "1988-01-01"),
        ("1980s", "1980s", "1980-01-01", "1990-01-01"),
        ("1980年代", "1980s", "1980-01-01", "1990-01-01"),
        ("1987-02", "1987-02", "1987-02-01", "1987-03-01"),
        ("1987年12月", "1987-12", "1987-12-01", "1988-01-01"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("2024年2月3日", "2024-02-03", "2024-02-03", "2024-02-04"),
        ("Spring 2003", "spring 2003", "2003-03-01", "2003-06-01"),
        ("fall 2003", "autumn 2003", "2003-09-01", "2003-12-01"),
        ("winter 2003", "winter 2003", "2003-12-01", "2004-03-01"),
        ("2003年春天", "spring 2003", "2003-03-01", "2003-06-01"),
    ],
)
def test_form_is_a_stretch_of_days(text: str, shown: str, first: str, end: str) -> None:
    told = remembered(text)
    assert told
    assert (told.text, told.first, told.end) == (shown, date.fromisoformat(first), date.fromisoformat(end))


@pytest.mark.parametrize("text", ["", "87", "19870", "1987-1", "spring", "1985s", "2003-春", "1987\n1988", "１９８７"])
def test_other_words_are_no_time(text: str) -> None:
    assert remembered(text) is None


@pytest.mark.parametrize("text", ["1799", "2200", "1987-00", "1987-13", "2023-02-29", "1987年2月30日"])
def test_date_that_no_life_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        remembered(text)


@pytest.mark.parametrize(("offset_min", "hours"), [(480, -8), (0, 0), (-720, 12)])
def test_stretch_begins_at_the_persons_own_midnight(offset_min: int, hours: int) -> None:
    told = remembered("1970-01-02")
    assert told
    when = placed(told, lambda _: offset_min)
    day_ms = 24 * HOUR_MS
    assert (when.start_ms, when.end_ms) == (day_ms + hours * HOUR_MS, 2 * day_ms + hours * HOUR_MS)
    assert (when.start_ms + offset_min * 60_000) // day_ms == 1


def test_day_on_which_the_clocks_change_has_its_own_length() -> None:
    told = remembered("1970-01-02")
    assert told
    changes_at = 30 * HOUR_MS
    when = placed(told, lambda t_ms: 0 if t_ms < changes_at else 60)
    assert when.end_ms - when.start_ms == 23 * HOUR_MS


@pytest.mark.parametrize(
    ("begin", "end", "is_in_order"),
    [("1987", "1986", False), ("1987", "1987", True), ("1987", "1988", True), ("1987-05", "1987", True)],
)
def test_period_ends_after_it_begins_as_far_as_is_known(begin: str, end: str, is_in_order: bool) -> None:
    first, last = remembered(begin), remembered(end)
    assert first
    assert last
    period = Effective(placed(first, lambda _: 0), placed(last, lambda _: 0))
    assert period.is_in_order is is_in_order


@pytest.mark.parametrize(("later_ms", "is_in_order"), [(-1, False), (0, True), (1, True)])
def test_period_of_instants_is_exact(later_ms: int, is_in_order: bool) -> None:
    period = Effective(effective.instant(5, 480), effective.instant(5 + later_ms, 480))
    assert period.is_in_order is is_in_order
