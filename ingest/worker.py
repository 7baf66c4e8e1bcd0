"""One ingest worker: gathers messages, records them as one batch, acknowledges, gives verdicts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from functools import partial

from pymongo.errors import OperationFailure, PyMongoError

from ingest import slots
from ingest.batch import Batch, Coming, watched_first
from ingest.chores import Chores, Desk, queue_limit_bytes
from ingest.consumer import BrokerAddress, Consumer, hold_to_tls, parse_url
from ingest.emptiness import Emptiness
from ingest.gate import Gate
from ingest.lookout import BATCH_MOST, BATCH_MOST_BYTES, Lookout
from ingest.orphans import Orphans
from ingest.scribe import Scribe
from ingest.verdicts import VerdictPublisher
from ingest.watch import Watch
from phr import clock, database, memory
from phr.care.rules import rules
from phr.config import Settings
from phr.errors import ServerUnavailable, SettingInvalid
from phr.intake import limits
from phr.people import keyring, master_keys
from phr.recording import Recorder
from phr.stopping import Stopping
from phr.telemetry.tally import Tally

log = logging.getLogger(__name__)

# Without a backlog a batch ends by LINGER_S. With one, more messages at once share buckets, and so writes.
LINGER_S = 0.05
# The longest that a thread of ours computes while another one could go on.
SWITCH_S = 0.0005
IDLE_WAIT_S = 0.5  # how long a worker with nothing to do takes to see that it was told to stop
# Of one call to a database that is away: a worker that is told to stop then has several to wait for.
GIVES_UP_AFTER_S = 2.0
BACK_OFF_S = (0.2, 0.5, 1, 2, 2, 2)  # a new primary is found this much after its election at most


def main(settings: Settings) -> int:
    """Works until SIGTERM or SIGINT, then drains what it holds. Raises SettingInvalid, ServerUnavailable."""
    mongodb_uri, mqtt_url, group = needed(settings)
    keyring.use(master_keys.load(settings))
    # The worker repeats a whole batch itself; the driver's own bookkeeping for repeats doubles the price of a write.
    connection = database.connect(
        mongodb_uri, settings.mongodb_database, retries_writes=False, server_selection_timeout_s=GIVES_UP_AFTER_S
    )
    database.ping(connection)
    slot = slots.claim(connection, clock.now_ms())
    address = parse_url(mqtt_url)
    open_session = partial(session, address, group)
    worker = Worker(
        Recorder(connection, rules()),
        open_session(slot),
        VerdictPublisher(address, f"phr-verdicts-{slot}"),
        Lease(connection, slot),
        Orphans(connection, slot, partial(open_session, drains=True)),
        _chores(settings, connection, slot, address),
    )
    worker.stopping.listen()
    memory.settle()
    sys.setswitchinterval(SWITCH_S)
    log.info("ingest worker starts in slot %d", slot)
    try:
        worker.run()
    finally:
        slots.release(connection, slot)
    return 0


def _chores(settings: Settings, connection: database.Database, slot: int, address: BrokerAddress) -> Chores:
    tally = Tally()
    watch = Watch(address, settings.mqtt_group or "", f"phr-watch-{slot}", tally)
    return Chores(tally, Gate(limits.plan_of(settings)), Desk(connection, slot, watch, queue_limit_bytes(settings)))


def needed(settings: Settings) -> tuple[str, str, str]:
    """Database, broker and share group. Raises SettingInvalid naming the one that is missing."""
    for name in ("mongodb_uri", "mqtt_url", "mqtt_group"):
        if getattr(settings, name) is None:
            raise SettingInvalid(f"PHR_{name.upper()} is not set and no family runs under PHR_DATA_DIR")
    assert settings.mongodb_uri
    assert settings.mqtt_url
    assert settings.mqtt_group
    hold_to_tls(settings.mqtt_url, settings.bind)
    return settings.mongodb_uri, settings.mqtt_url, settings.mqtt_group


def session(address: BrokerAddress, group: str, slot: int, *, drains: bool = False) -> Consumer:
    """The consumer of a slot, not started yet."""
    return Consumer(address, group, f"phr-ingest-{slot}", drains=drains)


class Lease:
    """This worker's hold on its slot, renewed now and then."""

    def __init__(self, connection: database.Database, slot: int) -> None:
        self._connection = connection
        self._slot = slot
        self._renewed_ms = clock.now_ms()

    def keep(self, now_ms: int) -> None:
        """Raises ServerUnavailable where another worker took the slot: two must not share one client id."""
        if now_ms - self._renewed_ms < slots.RENEW_EVERY_MS:
            return
        if not slots.renew(self._connection, self._slot, now_ms):
            raise ServerUnavailable(f"slot {self._slot} was taken over by another worker")
        self._renewed_ms = now_ms


