"""The latest reading of each metric."""

from typing import Any

import pytest

from phr.database import Database
from phr.readings import store
from phr.readings.latest import Latest, latest
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0
from tests.readings.builders import DAY_MS, HOUR_MS, a_run, arriving

YEAR_MS = 366 * DAY_MS


def found(database: Database, person: str = "ana") -> list[Latest]:
    return latest(database, person, vocabulary().metrics)


def stored(database: Database, *runs: Any, **changes: Any) -> None:
    store.write(database, [arriving(run, **changes) for run in runs])


def test_nothing_measured_gives_nothing(database: Database) -> None:
    stored(database, a_run())
    assert found(database, "bob") == []


def test_each_metric_has_one_in_order_of_keys(database: Database) -> None:
    stored(database, a_run(metric="weight"), a_run(metric="body-temperature"), a_run())
    assert [one.metric.key for one in found(database)] == ["body-temperature", "heart-rate", "weight"]


@pytest.mark.parametrize("earlier_ms", [1, HOUR_MS, 6 * HOUR_MS, 90 * DAY_MS, 3 * YEAR_MS])
@pytest.mark.parametrize("metric", ["heart-rate", "weight", "resting-heart-rate"])
def test_time_of_measurement_counts_and_not_of_arrival(database: Database, metric: str, earlier_ms: int) -> None:
    stored(database, a_run(T0, 730, metric))
    stored(database, a_run(T0 - earlier_ms, 720, metric), arrived_at_ms=T0 + DAY_MS)
    (one,) = found(database)
    assert (one.t_ms, dict(one.values)) == (T0, {"": 730})


@pytest.mark.parametrize("later", range(6))
def test_latest_of_all_sources_is_found(database: Database, later: int) -> None:
    for number in range(6):  # more than one query brings
        stored(database, a_run(T0 + (number == later)), device=f"acme/cuff-{number}")
    (one,) = found(database)
    assert (one.device, one.t_ms) == (f"acme/cuff-{later}", T0 + 1)


def test_source_that_stopped_long_ago_hides_nothing(database: Database) -> None:
    stored(database, a_run(T0 - YEAR_MS), device="zzz/old")
    stored(database, a_run(T0), device="acme/new")
    assert [one.device for one in found(database)] == ["acme/new"]


def test_last_of_one_instant_is_that_of_the_greatest_seq(database: Database) -> None:
    stored(database, a_run([T0, T0], [720, 730], seq=[2, 1]))
    assert found(database)[0].values == {"": 720}


def test_reading_says_what_it_said(database: Database) -> None:
    value = {"systolic": 1280, "diastolic": 820, "mean": None}
    run = a_run(value=value, metric="blood-pressure", offset_min=None, extras={0: {"flag": "above-range"}})
    stored(database, run)
    (one,) = found(database)
    assert (dict(one.values), one.offset_min) == ({"diastolic": 820, "systolic": 1280}, None)
    assert one.extra == {"flag": "above-range"}


def test_metric_that_is_no_longer_known_is_left_out(database: Database) -> None:
    stored(database, a_run())
    assert latest(database, "ana", {}) == []


def test_lifetime_of_buckets_is_not_read(database: Database) -> None:
    for year in range(80):
        stored(database, a_run(T0 - year * YEAR_MS, metric="heart-rate"))
    database.command("profile", 2)
    found(database)
    database.command("profile", 0)
    plans = database["system.profile"].find({"command.aggregate": "readings"})
    assert [(one["planSummary"], one["docsExamined"]) for one in plans] == [("IXSCAN { _id: 1 }", 1)]
