"""What is told reaches each address once, late or not at all where it should; one channel never holds up another."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from notifications import dispatcher, planning
from notifications.channel import AddressGone, Later, Message, NoneLeft, Refused
from notifications.dispatcher import Dispatcher, Lane
from phr.clock import now_ms
from phr.database import Database
from phr.notices import addresses, deliveries, outbox, preferences, proofs
from phr.notices.addresses import Address
from phr.notices.deliveries import DROPPED, FAILED, LEASE_MS, SENT, WAITING
from phr.notices.preferences import Preferences
from phr.people import grants, people, seals
from phr.reminders import ledger
from phr.telemetry.tally import Tally
from tests.cast import T0, a_grant, a_person
from tests.notices.builders import raise_notices
from tests.notices.test_outbox import ALERT
from tests.notifications.builders import GIVEN, Fake, House, a_house

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
NIGHT = T0 + 15 * HOUR_MS  # 22:30 in Shanghai


@pytest.fixture
def house(database: Database) -> House:
    return a_house(database)


def raises(error: Exception) -> Callable[[Message], None]:
    def does(_: Message) -> None:
        raise error

    return does


def test_notice_is_sent_once_to_each_address(house: House) -> None:
    house.add("email", "sms")
    house.tell()
    assert [house.run("email"), house.run("sms"), house.run("email")] == [1, 1, 1]
    assert house.states() == {"email": (SENT, None), "sms": (SENT, None)}


def test_notice_told_again_is_not_sent_again(house: House) -> None:
    house.add("email")
    house.tell()
    house.run("email")
    house.tell()
    house.database["notices"].update_one({"_id": "n1"}, {"$set": {"to_plan": True}})  # a planner died right here
    assert house.run("email", T0 + HOUR_MS) == 1


def test_who_has_no_address_costs_no_plan(house: House) -> None:
    house.tell()
    assert house.plan() == 0
    assert house.database["notices"].count_documents({"to_plan": True}) == 0


def test_outside_words_are_neutral_by_default(house: House) -> None:
    house.add("email", "webhook")
    house.tell()
    house.run("email")
    house.run("webhook")
    said = [one.zh + one.en for name in ("email", "webhook") for one in house.channels[name].sent]
    assert len(said) == 2
    assert not any("秘密" in one or "secret" in one for one in said)


@pytest.mark.parametrize(
    ("categories", "is_told"),
    [((), True), (("readings",), True), (("readings", "mental"), False), (("hidden:clinic",), False)]
    + [((name,), False) for name in ("reproductive", "sexual-health", "genomic")],
)
def test_details_are_an_opt_in_and_never_of_what_is_protected(
    house: House, categories: tuple[str, ...], is_told: bool
) -> None:
    house.add("webhook", "email")
    preferences.choose(house.database, house.ana, Preferences(details=("webhook",)), 0)
    house.tell(categories=categories)
    house.run("webhook")
    house.run("email")
    assert ("secret" in house.channels["webhook"].sent[0].en) == is_told
    assert "secret" not in house.channels["email"].sent[0].en


def test_ten_notices_are_two_messages(house: House) -> None:
    house.add("email")
    house.tell("n0")
    assert house.run("email") == 1
    for number in range(1, 10):
        house.tell(f"n{number}", now_ms=T0 + number)
    assert house.run("email", T0 + MINUTE_MS) == 1
    assert house.run("email", T0 + planning.GAP_MS) == 2
    assert house.channels["email"].sent[1].count == 9
    assert "9" in house.channels["email"].sent[1].en


@pytest.mark.parametrize("urgency", [3, 4])
def test_what_is_urgent_waits_for_nothing(house: House, urgency: int) -> None:
    house.add("email")
    preferences.choose(house.database, house.ana, Preferences(quiet=(22 * 60, 7 * 60), digest_at=480), 0)
    house.run("email", NIGHT)
    house.tell("n1", now_ms=NIGHT, urgency=urgency)
    house.tell("n2", now_ms=NIGHT, urgency=urgency)
    assert house.run("email", NIGHT) == 2
    assert ("120" in house.channels["email"].sent[0].en) == (urgency == 4)


def test_low_glucose_passes_quiet_hours(house: House) -> None:
    house.add("email")
    preferences.choose(house.database, house.ana, Preferences(quiet=(22 * 60, 7 * 60)), 0)
    low = replace(ALERT, person=house.ana, rule="glucose-low", severity=2, metric="glucose-capillary")
    late = replace(low, key="k4", is_late=True)
    high = replace(low, key="k2", rule="glucose-high")
    raise_notices(house.database, [low, high, replace(low, key="k3", rule="glucose-very-low"), late])
    assert house.run("email", NIGHT) == 2
    assert [house.states(key)["email"][0] for key in ("k1", "k2", "k3", "k4")] == [SENT, WAITING, SENT, WAITING]
    assert "now" in house.channels["email"].sent[0].en


def test_quiet_hours_end_on_the_persons_clock(house: House) -> None:
    house.add("email")
    preferences.choose(house.database, house.ana, Preferences(quiet=(22 * 60, 7 * 60)), 0)
    house.tell(now_ms=NIGHT)
    ends = NIGHT + 8 * HOUR_MS + 30 * MINUTE_MS
    assert [house.run("email", NIGHT), house.run("email", ends - 1), house.run("email", ends)] == [0, 0, 1]


def test_digest_comes_at_its_hour(house: House) -> None:
    house.add("email")
    preferences.choose(house.database, house.ana, Preferences(digest_at=20 * 60), 0)
    house.tell("n1")
    house.tell("n2")
    at = T0 + 12 * HOUR_MS + 30 * MINUTE_MS
    assert [house.run("email", at - MINUTE_MS), house.run("email", at)] == [0, 1]
    assert house.channels["email"].sent[0].count == 2


def test_channels_are_chosen_by_kind(house: House) -> None:
    house.add("email", "sms")
    wishes = Preferences(kinds={"reminder": ("sms",), "account": ()})
    preferences.choose(house.database, house.ana, wishes, 0)
    house.tell("n1")
    house.tell("n2", kind="reminder-visit")
    house.plan()
    assert (list(house.states("n1")), list(house.states("n2"))) == ([], ["sms"])


def test_notice_that_was_withdrawn_read_or_is_late_is_not_sent(house: House) -> None:
    house.add("email")
    for key in ("gone", "read", "late", "stays"):
        house.tell(key, expires_at_ms=T0 + 1_000 if key == "late" else None)
    house.plan()
    outbox.withdraw_keys(house.database, ["gone"], T0)
    outbox.set_read(house.database, house.ana, ["read"], T0)
    house.run("email", T0 + 1_000)
    assert [house.states(key)["email"][0] for key in ("gone", "read", "late", "stays")] == [*[DROPPED] * 3, SENT]
    assert house.channels["email"].sent[0].count == 1


def test_late_reminder_is_not_even_planned(house: House) -> None:
    house.add("email")
    house.tell(kind="reminder-medication", expires_at_ms=T0 + HOUR_MS)
    assert house.run("email", T0 + HOUR_MS) == 0
    assert house.states() == {}


def test_delivered_reminder_is_heard_in_the_ledger(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(ledger, "heard", lambda _, key, state, __: heard.append((key, state)))
    house.add("email")
    house.tell("reminder:r1:5", kind="reminder-visit")
    house.run("email")
    assert heard == [("reminder:r1:5", "delivered")]


def test_other_side_that_is_away_is_asked_again_ever_less_often_and_at_last_no_more(house: House) -> None:
    house.add("email")
    house.channels["email"].does = raises(Later("status 503"))
    house.tell()
    now, waits = T0, []
    house.plan()
    while house.lane("email").send_one(now):
        row = deliveries.of_notice(house.database, "n1")[0]
        if row["state"] != WAITING:
            break
        waits.append(row["due_ms"] - now)
        now = row["due_ms"]
    assert len(house.channels["email"].sent) == planning.MOST_TRIES
    assert all(
        planning.FIRST_WAIT_MS << n >= wait >= planning.FIRST_WAIT_MS << n >> 1 for n, wait in enumerate(waits[:6])
    )
    assert house.states() == {"email": (FAILED, "status 503")}


def test_other_side_says_when(house: House) -> None:
    house.add("email")
    house.channels["email"].does = raises(Later("errcode 45009", 9 * HOUR_MS))
    house.tell()
    house.run("email")
    assert deliveries.of_notice(house.database, "n1")[0]["due_ms"] == T0 + 9 * HOUR_MS


def test_address_that_is_gone_is_disabled_and_the_inbox_says_so(house: House) -> None:
    house.add("email")
    house.channels["email"].does = raises(AddressGone("smtp 550"))
    house.tell()
    house.run("email")
    (address,) = addresses.of_people(house.database, [house.ana], is_active=False)
    assert (address.state, address.why) == ("disabled", "smtp 550")
    assert "address-gone" in [one.rule for one in outbox.pending(house.database, house.ana, 9)]
    house.tell("n2")
    assert house.run("email", T0 + HOUR_MS) == 1


@pytest.mark.parametrize("error", [NoneLeft("errcode 43101"), AddressGone("x"), Refused("x")])
def test_another_channel_tells_what_one_can_not(house: House, error: Exception) -> None:
    house.add("wechat", "sms")
    preferences.choose(house.database, house.ana, Preferences(kinds={"account": ("wechat",)}), 0)
    house.channels["wechat"].does = raises(error)
    house.tell()
    assert [house.run("sms"), house.run("wechat"), house.run("sms")] == [0, 1, 1]
    assert house.run("wechat", T0 + HOUR_MS) == 1


def test_relative_is_told_only_with_a_live_grant_when_it_is_sent(house: House) -> None:
    ben = people.create(house.database, a_person(name="ben")).id
    house.add("email")
    grants.create(house.database, a_grant(ben, house.ana, categories=("readings",)))
    about = {"kind": "alert-of-family", "about": ben, "urgency": 3}
    house.tell("may", categories=("readings",), **about)
    house.tell("may-not", categories=("readings", "mental"), **about)
    house.plan()
    house.run("email")
    assert (house.states("may")["email"][0], house.states("may-not")["email"][0]) == (SENT, DROPPED)
    house.tell("later", categories=("readings",), **about)
    house.plan()
    house.database["grants"].update_many({}, {"$set": {"revoked_at_ms": T0}})
    house.run("email", T0 + 1)
    assert house.states("later")["email"][0] == DROPPED


def test_who_was_erased_is_told_nothing(house: House) -> None:
    house.add("email")
    house.tell()
    house.plan()
    seals.destroy(house.database, house.ana, T0)
    assert house.run("email") == 0


def test_dispatcher_that_died_with_a_delivery_is_followed_when_its_lease_is_over(house: House) -> None:
    house.add("email")
    house.tell()
    house.plan()
    first = deliveries.claim(house.database, "email", T0)
    assert first is not None
    assert [house.run("email", T0 + LEASE_MS - 1), house.run("email", T0 + LEASE_MS)] == [0, 1]
    assert deliveries.settle(house.database, [first], FAILED, "overtaken", T0) == 0
    assert house.states() == {"email": (SENT, None)}


def test_four_dispatchers_double_nothing(house: House) -> None:
    house.add("email")
    for number in range(40):
        house.tell(f"n{number}", urgency=3)
    house.plan()

    def work() -> None:
        lane = house.lane("email")
        while lane.send_one(T0):
            pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    keys = [one.key for one in house.channels["email"].sent]
    assert (len(keys), len(set(keys))) == (40, 40)


def test_channel_that_hangs_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it runs: the lanes of one process, woken by the change stream."""
    monkeypatch.setattr(dispatcher, "AWAIT_MS", 50)
    monkeypatch.setattr(dispatcher, "LEAVE_WITHIN_S", 20)
    hangs, is_over, arrived = threading.Event(), threading.Event(), threading.Event()

    def hang(_: Message) -> None:
        hangs.set()
        is_over.wait(60)

    house.channels = {
        "email": Fake("email", hang),
        "webhook": Fake("webhook", raises(ValueError("garbage"))),
        "sms": Fake("sms", lambda one: arrived.set() if one.at_ms else None),
    }
    house.add("email", "sms", "webhook")
    running = Dispatcher(house.database, house.channels.values())
    running.start()
    try:
        house.tell("n1", urgency=3, now_ms=now_ms())
        assert hangs.wait(20)
        assert arrived.wait(20)
        arrived.clear()
        house.tell("n2", urgency=3, now_ms=now_ms())
        assert arrived.wait(20)
        assert len(house.channels["email"].sent) == 1
    finally:
        is_over.set()
        running.stop()


