"""A reminder to measure disappears when the reading has come, and is not sent where it is there already."""

from __future__ import annotations

import pytest

from phr import amending
from phr.database import Database
from phr.intake import bindings
from phr.intake.device import Binding
from phr.readings.void import Act, Source, Wanted
from phr.reminders import settling
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.recording import builders
from tests.recording.builders import CUFF, a_house, beats, pressure, sent
from tests.reminders.builders import MINUTE_MS, ms, notices, states
from tests.reminders.conftest import House

EIGHT = ms("2026-11-23T08:00:00+08:00")


@pytest.fixture
def measured(database: Database) -> tuple[House, builders.House]:
    """Ana, who measures at eight, and her cuff."""
    record = a_house(database)
    bindings.bind(database, CUFF, Binding("", record.ana, T0 - 86_400_000, None))
    house = House(database, record.ana)
    house.put(kind="measurement", about="blood-pressure")
    return house, record


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-61, "sent"), (-60, "done"), (0, "done"), (119, "done"), (120, "missed")]
)
def test_a_reading_counts_from_an_hour_before_until_the_window_is_over(
    measured: tuple[House, builders.House], minutes: int, expected: str
) -> None:
    house, record = measured
    at = EIGHT + minutes * MINUTE_MS
    if minutes <= 0:
        record.record(sent(pressure(at), arrived_at_ms=at), now_ms=at)
    house.tick("2026-11-23T08:00:00+08:00")
    if minutes > 0:
        record.record(sent(pressure(at), arrived_at_ms=at), now_ms=at)
        house.tick("2026-11-23T10:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": expected}
    assert len(notices(house.database)) == (expected == "sent")


def test_it_is_taken_back_as_soon_as_the_reading_has_landed(measured: tuple[House, builders.House]) -> None:
    house, record = measured
    house.tick("2026-11-23T08:00:00+08:00")
    assert notices(house.database) == ["该测量了：血压（计划时间 08:00）"]
    at = EIGHT + 5 * MINUTE_MS
    record.record(sent(beats(at, [70]), arrived_at_ms=at), now_ms=at)
    assert settling.meet_readings(house.database, at) == 0
    record.record(sent(pressure(at), arrived_at_ms=at), now_ms=at)
    assert settling.meet_readings(house.database, at) == 1
    assert settling.meet_readings(house.database, at) == 0
    assert notices(house.database) == []
    assert states(house.database) == {"2026-11-23T08:00": "done"}


def test_a_reading_that_was_voided_is_none(measured: tuple[House, builders.House]) -> None:
    house, record = measured
    record.record(sent(pressure(T0)), now_ms=T0)
    source = Source(house.ana, vocabulary().metrics["blood-pressure"], CUFF)
    amending.take_out(house.database, source, Wanted(frozenset({(T0, 0)})), Act(house.ana, "not mine", T0))
    house.tick("2026-11-23T08:00:00+08:00")
    assert states(house.database) == {"2026-11-23T08:00": "sent"}