class Worker:
    """The loop that records batches; beside it the lookout's thread, and those that paho runs."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, put together in one place
        self,
        recorder: Recorder,
        consumer: Consumer,
        publisher: VerdictPublisher,
        lease: Lease,
        orphans: Orphans,
        chores: Chores | None = None,
    ) -> None:
        self._consumer = consumer
        self._publisher = publisher
        self._lease = lease
        self._orphans = orphans
        self._chores = chores or Chores()
        self._scribe = Scribe(recorder, publisher, self._chores)
        self.lookout = Lookout(consumer, self._scribe.for_another_thread())
        self._is_stuck = False  # a batch could not be recorded; nothing that came after it may be acknowledged
        self.stopping = Stopping()

    def run(self) -> None:
        """Until stopped; then what was handed over is recorded before it leaves."""
        self._publisher.start()
        self._chores.start()
        self._consumer.start()
        self.lookout.start()
        while not self.stopping.is_asked:
            self.work_one(IDLE_WAIT_S)
        self._consumer.stop_receiving()
        self.lookout.finish()
        while not self._is_stuck and self.work_one(wait_s=0.0):
            pass
        self._consumer.close()
        self._orphans.leave()
        self._publisher.close()
        self._chores.close(clock.now_ms())

    def drain(self, quiet_s: float) -> int | None:
        """Records what the session still holds and ends it; how many messages. None: stopped before it was empty."""
        self._publisher.start()
        self._consumer.start()
        count, emptiness = 0, Emptiness(self._consumer, int(quiet_s * 1000))
        while not self.stopping.is_asked and not emptiness.is_certain(clock.now_ms()):
            self._lease.keep(clock.now_ms())
            if taken := self._take_directly(self._consumer, wait_s=0.1):
                count += taken
                emptiness.heard()
        is_empty = not self.stopping.is_asked
        self._consumer.close(ends_session=is_empty)
        self._publisher.close()
        return count if is_empty else None

    def work_one(self, wait_s: float) -> bool:
        """Takes one batch to its end, and one of a session that a worker left behind; False where there was none."""
        self._keep_lease()
        waiting, read = self._consumer.waiting, self.lookout.waiting
        self._chores.tick(clock.now_ms(), (waiting[0] + read[0], waiting[1] + read[1]), self._publisher.counts)
        left_behind = self._orphans.consumer
        if left_behind is None:
            return self._take_waiting(wait_s)
        has_worked = self._take_directly(left_behind, wait_s=0.01) > 0
        if has_worked:
            self._orphans.heard()
        return self._take_waiting(wait_s=0.01) or has_worked

    def _take_waiting(self, wait_s: float) -> bool:
        """True where messages were acknowledged."""
        batch = self.lookout.take(wait_s, LINGER_S)
        if not batch.received or not self._record_until_it_works(batch):
            return False
        self.lookout.done(batch)
        self._consumer.acknowledge(batch.received)
        return True

    def _take_directly(self, consumer: Consumer, wait_s: float) -> int:
        """How many messages of a session that is drained were recorded and acknowledged."""
        batch = self._scribe.let_in(consumer.gather(BATCH_MOST, BATCH_MOST_BYTES, wait_s, LINGER_S))
        if not batch.received or not self._record_until_it_works(batch):
            return 0
        consumer.acknowledge(batch.received)
        return len(batch.received)

    def _keep_lease(self) -> None:
        now_ms = clock.now_ms()
        if not self.stopping.is_asked:
            self._orphans.look(now_ms)
        try:
            self._lease.keep(now_ms)
        except PyMongoError as error:
            log.warning("lease not renewed: %s", type(error).__name__)

    def _record_until_it_works(self, batch: Batch) -> bool:
        """False when the worker was told to stop while the database was away (nothing may be acknowledged)."""
        tries = 0
        while True:
            try:
                self._record_or_each(batch, is_persistent=tries >= len(BACK_OFF_S))
            except (PyMongoError, ServerUnavailable) as error:
                pause_s = BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)]
                log.warning("database: %s; %d messages wait %.1f s", type(error).__name__, len(batch.left), pause_s)
                tries += 1
                if self.stopping.wait(pause_s):
                    self._is_stuck = True
                    return False
            else:
                return True

    def _record_or_each(self, batch: Batch, *, is_persistent: bool) -> None:
        """The batch, or where it breaks us each message alone: a defect of ours must not block everybody's queue.

        ``is_persistent``: the database has answered the batch with an error for a while, so that it may be one
        message's doing. Raises PyMongoError, ServerUnavailable where trying again may help.
        """
        try:
            self._record_all(batch.left)
        except OperationFailure:
            if not is_persistent:
                raise
            log.exception("the database refuses a batch of %d; taking its messages one by one", len(batch.left))
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a batch of %d could not be recorded; taking its messages one by one", len(batch.left))
        for one in batch.left:
            self._record_alone(one, is_persistent=is_persistent)

    def _record_alone(self, one: Coming, *, is_persistent: bool) -> None:
        size = len(one.received.payload)
        try:
            self._scribe.read([one])
            self._scribe.record([one])
        except OperationFailure:
            if not is_persistent:
                raise
            log.exception("the database refuses a message of %d bytes", size)
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a message of %d bytes can't be recorded", size)
        if not one.is_done:
            self._scribe.keep_as_fault(one)

    def _record_all(self, coming: Sequence[Coming]) -> None:
        """What rules look at first: it waited for something else of its device, or could not be recorded ahead."""
        self._scribe.read(coming)
        for some in watched_first(coming):
            if some:
                self._scribe.record(some)