def test_send_that_does_not_return_is_given_up_and_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "SEND_WITHIN_S", 0.05)
    is_over = threading.Event()
    house.add("email")
    house.channels["email"].does = lambda _: is_over.wait(60) and None
    house.tell("n1", urgency=3)
    house.plan()
    lane = house.lane("email")
    for number in range(dispatcher.MOST_STUCK):
        assert lane.send_one(T0 + number * HOUR_MS)
    assert house.states() == {"email": (WAITING, "hangs")}
    assert not lane.send_one(T0 + 99 * HOUR_MS)  # nothing more is given to a channel that keeps everything
    is_over.set()
    for one in lane._stuck:
        one.join()
    assert lane.send_one(T0 + 99 * HOUR_MS)


def test_notice_that_does_not_open_keeps_nobody_elses_from_being_sent(house: House) -> None:
    house.add("email")
    house.tell("broken", urgency=3)
    house.tell("whole", urgency=3)
    house.database["notices"].update_one({"_id": "broken"}, {"$set": {"sealed": b"\x01broken"}})
    house.plan()
    lane = house.lane("email")
    for _ in range(2):
        with contextlib.suppress(seals.SealBroken):
            lane.send_one(T0)
    assert (house.states("whole")["email"][0], house.states("broken")["email"][0]) == (SENT, WAITING)


