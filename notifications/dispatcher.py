"""Tells what the outbox holds: plans deliveries, and has a lane for each channel send them.

A lane is a thread with one message in hand: a channel that hangs holds up itself alone, and what waits for it waits in
the database. Any number of dispatchers run: who claims a delivery has it for as long as its lease. A change stream
wakes them; without it they look every few seconds.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from queue import Empty, Full, Queue
from random import Random
from zoneinfo import ZoneInfo

from pymongo.errors import PyMongoError

from notifications import planning
from notifications.channel import AddressGone, Channel, Later, Message, NoneLeft, Refused
from phr import clock
from phr.alerts import carers
from phr.database import Database, Document
from phr.errors import PhrError
from phr.notices import addresses, deliveries, outbox, preferences, proofs
from phr.notices.addresses import Address
from phr.notices.deliveries import DROPPED, FAILED, SENT, Delivery
from phr.notices.outbox import Notice, Telling
from phr.notices.preferences import Preferences, kind_of
from phr.people import people
from phr.people.keyring import KeyDestroyed
from phr.reminders import ledger
from phr.telemetry.tally import Tally

AT_ONCE = 500
LOOK_EVERY_S = 5.0
AWAIT_MS = 1_000
LEAVE_WITHIN_S = 5.0
SEND_WITHIN_S = 30.0  # channels have times of their own; who answers a byte a second outlives those
MOST_STUCK = 4  # sends that nobody waits for any more; while there are so many, the channel is left alone
_CHANGES: list[Document] = [
    {"$match": {"ns.coll": {"$in": [outbox.COLLECTION, deliveries.DELIVERIES]}}},
    {"$project": {"ns.coll": 1}},
]

LOG = logging.getLogger(__name__)


def plan_some(database: Database, channels: Collection[str], now_ms: int) -> int:
    """Plans what these channels tell of some notices; how many those were. Broken off, it is planned again alike."""
    found = outbox.to_plan(database, AT_ONCE)
    if not found:
        return 0
    who = {one.person for one in found}
    by_person: dict[str, list[Address]] = {}
    for address in (one for one in addresses.of_people(database, who) if one.channel in channels):
        by_person.setdefault(address.person, []).append(address)
    wishes, zones = preferences.of(database, who), _local_minutes(database, by_person)
    planned: list[Delivery] = []
    for one in found:
        if one.person in zones:
            wish = wishes.get(one.person, Preferences())
            planned += planning.deliveries(one, by_person[one.person], wish, zones[one.person], now_ms)
    deliveries.plan(database, planned)
    outbox.set_planned(database, [one.key for one in found])
    return len(found)


def follow_some(database: Database, now_ms: int) -> int:
    """Has another channel tell what was taken and did not arrive; how many. Broken off, it is planned again alike."""
    found = deliveries.to_follow(database, AT_ONCE)
    for one in found:
        fall_back(database, [one], now_ms)
    deliveries.followed(database, found)
    return len(found)


def fall_back(database: Database, those: Sequence[Delivery], now_ms: int) -> None:
    """Another channel tells it, the first in order that the person has and that has not been asked."""
    known = {one.channel: one for one in addresses.of_people(database, [those[0].person])}
    planned = []
    for one in _still_told(database, those, now_ms).values():
        asked = {row["channel"] for row in deliveries.of_notice(database, one.key)}
        if other := next((known[name] for name in planning.FALLBACK if name in known and name not in asked), None):
            planned.append(planning.delivery(one, other, now_ms))
    deliveries.plan(database, planned)


class Lane:
    """Sends by one channel, one message at a time."""

    def __init__(
        self, database: Database, channel: Channel, random: Random | None = None, tally: Tally | None = None
    ) -> None:
        self._database = database
        self._tally = tally or Tally()
        self._channel = channel
        self._random = random or Random()  # noqa: S311 - it spreads tries
        self._woken: Queue[None] = Queue(maxsize=1)
        self._stuck: list[threading.Thread] = []

    @property
    def name(self) -> str:
        return self._channel.name

    def wake(self) -> None:
        with contextlib.suppress(Full):
            self._woken.put_nowait(None)

    def run(self, is_leaving: Callable[[], bool]) -> None:
        """Until it is to leave; a database that is away is tried again."""
        while not is_leaving():
            try:
                has_sent = self.send_one(clock.now_ms())
            except (PyMongoError, PhrError) as error:
                LOG.warning("%s: %s; trying again", self.name, type(error).__name__)
                has_sent = False
            if not has_sent:
                try:
                    self._woken.get(timeout=LOOK_EVERY_S)
                except Empty:
                    continue

    def send_one(self, now_ms: int) -> bool:
        """One message, of one delivery or of several to an address; False where none is due."""
        self._stuck = [one for one in self._stuck if one.is_alive()]
        first = None if len(self._stuck) >= MOST_STUCK else deliveries.claim(self._database, self.name, now_ms)
        if first is None:
            return False
        try:
            if proofs.is_proof(first.notice):
                self._bring_code(first, now_ms)
            else:
                self._take(first, now_ms)
        except KeyDestroyed:
            deliveries.settle(self._database, [first], DROPPED, "erased", now_ms)
        return True

    def _take(self, first: Delivery, now_ms: int) -> None:
        database = self._database
        those = [first] if first.urgency >= deliveries.URGENT else deliveries.claim_with(database, first, now_ms)
        told = _still_told(database, those, now_ms)
        gone = [one for one in those if one.notice not in told]
        deliveries.settle(database, gone, DROPPED, "not-wanted-any-more", now_ms)
        self._count(gone, DROPPED)
        those = [one for one in those if one.notice in told]
        if not those:
            return
        address = addresses.opened(database, first.person, first.address)
        if address is None:
            deliveries.settle(database, those, DROPPED, "address-gone", now_ms)
            self._count(those, DROPPED)
            return
        notices = [told[one.notice] for one in those]
        known = addresses.find(database, first.person, first.address)
        until_ms = planning.held_back_until(notices, known.last_sent_ms, now_ms)
        if until_ms is not None:
            deliveries.postpone(database, those, until_ms, "gathered", is_try=False)
            return
        wishes = preferences.of(database, [first.person]).get(first.person, Preferences())
        self._send(those, address, _message(those, notices, wishes, now_ms), now_ms)

    def _bring_code(self, one: Delivery, now_ms: int) -> None:
        """To an address that nothing else is sent to before its person has given the code back."""
        bringing = proofs.to_send(self._database, one, now_ms)
        if bringing is None:
            deliveries.settle(self._database, [one], DROPPED, "not-wanted-any-more", now_ms)
            self._count([one], DROPPED)
            return
        zh, en = planning.code_words(bringing.code)
        message = Message(one.id, one.person, "proof", one.urgency, zh, en, at_ms=now_ms)
        self._send([one], bringing.given, message, now_ms)

    def _send(self, those: Sequence[Delivery], address: Mapping[str, str], message: Message, now_ms: int) -> None:
        database = self._database
        try:
            ref = self._ask(address, message)
        except NoneLeft as error:
            deliveries.settle(database, those, FAILED, error.detail, now_ms)
            self._count(those, FAILED)
            fall_back(self._database, those, now_ms)
        except AddressGone as error:
            _disable(database, those[0], error.detail, now_ms)
            deliveries.settle(database, those, FAILED, error.detail, now_ms)
            self._count(those, FAILED)
            fall_back(self._database, those, now_ms)
        except Refused as error:
            LOG.warning("%s refuses a message: %s", self.name, error.detail)
            deliveries.settle(database, those, FAILED, error.detail, now_ms)
            self._count(those, FAILED)
            fall_back(self._database, those, now_ms)
        except Later as error:
            self._later(those, error.detail, error.after_ms, now_ms)
        except Exception as error:  # the outermost loop of this lane: what a channel does wrong is its own
            LOG.warning("%s: %s", self.name, type(error).__name__)
            self._later(those, type(error).__name__, None, now_ms)
        else:
            addresses.set_sent(database, those[0].address, now_ms)
            deliveries.sent(database, those, ref, now_ms)
            self._count(those, SENT)
            for one in those:
                ledger.heard(database, one.notice, ledger.DELIVERED, now_ms)

    def _count(self, those: Sequence[Delivery], outcome: str) -> None:
        if those:
            self._tally.add("deliveries", len(those), f"{self.name}_{outcome}")

    def _ask(self, address: Mapping[str, str], message: Message) -> str | None:
        """As the channel's ``send``, and Later where it does not return in time: the lease must not end before it."""
        answer: Queue[Exception | str | None] = Queue(maxsize=1)

        def work() -> None:
            try:
                answer.put(self._channel.send(address, message))
            except Exception as error:  # handed to who waits
                answer.put(error)

        thread = threading.Thread(target=work, name=f"send by {self.name}", daemon=True)
        thread.start()
        try:
            said = answer.get(timeout=SEND_WITHIN_S)
        except Empty:
            self._stuck.append(thread)
            raise Later("hangs") from None
        if isinstance(said, Exception):
            raise said
        return said

    def _later(self, those: Sequence[Delivery], why: str, after_ms: int | None, now_ms: int) -> None:
        over = [one for one in those if one.tries >= planning.MOST_TRIES]
        left = [one for one in those if one.tries < planning.MOST_TRIES]
        if over:
            deliveries.settle(self._database, over, FAILED, why, now_ms)
            self._count(over, FAILED)
            fall_back(self._database, over, now_ms)
        if left:
            self._count(left, "tried")
            wait_ms = planning.wait_ms(max(one.tries for one in left), self._random)
            due_ms = now_ms + max(wait_ms, after_ms or 0)
            deliveries.postpone(self._database, left, due_ms, why, is_try=True)


