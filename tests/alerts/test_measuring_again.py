"""A first very high reading has its device ask for a second one: that device alone, and once."""

from __future__ import annotations

import pytest

from phr.alerts import carers
from phr.clock import DAY_MS, MINUTE_MS
from phr.database import Document
from tests.alerts.test_episode import PRESSURE
from tests.cast import T0
from tests.recording.builders import CUFF, HIGH, NORMAL, House, pressure, sent


@pytest.fixture
def ana(house: House) -> House:
    house.bind(house.ana)
    return house


def told(house: House) -> list[Document]:
    return list(house.database["commands"].find({}, {"_id": 0, "device": 1, "code": 1, "args": 1}))


def test_device_of_a_first_very_high_pressure_asks_for_a_second_one_once(ana: House) -> None:
    for _ in range(2):
        ana.record(sent(pressure(value=HIGH)))
    assert told(ana) == [{"device": CUFF, "code": "measure-again", "args": {}}]
    (row,) = ana.database["commands"].find()
    assert (row["created_at_ms"], row["expires_at_ms"], row["sent_at_ms"]) == (T0, T0 + 10 * MINUTE_MS, None)


def test_second_reading_asks_for_no_third(ana: House) -> None:
    ana.record(sent(pressure(value=HIGH)))
    ana.database["commands"].delete_many({})
    at_ms = T0 + 2 * MINUTE_MS
    ana.record(sent(pressure(at_ms, HIGH), arrived_at_ms=at_ms), now_ms=at_ms)
    assert told(ana) == []


def test_what_is_not_high_or_comes_late_asks_for_nothing(ana: House) -> None:
    ana.record(sent(pressure(value=NORMAL)), sent(pressure(T0 - 2 * DAY_MS, HIGH)))
    assert told(ana) == []


def test_device_that_its_person_has_given_up_since_is_told_nothing(house: House) -> None:
    house.bind(house.ana, until_ms=T0 + 1)
    house.record(sent(pressure(value=HIGH)), now_ms=T0 + MINUTE_MS)
    assert len(house.notices()) == 1
    assert told(house) == []


def test_who_has_put_the_rule_off_is_asked_for_nothing(ana: House) -> None:
    carers.snooze(ana.database, ana.ana, PRESSURE, ana.ana, T0 + MINUTE_MS)
    ana.record(sent(pressure(value=HIGH)))
    assert told(ana) == []
