"""A rule over a window is judged when readings have come, speaks once an episode, and never twice for a crash."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from phr.alerts import store as alert_store
from phr.care.rules import rules
from phr.clock import now_ms
from phr.database import Database, Document
from phr.notices import outbox
from phr.people import people, processing
from phr.plans import targets
from phr.plans.targets import Target
from phr.readings import folding, store
from phr.vocabulary.metrics import vocabulary
from phr.watching import gathering, judging, recovering, watches
from phr.watching.episodes import OVER_AFTER_MS
from phr.watching.watcher import Watcher
from phr.watching.watches import LEASE_MS, SOON_MS
from tests.cast import T0, a_person
from tests.plans.builders import DAY_MS, coded
from tests.readings.builders import a_run, arriving

HOUR_MS = 3_600_000
RULE = "home-blood-pressure-high"


@pytest.fixture(autouse=True)
def _by_the_feed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landings bear the time at which they are written, which no test chooses."""
    monkeypatch.setattr(store.landings, "note", lambda *_: None)


def measured(database: Database, person: str, systolic: int, until_ms: int = T0, count: int = 14) -> None:
    """So many pressures twelve hours apart, the last then; folded, so that the feed tells of them."""
    scale = vocabulary().metrics["blood-pressure"].scale
    instants = [until_ms - number * 12 * HOUR_MS for number in reversed(range(count))]
    run = a_run(instants, {"systolic": systolic * scale, "diastolic": 80 * scale}, "blood-pressure")
    store.write(database, [arriving(run, person=person, arrived_at_ms=until_ms)])
    folding.fold_some(database, vocabulary().metrics, lambda _: lambda _t: 480, until_ms)


def watched(database: Database, now_ms: int = T0) -> list[Document]:
    """The notices there are once a watcher has nothing left to do."""
    watcher = Watcher(database, rules())
    while watcher.watch_one(now_ms):
        pass
    return list(database["notices"].find(sort=[("raised_at", 1)]))


@pytest.mark.parametrize(("systolic", "raised"), [(134, 0), (135, 1), (136, 1)])
def test_mean_of_a_week_at_the_limit_is_told(database: Database, ana: str, systolic: int, raised: int) -> None:
    measured(database, ana, systolic)
    found = watched(database)
    assert [row["rule"] for row in found] == [RULE] * raised
    assert all(row["categories"] == ["conditions", "readings"] for row in found)


def test_what_goes_on_is_told_once_and_what_begins_again_once_more(database: Database, ana: str) -> None:
    measured(database, ana, 150)
    assert len(watched(database)) == 1
    measured(database, ana, 151, T0 + HOUR_MS)
    assert len(watched(database, T0 + 2 * HOUR_MS)) == 1
    later_ms = T0 + 20 * DAY_MS
    measured(database, ana, 120, later_ms)
    assert len(watched(database, later_ms)) == 1
    again_ms = T0 + 40 * DAY_MS
    measured(database, ana, 150, again_ms)
    assert len(watched(database, again_ms)) == 2


def test_mean_that_falls_below_for_less_than_a_day_is_the_same_episode(database: Database, ana: str) -> None:
    measured(database, ana, 135)
    watched(database)
    measured(database, ana, 100, T0 + HOUR_MS, count=2)
    watched(database, T0 + 2 * HOUR_MS)
    measured(database, ana, 170, T0 + OVER_AFTER_MS - HOUR_MS, count=3)
    assert len(watched(database, T0 + OVER_AFTER_MS)) == 1


def test_rule_speaks_to_nobody_whom_it_is_not_for(database: Database, ana: str) -> None:
    database["entries"].update_many({"person": ana}, {"$set": {"is_deleted": True}})
    measured(database, ana, 150)
    assert watched(database) == []


def test_who_refuses_to_be_judged_is_not(database: Database, ana: str) -> None:
    processing.refuse(database, ana, processing.EVALUATION, ana, T0)
    measured(database, ana, 150)
    assert watched(database) == []