class Dispatcher:
    """Threads of one process: one that plans, and a lane for each channel."""

    def __init__(self, database: Database, channels: Iterable[Channel], tally: Tally | None = None) -> None:
        self._database = database
        self._lanes = [Lane(database, one, tally=tally) for one in channels]
        self._names = frozenset(one.name for one in self._lanes)
        self._leaving = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        works = [(f"lane {one.name}", lambda lane=one: lane.run(self._leaving.is_set)) for one in self._lanes]
        for name, work in [*works, ("planner", self._plan)]:
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Within seconds; who hangs with a message in hand is left, and another sends it when the lease is over."""
        self._leaving.set()
        for lane in self._lanes:
            lane.wake()
        for thread in self._threads:
            thread.join(LEAVE_WITHIN_S)

    def _plan(self) -> None:
        while not self._leaving.is_set():
            try:
                with self._database.watch(_CHANGES, max_await_time_ms=AWAIT_MS) as changes:
                    while not self._leaving.is_set():
                        self._look()
                        changes.try_next()
                        heard = 0
                        while heard < AT_ONCE and changes.try_next() is not None:
                            heard += 1
            except (PyMongoError, PhrError) as error:
                LOG.warning("planner: %s; trying again", type(error).__name__)
                self._leaving.wait(LOOK_EVERY_S)

    def _look(self) -> None:
        while plan_some(self._database, self._names, clock.now_ms()) == AT_ONCE:
            pass
        while follow_some(self._database, clock.now_ms()) == AT_ONCE:
            pass
        for lane in self._lanes:
            lane.wake()


def _still_told(database: Database, those: Sequence[Delivery], now_ms: int) -> dict[str, Notice]:
    """The notices of these, by key, that are to be told still, and that their person may see now."""
    found = outbox.still(database, [one.notice for one in those], now_ms)
    return {one.key: one for one in found if _may_see(database, one, now_ms)}


def _may_see(database: Database, notice: Notice, now_ms: int) -> bool:
    if notice.about is None:
        return True
    return bool(carers.who_may_see(database, notice.about, [notice.person], notice.categories, now_ms))


def _message(those: Sequence[Delivery], notices: Sequence[Notice], wishes: Preferences, now_ms: int) -> Message:
    first = those[0]
    zh, en = planning.words(notices, first.channel, wishes)
    link = notices[0].link if len(notices) == 1 else None
    return Message(
        key=first.id,
        person=first.person,
        kind=kind_of(notices[0]) if len(notices) == 1 else "digest",
        urgency=max(one.urgency for one in those),
        zh=zh,
        en=en,
        count=len(notices),
        link=link,
        at_ms=now_ms,
    )


def _disable(database: Database, one: Delivery, why: str, now_ms: int) -> None:
    """Says so in the inbox, once, where the person sees it whatever else fails."""
    addresses.disable(database, one.address, why)
    zh = "有一个接收提醒的地址已失效，我们不再向它发送；请在提醒设置中检查。"
    en = "One of your addresses for notices takes nothing any more, and nothing is sent there: see your settings."
    key = f"address-gone:{one.address}:{now_ms // 86_400_000}"
    outbox.tell(database, Telling(key, one.person, "address-gone", zh, en, is_neutral=True, link="addresses"), now_ms)


def _local_minutes(database: Database, who: Iterable[str]) -> dict[str, planning.LocalMinute]:
    """By person who has a record."""

    def of(zone_at: Callable[[int], str]) -> planning.LocalMinute:
        def minute(t_ms: int) -> int:
            local = clock.to_datetime(t_ms).astimezone(ZoneInfo(zone_at(t_ms)))
            return local.hour * 60 + local.minute

        return minute

    return {key: of(person.zone_at) for key, person in people.find_many(database, who).items()}