def test_who_was_overtaken_changes_nothing_that_another_has_in_hand(house: House) -> None:
    house.add("email")
    house.tell()
    house.plan()
    first = deliveries.claim(house.database, "email", T0)
    second = deliveries.claim(house.database, "email", T0 + LEASE_MS)
    assert first is not None
    assert second is not None
    assert deliveries.settle(house.database, [first], FAILED, "overtaken", T0) == 0
    assert deliveries.postpone(house.database, [first], T0, "overtaken", is_try=True) == 0
    assert deliveries.settle(house.database, [second], SENT, None, T0) == 1


def test_details_are_never_of_anothers_record(house: House) -> None:
    ben = people.create(house.database, a_person(name="ben")).id
    house.add("webhook")
    preferences.choose(house.database, house.ana, Preferences(details=("webhook",)), 0)
    grants.create(house.database, a_grant(ben, house.ana, categories=("readings",)))
    house.tell(kind="alert-of-family", about=ben, categories=("readings",))
    assert house.run("webhook") == 1
    assert "secret" not in house.channels["webhook"].sent[0].en


def test_what_became_of_messages_is_counted_by_channel(house: House) -> None:
    house.add("email", "sms")
    tally = Tally()
    house.channels["sms"].does = raises(Refused("no"))
    house.tell()
    house.plan()
    for name in ("email", "sms"):
        assert Lane(house.database, house.channels[name], tally=tally).send_one(T0)
    assert tally.drain() == {"c.deliveries.email_sent": 1, "c.deliveries.sms_failed": 1}