def test_diagnosis_that_is_entered_later_has_everything_judged(database: Database, ana: str) -> None:
    database["entries"].update_many({"person": ana}, {"$set": {"is_deleted": True}})
    measured(database, ana, 150)
    watched(database)
    database["entries"].update_many({"person": ana}, {"$set": {"is_deleted": False}})
    coded(database, ana, "E66.9")
    assert [row["rule"] for row in watched(database, T0 + HOUR_MS)] == [RULE]


def test_target_of_the_person_is_what_the_mean_is_held_against(database: Database, ana: str) -> None:
    name = f"rule.{RULE}.systolic"
    targets.put(database, Target(person=ana, name=name, limit=145.0, why="高龄", by="d", at_ms=T0, version=0))
    measured(database, ana, 140)
    assert watched(database) == []
    measured(database, ana, 160, T0 + DAY_MS)
    (row,) = watched(database, T0 + DAY_MS)
    assert outbox.said(database, row)["targets"] == [{"component": "systolic", "limit": 145.0}]
    assert "您的医生定的目标" in outbox.words(database, row)[0]


def test_too_few_readings_neither_end_what_was_found_nor_begin_it_anew(database: Database, ana: str) -> None:
    measured(database, ana, 150)
    assert len(watched(database)) == 1
    for day in (12, 14):
        measured(database, ana, 150, T0 + day * DAY_MS, count=2)
        watched(database, T0 + day * DAY_MS)
    measured(database, ana, 150, T0 + 20 * DAY_MS)
    assert len(watched(database, T0 + 20 * DAY_MS)) == 1
    assert database["alerts"].count_documents({"is_open": True}) == 1
    measured(database, ana, 120, T0 + 28 * DAY_MS)
    watched(database, T0 + 28 * DAY_MS)
    assert database["alerts"].count_documents({"is_open": True}) == 0


@pytest.mark.parametrize(("days", "is_open"), [(27, True), (29, False)])
def test_what_nobody_measures_any_more_is_over_after_four_weeks(
    database: Database, ana: str, days: int, is_open: bool
) -> None:
    measured(database, ana, 150)
    watched(database)
    while recovering.look_one(database, rules(), T0 + days * DAY_MS):
        pass
    assert database["alerts"].count_documents({"is_open": True}) == is_open


class Died(Exception):
    pass


@pytest.mark.parametrize(
    "place",
    [
        (watches, "note"),
        (gathering.positions, "set_seen"),
        (judging, "facts_of_many"),
        (watches, "set_open"),
        (outbox, "raise_all"),
        (alert_store, "insert"),
        (watches, "set_judged"),
    ],
    ids=lambda one: one[1],
)
@pytest.mark.parametrize("is_done", [False, True])
def test_watcher_that_is_killed_leaves_it_to_the_next_and_nothing_is_told_twice(
    database: Database, ana: str, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], is_done: bool
) -> None:
    measured(database, ana, 150)
    module, name = place
    whole = getattr(module, name)

    def dying(*args: Any, **named: Any) -> Any:
        if is_done:
            whole(*args, **named)
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(module, name, dying)
        with pytest.raises(Died):
            watched(database)
    assert [row["rule"] for row in watched(database, T0 + LEASE_MS)] == [RULE]
    assert database["watches"].count_documents({"due_ms": {"$exists": True}}) == 0


def test_many_watchers_at_once_tell_everybody_once(database: Database) -> None:
    people_ = [one.id for one in people.create_many(database, [a_person() for _ in range(8)])]
    for person in people_:
        coded(database, person, "I10", days=30)
        measured(database, person, 150)
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait(timeout=10)
        watched(database)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    watched(database, T0 + LEASE_MS)
    assert sorted(row["person"] for row in database["notices"].find({"rule": RULE})) == sorted(people_)


