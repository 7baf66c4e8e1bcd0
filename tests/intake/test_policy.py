"""Rates: who waits, how long, and who does not."""

import random
from typing import Any

import pytest

from phr.database import Database
from phr.errors import InputInvalid, NotFound
from phr.intake import devices, limits
from phr.intake.policy import Limits, Plan, Policy
from tests.cast import T0


def a_policy(**changes: Any) -> Policy:
    valid = {"device": Limits(3, 100), "vendor": Limits(1_000, 10_000), "refused_per_min": 2}
    return Policy(Plan(**(valid | changes)))


def waits(policy: Policy, device: str, count: int, now_ms: int = T0) -> list[int]:
    return [policy.wait_s(device, now_ms) for _ in range(count)]


def test_a_device_may_send_its_minute_at_once_and_no_more() -> None:
    assert waits(a_policy(), "a/1", 4) == [0, 0, 0, 20]


@pytest.mark.parametrize(("after_ms", "wait_s"), [(19_999, 1), (20_000, 0), (20_001, 0)])
def test_a_device_that_waits_as_told_is_taken(after_ms: int, wait_s: int) -> None:
    policy = a_policy()
    waits(policy, "a/1", 4)
    assert policy.wait_s("a/1", T0 + after_ms) == wait_s


def test_a_flooding_device_does_not_stop_another_of_its_vendor() -> None:
    policy = a_policy()
    assert waits(policy, "a/1", 50)[-1] > 0
    assert policy.wait_s("a/2", T0) == 0


def test_a_vendor_past_its_rate_waits_with_all_its_devices_and_others_do_not() -> None:
    policy = a_policy(vendor=Limits(2, None))
    assert [policy.wait_s(one, T0) for one in ("a/1", "a/2", "a/3", "b/1")] == [0, 0, 30, 0]


@pytest.mark.parametrize(("readings", "is_taken"), [(99, True), (100, False), (101, False)])
def test_readings_are_charged_after_they_came(readings: int, is_taken: bool) -> None:
    policy = a_policy()
    policy.wait_s("a/1", T0)
    policy.charge("a/1", readings, is_refused_whole=False)
    assert (policy.wait_s("a/1", T0) == 0) is is_taken


def test_devices_whose_payloads_are_refused_wait_and_good_ones_of_the_vendor_do_not() -> None:
    policy = a_policy(device=Limits())
    for bad in ("a/1", "a/2"):
        policy.wait_s(bad, T0)
        policy.charge(bad, 0, is_refused_whole=True)
    assert [policy.wait_s(one, T0) for one in ("a/1", "a/2", "a/3", "b/1")] == [30, 30, 0, 0]


def test_a_device_that_is_mended_is_taken_as_before() -> None:
    policy = a_policy(device=Limits())
    for _ in range(3):
        policy.charge("a/1", 0, is_refused_whole=True)
    assert policy.wait_s("a/1", T0 + 60_000) == 0
    policy.charge("a/1", 1, is_refused_whole=False)
    assert waits(policy, "a/1", 5, T0 + 60_000) == [0] * 5


def test_without_limits_nobody_waits() -> None:
    assert not any(waits(Policy(Plan()), "a/1", 1_000))


def test_a_rate_of_nothing_takes_nothing() -> None:
    assert waits(a_policy(overrides={"a/1": Limits(messages_per_min=0)}), "a/1", 1) == [60]


def test_workers_share_a_rate() -> None:
    plan = Plan(device=Limits(7, None), overrides={"a/1": Limits(9, 1)}).shared_by(3)
    assert (plan.device, plan.overrides["a/1"]) == (Limits(2, None), Limits(3, 1))


def test_a_registration_sets_its_own_rates_and_a_change_keeps_them(database: Database) -> None:
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, devices.NewDevice(vendor="acme", name="d1"), T0)
    limits.set_limits(database, "acme", Limits(5, None))
    limits.set_limits(database, "acme/d1", Limits(None, 7))
    devices.suspend(database, "acme/d1", is_suspended=True)
    assert limits.overrides(database) == {"acme": Limits(5, None), "acme/d1": Limits(None, 7)}
    limits.set_limits(database, "acme", Limits())
    assert set(limits.overrides(database)) == {"acme/d1"}


def test_rates_of_nobody_and_negative_ones_are_refused(database: Database) -> None:
    with pytest.raises(NotFound):
        limits.set_limits(database, "nobody/d1", Limits(1, 1))
    with pytest.raises(InputInvalid):
        limits.set_limits(database, "nobody", Limits(-1))


