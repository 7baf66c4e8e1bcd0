"""What became of a payload: counts that add up to its items, and what its vendor may look at."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from phr.clock import rfc3339, to_datetime
from phr.intake import rejections
from phr.readings import spans
from phr.recording import Verdict
from tests.cast import T0
from tests.readings.builders import HOUR_MS, MINUTE_MS, a_metric
from tests.recording.builders import HIGH, TOPIC, House, beats, codes, counts, pressure, sent

CAP = spans.span_of(a_metric("heart-rate")).cap


@pytest.fixture
def home(house: House) -> House:
    house.bind(house.ana)
    return house


def an_item(chance: random.Random) -> dict[str, Any]:
    """Anything a cuff may send, right or wrong."""
    t_ms = T0 - chance.randrange(5) * MINUTE_MS
    right = pressure(t_ms, {"systolic": chance.choice([120, 130, 190]), "diastolic": 80})
    wrong: list[dict[str, Any]] = [
        {"t": "yesterday"},
        {"t": rfc3339(T0 + HOUR_MS, 480)},
        {"value": {"systolic": 999, "diastolic": 80}},
        {"value": {"systolic": 120}},
        {"unit": "parsec"},
        {"slot": "B"},
        {"device": "other"},
        {"metric": "blood-presure"},
        {"seq": -1},
    ]
    return right | chance.choice([*wrong, *[{}] * 9])


@pytest.mark.parametrize("seed", range(4))
def test_counts_add_up_to_the_items(home: House, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        items = [an_item(chance) for _ in range(chance.randrange(1, 40))]
        series = [beats(T0, [70, None, "x", 999_999, 71]), {"metric": "heart-rate", "values": [1, 2, None]}]
        verdicts = home.record(sent(*items, series=series), sent(*items))
        assert [sum(counts([one])) for one in verdicts] == [len(items) + 4 + 2, len(items)]


def test_each_payload_of_a_batch_has_its_own_verdict(home: House) -> None:
    first, second, third = home.record(
        sent(pressure(), id="a"), sent(pressure(), pressure(value=HIGH), id="b"), sent({"metric": "x"}, id="c")
    )
    assert [one.payload_id for one in (first, second, third)] == ["a", "b", "c"]
    assert [counts([one]) for one in (first, second, third)] == [(1, 0, 0, 0, 0), (0, 1, 1, 0, 0), (0, 0, 0, 0, 1)]


@pytest.mark.parametrize(("wrong", "listed"), [(99, 99), (100, 100), (101, 100)])
def test_at_most_a_hundred_rejections_are_listed_and_all_counted(home: House, wrong: int, listed: int) -> None:
    body = home.record(sent(*[{"metric": "no-such"}] * wrong))[0].as_json(T0)
    assert (len(body["rejected"]), body["rejected_count"]) == (listed, wrong)
    assert body["rejected"][0].keys() == {"path", "code", "detail"}


def test_feedback_has_the_fields_of_the_contract() -> None:
    assert Verdict("m1", 1, 2, 3, 4).as_json(T0) == {
        "id": "m1",
        "stored": 1,
        "duplicate": 2,
        "corrected": 3,
        "held": 4,
        "rejected_count": 0,
        "rejected": [],
        "server_time": "2026-11-22T23:30:00Z",
    }


def test_excess_of_a_dense_series_is_refused_with_its_place_in_the_payload(home: House) -> None:
    hour = T0 // HOUR_MS * HOUR_MS - HOUR_MS
    dense = beats(hour, [70] * (CAP + 2), period_s=0.5)
    verdict = home.record(sent(pressure(), series=[dense]))[0]
    assert codes(verdict) == [(f"/series/0/values/{CAP + n}", "too-dense") for n in range(2)]
    assert verdict.stored == CAP + 1


def test_part_of_a_split_series_is_refused_with_its_place_in_the_payload(house: House) -> None:
    hour = T0 // HOUR_MS * HOUR_MS - HOUR_MS
    house.bind(house.ana, hour + 1_000)
    dense = beats(hour, [70, None, *[71] * (CAP + 1)], period_s=0.5)
    verdict = house.record(sent(series=[dense]))[0]
    assert (codes(verdict), verdict.held) == ([(f"/series/0/values/{CAP + 2}", "too-dense")], 1)


def test_out_of_bounds_is_a_rejection_for_the_device_and_held_for_the_owner(home: House) -> None:
    verdict = home.record(sent(pressure(value={"systolic": 999, "diastolic": 80})))[0]
    assert [code for _, code in codes(verdict)] == ["value-out-of-bounds"]
    assert (verdict.held, home.held()) == (0, [("out-of-bounds", home.ana, T0)])


@pytest.mark.parametrize(("length", "kept"), [(4_095, 4_095), (4_096, 4_096), (4_097, 4_096)])
def test_rejected_payload_is_kept_whole_up_to_four_kibibytes(home: House, length: int, kept: int) -> None:
    home.record(_padded(length))
    row = rejections.recent(home.database, "acme", 1).rows[0]
    assert (len(row.payload), row.payload_bytes, row.topic) == (kept, length, TOPIC)


def _padded(length: int) -> Any:
    """A payload of that many bytes with a metric that nobody knows."""
    bare = len(sent({"metric": "no-such", "x": ""}).payload)
    return sent({"metric": "no-such", "x": "x" * (length - bare)})


def test_rejected_payload_expires_after_thirty_days_and_is_one_row_however_often_sent(home: House) -> None:
    for n in range(3):
        home.record(sent({"metric": "no-such"}, arrived_at_ms=T0 + n))
    rows = list(home.database["rejections"].find())
    assert [row["expires_at"] for row in rows] == [to_datetime(T0) + timedelta(days=30)]


def test_payload_without_a_fault_is_not_kept(home: House) -> None:
    home.record(sent(pressure()), sent(pressure(slot="B")))
    assert home.state()["rejections"] == []
