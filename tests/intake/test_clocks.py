"""How a clock is learned from arrivals: what shows that it is off, and what only looks like it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

import pytest

from phr.database import Database
from phr.intake import clocks, devices
from phr.intake.clocks import AGREE_MS, BIN_MS, ENOUGH, SPREAD_MS, Learner, Sample, Sign, estimate
from phr.intake.device_clock import CORRECTED_FROM_MS, Period
from phr.intake.devices import NewDevice
from tests.cast import T0

CUFF = "acme/cuff-1"
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SLOW_MS = 17 * MINUTE_MS
TRANSIT_MS = 800


@pytest.fixture
def cuff(database: Database) -> Iterator[Database]:
    database["clock_samples"].delete_many({})
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name="cuff-1"), T0)
    yield database
    for name in ("clock_samples", "devices", "vendors"):
        database[name].delete_many({})


def sign(at_ms: int, lag_ms: int, *, is_live: bool = True) -> Sign:
    return Sign(CUFF, at_ms, at_ms - lag_ms, is_live)


def heard(database: Database, signs: Iterable[Sign], learner: Learner | None = None) -> list[Period]:
    """The periods that a worker opens that hears these, one after the other."""
    learner = learner or Learner(database)
    for one in signs:
        for device, period in learner.observe([one], {CUFF: devices.find(database, CUFF)}):
            clocks.open_period(database, device, period)
    found = devices.find(database, CUFF)
    assert found
    return list(found.clock.periods)


def steady(lag_ms: int, count: int = 40, every_ms: int = BIN_MS, start_ms: int = T0) -> list[Sign]:
    chance = random.Random(5)
    return [sign(start_ms + n * every_ms, lag_ms + TRANSIT_MS + chance.randrange(3_000)) for n in range(count)]


def minutes(period: Period) -> int:
    return round(period.offset_ms / MINUTE_MS)


@pytest.mark.parametrize("off", [-1440, -31, -3, 3, 17, 60, 1439])
def test_clock_that_is_off_is_learned_once_and_stays(cuff: Database, off: int) -> None:
    periods = heard(cuff, steady(off * MINUTE_MS, count=300))
    assert [minutes(one) for one in periods] == [off]


@pytest.mark.parametrize("off_s", [-115, -60, 0, 60, 115])
def test_clock_that_is_nearly_right_is_left_and_nothing_is_written(cuff: Database, off_s: int) -> None:
    assert heard(cuff, steady(off_s * 1000, count=300)) == []
    assert cuff["clock_samples"].count_documents({}) == 0


def test_one_payload_a_day_is_enough_in_ten_days(cuff: Database) -> None:
    signs = steady(SLOW_MS, ENOUGH, DAY_MS)
    learner = Learner(cuff)
    assert heard(cuff, signs[:-1], learner) == []
    assert [minutes(one) for one in heard(cuff, signs[-1:], learner)] == [17]


def test_workers_learn_together_and_a_restart_forgets_nothing(cuff: Database) -> None:
    periods: list[Period] = []
    for one in steady(SLOW_MS, ENOUGH, DAY_MS):
        periods = heard(cuff, [one], Learner(cuff))
    assert [minutes(one) for one in periods] == [17]


def test_offline_week_that_comes_at_once_is_no_slow_clock(cuff: Database) -> None:
    backlog = [sign(T0 + n * 50, 7 * DAY_MS - n * 15 * MINUTE_MS) for n in range(7 * 96 - 1)]
    assert heard(cuff, backlog) == []


def test_offline_week_that_drains_over_a_day_is_no_slow_clock(cuff: Database) -> None:
    backlog = [sign(T0 + n * 2 * MINUTE_MS, 7 * DAY_MS - n * 13 * MINUTE_MS) for n in range(700)]
    assert heard(cuff, backlog) == []


def test_dead_worker_of_an_hour_is_no_slow_clock(cuff: Database) -> None:
    queue = [sign(T0 + n * 10, HOUR_MS - n * MINUTE_MS) for n in range(58)]
    assert heard(cuff, [*steady(0, 30, start_ms=T0 - 3 * HOUR_MS), *queue]) == []


def test_device_that_is_offline_half_of_every_day_is_no_slow_clock(cuff: Database) -> None:
    signs = [sign(T0 + day * DAY_MS + n, 12 * HOUR_MS - n * HOUR_MS) for day in range(40) for n in range(12)]
    assert heard(cuff, signs) == []


def test_what_waited_or_came_again_says_nothing_of_a_slow_clock(cuff: Database) -> None:
    assert heard(cuff, [sign(T0 + n * BIN_MS, SLOW_MS, is_live=False) for n in range(300)]) == []


def test_payload_that_is_sent_again_and_again_is_one_payload(cuff: Database) -> None:
    assert heard(cuff, [sign(T0 + n * BIN_MS, SLOW_MS + n * BIN_MS) for n in range(300)]) == []


def test_one_prompt_payload_among_late_ones_is_believed(cuff: Database) -> None:
    signs = [sign(T0 + n * BIN_MS, 200 if n % 20 == 3 else SLOW_MS) for n in range(200)]
    assert heard(cuff, signs) == []


def test_drift_of_two_seconds_a_day_steps_every_two_months_and_never_back(cuff: Database) -> None:
    signs = [sign(T0 + day * DAY_MS, 2_000 * day + TRANSIT_MS) for day in range(365)]
    offsets = [one.offset_ms for one in heard(cuff, signs)]
    assert offsets == sorted(offsets)
    assert 4 <= len(offsets) <= 6


def test_drift_the_other_way_does_not_flap_either(cuff: Database) -> None:
    signs = [sign(T0 + day * DAY_MS, -2_000 * day + TRANSIT_MS) for day in range(365)]
    offsets = [one.offset_ms for one in heard(cuff, signs)]
    assert offsets == sorted(offsets, reverse=True)
    assert 4 <= len(offsets) <= 6


def test_noise_at_the_limit_opens_one_period_at_most(cuff: Database) -> None:
    chance = random.Random(3)
    signs = [sign(T0 + n * BIN_MS, CORRECTED_FROM_MS + chance.randrange(-20_000, 20_000)) for n in range(2_000)]
    assert len(heard(cuff, signs)) <= 1


def test_clock_that_was_set_forward_is_right_from_its_first_payload_on(cuff: Database) -> None:
    slow = steady(SLOW_MS)
    set_at_ms = slow[-1].arrived_at_ms + BIN_MS
    first, second = heard(cuff, [*slow, sign(set_at_ms, TRANSIT_MS)])
    assert (minutes(first), second.offset_ms) == (17, 0)
    # later than all that the old clock has shown, before all that the new one shows
    assert set_at_ms - SLOW_MS < second.from_device_ms < set_at_ms - TRANSIT_MS


def test_clock_that_was_set_back_is_learned_anew(cuff: Database) -> None:
    fast = steady(-SLOW_MS)
    periods = heard(cuff, [*fast, *steady(0, 60, start_ms=fast[-1].arrived_at_ms + BIN_MS)])
    assert [minutes(one) for one in periods] == [-17, 0]


def test_period_begins_after_every_time_that_has_been_seen(cuff: Database) -> None:
    signs = steady(SLOW_MS)
    (period,) = heard(cuff, signs)
    before = [one for one in signs if one.arrived_at_ms <= period.learned_at_ms]
    assert period.from_device_ms > max(one.sent_at_ms for one in before)


def test_second_worker_that_learns_the_same_opens_nothing(cuff: Database) -> None:
    device = devices.find(cuff, CUFF)
    assert device
    opened = [clocks.open_period(cuff, device, Period(T0 + n, SLOW_MS, T0)) for n in range(2)]
    assert opened == [True, False]


def test_clock_of_1970_is_learned_as_lost_and_found_again(cuff: Database) -> None:
    lost = steady(T0)
    set_at_ms = lost[-1].arrived_at_ms + BIN_MS
    first, second = heard(cuff, [*lost, sign(set_at_ms, TRANSIT_MS)])
    assert (first.is_usable, second.offset_ms) == (False, 0)
    assert second.from_device_ms < set_at_ms - HOUR_MS


@pytest.mark.parametrize(("count", "is_enough"), [(ENOUGH - 1, False), (ENOUGH, True), (ENOUGH + 1, True)])
def test_ten_have_to_agree(count: int, is_enough: bool) -> None:
    samples = [Sample(T0 + n * SPREAD_MS, SLOW_MS) for n in range(count)]
    assert (estimate(samples) == SLOW_MS) is is_enough


@pytest.mark.parametrize(("more_ms", "is_enough"), [(-1, False), (0, True), (1, True)])
def test_they_have_to_agree_for_an_hour(more_ms: int, is_enough: bool) -> None:
    last = Sample(T0 + SPREAD_MS + more_ms, SLOW_MS)
    assert (estimate([*(Sample(T0 + n, SLOW_MS) for n in range(ENOUGH - 1)), last]) is not None) is is_enough


@pytest.mark.parametrize(("spread_ms", "is_enough"), [(AGREE_MS - 1, True), (AGREE_MS, True), (AGREE_MS + 1, False)])
def test_what_came_out_of_a_queue_does_not_count(spread_ms: int, is_enough: bool) -> None:
    samples = [Sample(T0 + n * SPREAD_MS, SLOW_MS, spread_ms) for n in range(ENOUGH)]
    assert (estimate(samples) is not None) is is_enough


@pytest.mark.parametrize(("more_ms", "is_enough"), [(-1, True), (0, True), (1, False)])
def test_they_agree_within_a_minute(more_ms: int, is_enough: bool) -> None:
    others = [Sample(T0 + n * SPREAD_MS, SLOW_MS + AGREE_MS + more_ms) for n in range(ENOUGH - 1)]
    assert (estimate([Sample(T0, SLOW_MS), *others]) is not None) is is_enough
