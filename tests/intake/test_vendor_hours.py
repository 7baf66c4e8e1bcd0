"""What is counted of each vendor and hour, and when a device was heard."""

import pytest

from phr.clock import HOUR_MS
from phr.database import Database
from phr.intake import sightings, vendor_hours
from phr.intake.sightings import WRITTEN_EVERY_MS, Sightings
from phr.intake.vendor_hours import Answered
from tests.cast import T0
from tests.recording.builders import a_house, pressure, sent

HOUR = T0 // HOUR_MS * HOUR_MS
ALL = (0, 2**42)


def hours(database: Database) -> list[vendor_hours.VendorHour]:
    return vendor_hours.between(database, "acme", *ALL)


def test_a_batch_is_added_up_by_hour_of_arrival(database: Database) -> None:
    times = (HOUR - 1, HOUR, HOUR + HOUR_MS - 1, HOUR + HOUR_MS)
    vendor_hours.count(database, [Answered("acme", t, (1, 2, 0, 0, 0)) for t in times])
    assert [(one.start_ms, one.messages, one.stored) for one in hours(database)] == [
        (HOUR - HOUR_MS, 1, 2),
        (HOUR, 2, 4),
        (HOUR + HOUR_MS, 1, 2),
    ]


def test_recording_counts_what_it_answers(database: Database) -> None:
    house = a_house(database)
    house.bind(house.ana)
    bad = {"metric": "no-such"}
    house.record(sent(pressure(), bad), sent(pressure(), pressure(T0 + 2**40), bad))
    (one,) = hours(database)
    assert (one.messages, one.stored, one.duplicate, one.held) == (2, 1, 1, 1)
    assert one.rejected == {"metric-unknown": 2}


def test_a_repeated_batch_is_counted_again_as_duplicates(database: Database) -> None:
    house = a_house(database)
    house.bind(house.ana)
    for _ in range(2):
        house.record(sent(pressure()))
    (one,) = hours(database)
    assert (one.messages, one.stored, one.duplicate) == (2, 1, 1)


def test_what_comes_over_http_is_no_vendors(database: Database) -> None:
    house = a_house(database)
    delivery = sent(pressure())
    delivery = type(delivery)(delivery.decoded, delivery.device, "http:app", T0, person=house.ana)
    house.record(delivery)
    assert hours(database) == []
    assert sightings.last_seen(database, ["acme/cuff-1"]) == {}


def test_only_registered_devices_are_seen(database: Database) -> None:
    house = a_house(database)
    house.record(sent(pressure()), sent(pressure(), device="acme/made-up"))
    assert sightings.last_seen(database, ["acme/cuff-1", "acme/made-up"]) == {"acme/cuff-1": T0}


@pytest.mark.parametrize(
    ("later_ms", "seen_ms"), [(WRITTEN_EVERY_MS - 1, 0), (WRITTEN_EVERY_MS, WRITTEN_EVERY_MS), (90_000, 90_000)]
)
def test_a_sighting_is_written_once_a_minute(database: Database, later_ms: int, seen_ms: int) -> None:
    worker = Sightings(database)
    worker.saw([("acme/cuff", T0)])
    worker.saw([("acme/cuff", T0 + later_ms)])
    assert sightings.last_seen(database, ["acme/cuff"]) == {"acme/cuff": T0 + seen_ms}


def test_a_sighting_never_goes_back(database: Database) -> None:
    Sightings(database).saw([("acme/cuff", T0), ("acme/cuff", T0 - 5)])
    Sightings(database).saw([("acme/cuff", T0 - 1)])
    assert sightings.last_seen(database, ["acme/cuff"]) == {"acme/cuff": T0}


def test_memory_of_sightings_is_bounded(database: Database) -> None:
    worker = Sightings(database, remembered=2)
    worker.saw([(f"acme/{n}", T0) for n in range(5)])
    assert list(worker._written) == ["acme/3", "acme/4"]