def test_two_judges_never_have_the_same_person(database: Database, ana: str) -> None:
    watches.note(database, [watches.News(ana, frozenset(("weight",)), SOON_MS)], T0)
    assert [one.person for one in watches.claim(database, 10, T0)] == [ana]
    assert watches.claim(database, 10, T0 + LEASE_MS - 1) == []
    assert [one.person for one in watches.claim(database, 10, T0 + LEASE_MS)] == [ana]


def test_news_that_comes_while_somebody_is_judged_is_not_lost(database: Database, ana: str) -> None:
    news = watches.News(ana, frozenset(("weight",)), SOON_MS)
    watches.note(database, [news], T0)
    claimed = watches.claim(database, 10, T0)
    watches.note(database, [replace(news, metrics=frozenset(("spo2",)))], T0 + 1)
    watches.set_judged(database, claimed, T0 + 2)
    assert watches.claim(database, 10, T0 + 2 + SOON_MS - 1) == []
    (again,) = watches.claim(database, 10, T0 + 2 + SOON_MS)
    assert again.metrics == {"weight", "spo2"}


def test_long_window_is_not_judged_again_before_a_hundredth_of_it_has_passed(database: Database, ana: str) -> None:
    found = gathering.rules_over_windows(rules())["glucose-interstitial"]
    gap_ms = 14 * DAY_MS // 100
    assert {rule.window.span_ms for rule in found if rule.window} == {14 * DAY_MS}
    news = watches.News(ana, frozenset(("glucose-interstitial",)), gap_ms)
    watches.note(database, [news], T0)
    watches.set_judged(database, watches.claim(database, 1, T0), T0)
    watches.note(database, [news], T0 + SOON_MS)
    assert watches.claim(database, 1, T0 + gap_ms - 1) == []
    assert len(watches.claim(database, 1, T0 + gap_ms)) == 1


def test_what_has_just_landed_is_judged_at_once(database: Database, ana: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    now = now_ms()
    gathering.gather_some(database, rules(), now)
    scale = vocabulary().metrics["spo2"].scale
    run = a_run([now], 91 * scale, "spo2", unit=vocabulary().metrics["spo2"].unit)
    store.write(database, [arriving(run, person=ana, arrived_at_ms=now)])
    assert [row["rule"] for row in watched(database, now + 5_000)] == ["oxygen-low"]


@pytest.mark.parametrize(
    ("changes", "writes"),
    [({}, False), ({"metrics": frozenset(("spo2",))}, True), ({"gap_ms": 0}, False)],
)
def test_who_waits_to_be_judged_is_not_written_again(
    database: Database, ana: str, changes: dict[str, Any], writes: bool
) -> None:
    news = watches.News(ana, frozenset(("weight",)), SOON_MS)
    watches.note(database, [news], T0)
    before = database["watches"].find_one({"_id": ana})
    watches.note(database, [replace(news, **changes)], T0 + 1)
    assert (database["watches"].find_one({"_id": ana}) != before) is writes


def test_urgent_news_has_one_judged_sooner_who_waits_for_a_long_window(database: Database, ana: str) -> None:
    slow = watches.News(ana, frozenset(("glucose-interstitial",)), DAY_MS)
    watches.note(database, [slow], T0)
    watches.set_judged(database, watches.claim(database, 1, T0), T0)
    watches.note(database, [slow], T0 + 1)
    watches.note(database, [replace(slow, metrics=frozenset(("spo2",)), gap_ms=SOON_MS)], T0 + 2)
    assert [one.person for one in watches.claim(database, 1, T0 + SOON_MS)] == [ana]


def test_nobody_watches_over_who_is_not_there(database: Database) -> None:
    watches.note(database, [watches.News("x" * 20, frozenset(("weight",)), SOON_MS)], T0)
    assert judging.judge_some(database, rules(), T0)
    assert database["watches"].count_documents({}) == 0