def test_a_models_rate_holds_for_its_devices_once_they_are_known_and_their_own_goes_before_it() -> None:
    policy = a_policy(models={"a/slow": Limits(1)}, overrides={"a/2": Limits(2)})
    for device in ("a/1", "a/2", "a/3", "b/1"):
        policy.charge(device, 0, is_refused_whole=False, model=None if device == "a/3" else "slow")
    taken = {device: waits(policy, device, 3).count(0) for device in ("a/1", "a/2", "a/3", "b/1")}
    assert taken == {"a/1": 1, "a/2": 2, "a/3": 3, "b/1": 3}


def test_workers_share_a_models_rate() -> None:
    assert Plan(models={"a/m": Limits(9)}).shared_by(3).models == {"a/m": Limits(3)}


def test_names_that_never_come_again_wait_once_too_many_were_refused_and_known_good_devices_do_not() -> None:
    policy = a_policy(device=Limits())
    for good in ("a/good", "b/good"):
        policy.charge(good, 1, is_refused_whole=False)
    taken = 0
    for number in range(50):
        if not policy.wait_s(f"a/{number}", T0):
            policy.charge(f"a/{number}", 0, is_refused_whole=True)
            taken += 1
    assert taken == 5  # two within the rate, two more, and the one that passes them
    assert [policy.wait_s(one, T0) for one in ("a/good", "b/good", "b/new")] == [0, 0, 0]


def test_vendor_is_trusted_again_within_two_minutes_of_a_storm() -> None:
    policy = a_policy(device=Limits())
    for number in range(1_000):
        policy.wait_s(f"a/{number}", T0)
        policy.charge(f"a/{number}", 0, is_refused_whole=True)
    assert policy.wait_s("a/new", T0) > 0
    assert policy.wait_s("a/new", T0 + 120_000) == 0


@pytest.mark.parametrize("seed", range(40))
def test_many_at_once_are_admitted_as_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    plan = {
        "device": Limits(chance.choice([None, 3, 9]), chance.choice([None, 5])),
        "vendor": Limits(chance.choice([None, 8, 30]), chance.choice([None, 40])),
        "refused_per_min": chance.choice([None, 1, 2]),
    }
    at_once, one_by_one = a_policy(**plan), a_policy(**plan)
    for step in range(12):
        now_ms = T0 + step * 5_000
        messages = {f"{chance.choice('ab')}/{number}": chance.randint(1, 4) for number in range(chance.randint(1, 4))}
        told = [one_by_one.wait_s(device, now_ms) for device, count in messages.items() for _ in range(count)]
        if not at_once.admits(messages, now_ms):
            assert told == [at_once.wait_s(device, now_ms) for device, count in messages.items() for _ in range(count)]
        else:
            assert not any(told)
        for device in messages:
            readings, is_refused = chance.randint(0, 3), chance.random() < 0.2
            for policy in (at_once, one_by_one):
                policy.charge(device, readings, is_refused_whole=is_refused)


def test_most_are_admitted_at_once() -> None:
    policy = a_policy(device=Limits(5, 5))
    assert policy.admits({"a/1": 5, "a/2": 4}, T0)
    assert not policy.admits({"a/1": 1}, T0)
    assert policy.admits({"a/2": 1}, T0)


@pytest.mark.parametrize(("away_ms", "may"), [(0, 3), (60_000, 6), (90_000, 7)])
def test_what_waited_while_nobody_took_anything_is_within_the_rate(away_ms: int, may: int) -> None:
    policy = a_policy()
    policy.was_away(away_ms, T0)
    assert sum(wait == 0 for wait in waits(policy, "a/1", 20)) == may
    assert policy.admits({"a/2": may}, T0)
    assert not policy.admits({"a/2": 1}, T0)


def test_what_waited_may_come_for_as_long_as_nobody_took_anything() -> None:
    policy = a_policy()
    policy.was_away(60_000, T0)
    assert policy.admits({"a/1": 6}, T0 + 59_999)
    assert not policy.admits({"a/2": 6}, T0 + 60_000)


def test_a_known_sender_has_gained_what_it_could_not_send() -> None:
    policy = a_policy()
    assert policy.admits({"a/1": 3}, T0)
    policy.was_away(60_000, T0 + 60_000)
    assert [policy.admits({"a/1": count}, T0 + 60_000) for count in (4, 3)] == [False, True]