def test_what_waits_is_known_by_channel(house: House) -> None:
    house.add("email", "sms")
    house.tell()
    house.plan()
    house.run("email")
    assert deliveries.backlog(house.database) == {"sms": (1, T0)}


def test_what_is_for_a_teams_hours_waits_for_them_however_urgent(house: House) -> None:
    house.add("sms")
    house.tell(urgency=4, from_ms=T0 + HOUR_MS)
    house.plan()
    assert deliveries.backlog(house.database) == {"sms": (1, T0 + HOUR_MS)}
    assert house.run("sms", T0 + HOUR_MS - 1) == 0
    assert house.run("sms", T0 + HOUR_MS) == 1


def unproved(house: House) -> Address:
    return addresses.put(house.database, house.ana, "email", GIVEN["email"], T0)


def test_nothing_but_the_code_is_sent_to_an_address_that_nobody_has_proved(house: House) -> None:
    address = unproved(house)
    proofs.ask(house.database, address, "ana@example.org", T0)
    house.tell(urgency=4)
    assert house.run("email") == 1
    (brought,) = house.channels["email"].sent
    (code,) = re.findall(r"\d{6}", brought.zh)
    assert code in brought.en
    assert "ana" not in brought.zh + brought.en
    assert house.states() == {}
    proofs.use(house.database, house.ana, address.id, code, T0)
    house.tell("n2")
    assert house.run("email") == 2  # at once: the code keeps nothing waiting


def test_code_that_comes_too_late_is_not_sent(house: House) -> None:
    proofs.ask(house.database, unproved(house), "ana@example.org", T0)
    assert house.run("email", T0 + proofs.LIFE_MS) == 0
    assert deliveries.backlog(house.database) == {}


def test_code_is_sent_again_after_an_outage(house: House) -> None:
    proofs.ask(house.database, unproved(house), "ana@example.org", T0)
    house.channels["email"].does = raises(Later("away"))
    assert house.run("email") == 1
    house.channels["email"].does = lambda _: None
    assert house.run("email", T0 + MINUTE_MS) == 2
    assert house.run("email", T0 + HOUR_MS) == 2


def test_unproved_address_that_there_is_not_is_disabled_and_its_person_hears_of_it(house: House) -> None:
    address = unproved(house)
    proofs.ask(house.database, address, "ana@example.org", T0)
    house.channels["email"].does = raises(AddressGone("smtp 550"))
    house.run("email")
    assert addresses.find(house.database, house.ana, address.id).state == addresses.DISABLED
    assert [one.rule for one in outbox.of_person(house.database, house.ana, None, 9)] == ["address-gone"]
