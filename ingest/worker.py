"""One ingest worker: gathers messages, records them as one batch, acknowledges, gives verdicts."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial

import msgspec
from pymongo.errors import OperationFailure, PyMongoError

from ingest import slots
from ingest.chores import Chores, Desk, queue_limit_bytes
from ingest.consumer import BrokerAddress, Consumer, parse_url
from ingest.emptiness import Emptiness
from ingest.gate import Gate, Refused
from ingest.handover import Received
from ingest.orphans import Orphans
from ingest.topics import Sender, may_answer_to, sender_of
from ingest.verdicts import Answer, VerdictPublisher
from ingest.watch import Watch
from phr import clock, database, memory
from phr.care.rules import rules
from phr.config import Settings
from phr.errors import PayloadTooLarge, PhrError, ServerUnavailable, SettingInvalid
from phr.formats import Format, find_format
from phr.formats.building import MAX_TEXT, is_text
from phr.intake import limits
from phr.people import keyring, master_keys
from phr.recording import LISTED_REJECTIONS, Delivery, Recorder, Verdict
from phr.stopping import Stopping
from phr.telemetry.tally import Tally
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Rejection

log = logging.getLogger(__name__)

# Without a backlog a batch ends by LINGER_S. With one, more messages at once share buckets, and so writes.
BATCH_MOST = 10_000
BATCH_MOST_BYTES = 1024 * 1024
LINGER_S = 0.05
IDLE_WAIT_S = 0.5  # how long a worker with nothing to do takes to see that it was told to stop
MAX_PAYLOAD_BYTES = 256 * 1024
LIVE_WITHIN_S = 1.0  # what waits longer for the recorder says nothing about its device's clock
# Of one call to a database that is away: a worker that is told to stop then has several to wait for.
GIVES_UP_AFTER_S = 2.0
BACK_OFF_S = (0.2, 0.5, 1, 2, 2, 2)  # a new primary is found this much after its election at most

_Judged = tuple[Verdict, bool]  # with: its response topic is refused


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
    """The loop; one thread besides those that paho runs."""

    def __init__(  # noqa: PLR0913, PLR0917 - its parts, put together in one place
        self,
        recorder: Recorder,
        consumer: Consumer,
        publisher: VerdictPublisher,
        lease: Lease,
        orphans: Orphans,
        chores: Chores | None = None,
    ) -> None:
        self._recorder = recorder
        self._consumer = consumer
        self._publisher = publisher
        self._lease = lease
        self._orphans = orphans
        self._chores = chores or Chores()
        self.stopping = Stopping()

    def run(self) -> None:
        """Until stopped; then what was handed over is recorded before it leaves."""
        self._publisher.start()
        self._chores.start()
        self._consumer.start()
        while not self.stopping.is_asked:
            self.work_one(IDLE_WAIT_S)
        self._consumer.stop_receiving()
        while self.work_one(wait_s=0.0):
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
            if taken := self._take_one(self._consumer, wait_s=0.1):
                count += taken
                emptiness.heard()
        is_empty = not self.stopping.is_asked
        self._consumer.close(ends_session=is_empty)
        self._publisher.close()
        return count if is_empty else None

    def work_one(self, wait_s: float) -> bool:
        """Takes one batch to its end, and one of a session that a worker left behind; False where there was none."""
        self._keep_lease()
        self._chores.tick(clock.now_ms(), self._consumer.waiting, self._publisher.counts)
        left_behind = self._orphans.consumer
        if left_behind is None:
            return self._take_one(self._consumer, wait_s) > 0
        has_worked = self._take_one(left_behind, wait_s=0.01) > 0
        if has_worked:
            self._orphans.heard()
        return self._take_one(self._consumer, wait_s=0.01) > 0 or has_worked

    def _take_one(self, consumer: Consumer, wait_s: float) -> int:
        """How many messages were recorded and acknowledged."""
        batch = consumer.gather(BATCH_MOST, BATCH_MOST_BYTES, wait_s, LINGER_S)
        if not batch:
            return 0
        taken, refused = self._chores.divide(batch, clock.now_ms())
        verdicts = self._record_until_it_works(taken) if taken else []
        if verdicts is None:
            return 0
        consumer.acknowledge(batch)
        self._chores.stored(taken, time.monotonic())
        now_ms = clock.now_ms()
        answers = [
            _answer(message, verdict, now_ms, is_refused=is_refused)
            for message, (verdict, is_refused) in zip(taken, verdicts, strict=True)
        ]
        answers += [_refusal(one, now_ms) for one in refused]
        self._publisher.publish([one for one in answers if one])
        return len(batch)

    def _keep_lease(self) -> None:
        now_ms = clock.now_ms()
        if not self.stopping.is_asked:
            self._orphans.look(now_ms)
        try:
            self._lease.keep(now_ms)
        except PyMongoError as error:
            log.warning("lease not renewed: %s", type(error).__name__)

    def _record_until_it_works(self, batch: Sequence[Received]) -> list[_Judged] | None:
        """The verdicts; None when the worker was told to stop while the database was away (nothing is acknowledged)."""
        tries = 0
        while True:
            try:
                return self._record_or_each(batch, is_persistent=tries >= len(BACK_OFF_S))
            except (PyMongoError, ServerUnavailable) as error:
                pause_s = BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)]
                log.warning("database: %s; %d messages wait %.1f s", type(error).__name__, len(batch), pause_s)
                tries += 1
                if self.stopping.wait(pause_s):
                    return None

    def _record_or_each(self, batch: Sequence[Received], *, is_persistent: bool) -> list[_Judged]:
        """The batch, or where it breaks us each message alone: a defect of ours must not block everybody's queue.

        ``is_persistent``: the database has answered the batch with an error for a while, so that it may be one
        message's doing. Raises PyMongoError, ServerUnavailable where trying again may help.
        """
        try:
            return self._record(batch)
        except OperationFailure:
            if not is_persistent:
                raise
            log.exception("the database refuses a batch of %d; taking its messages one by one", len(batch))
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a batch of %d could not be recorded; taking its messages one by one", len(batch))
        return [self._record_alone(message, is_persistent=is_persistent) for message in batch]

    def _record_alone(self, message: Received, *, is_persistent: bool) -> _Judged:
        try:
            return self._record([message])[0]
        except OperationFailure:
            if not is_persistent:
                raise
            log.exception("the database refuses a message of %d bytes", len(message.payload))
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a message of %d bytes can't be recorded", len(message.payload))
        return self._keep_as_fault(message), _is_answer_refused(message, sender_of(message.topic))

    def _keep_as_fault(self, message: Received) -> Verdict:
        """The message as a rejection. Where the database is away this raises too, and all of it is tried again."""
        fault = Rejection("", "internal-error", "this payload could not be processed; it is kept for inspection")
        decoded = Decoded(payload_id=_id_of(message.payload), rejections=[fault])
        try:
            now_ms = clock.now_ms()
            return self._recorder.record([_delivery(message, decoded)], now_ms)[0]
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a message of %d bytes can't even be kept as a rejection", len(message.payload))
            return Verdict(decoded.payload_id, rejected=[fault])

    def _record(self, batch: Sequence[Received]) -> list[_Judged]:
        now_ms = clock.now_ms()
        senders = [sender_of(message.topic) for message in batch]
        formats = self._recorder.formats_of({one.device for one in senders if one})
        deliveries = [
            _delivery(message, _decoded(message, sender, formats))
            for message, sender in zip(batch, senders, strict=True)
        ]
        began_s = time.monotonic()
        verdicts = self._recorder.record(deliveries, now_ms)
        took_s = time.monotonic() - began_s
        models = self._recorder.models_of({one.device for one in deliveries})
        self._chores.recorded(deliveries, verdicts, models, (took_s, clock.now_ms()))
        return [
            (verdict, _is_answer_refused(message, sender))
            for message, sender, verdict in zip(batch, senders, verdicts, strict=True)
        ]


def _answer(message: Received, verdict: Verdict, now_ms: int, *, is_refused: bool) -> Answer | None:
    """The verdict where it is owed; ``is_refused``: its response topic is."""
    if not (verdict.payload_id is not None or verdict.rejected or is_refused):
        return None
    sender = sender_of(message.topic)
    if sender is None:
        return None
    body = verdict.as_json(now_ms)
    topic = sender.feedback
    if is_refused:
        detail = f"a response topic is {sender.feedback} or lies below it"
        refusal = {"path": "", "code": "response-topic-refused", "detail": detail}
        body["rejected"] = [refusal, *body["rejected"][: LISTED_REJECTIONS - 1]]
    elif message.response_topic:
        topic = message.response_topic
    return Answer(topic, body, message.correlation)


def _refusal(refused: Refused, now_ms: int) -> Answer | None:
    """The verdict on a payload that was not looked at, apart from its id."""
    sender = sender_of(refused.message.topic)
    if sender is None:
        return None
    body = Verdict(_id_of(refused.message.payload), rejected=[refused.rejection]).as_json(now_ms)
    return Answer(sender.feedback, body | {"retry_after_s": refused.wait_s}, refused.message.correlation)


def _delivery(message: Received, decoded: Decoded) -> Delivery:
    sender = sender_of(message.topic)
    device = sender.device if sender else "?/?"
    is_live = message.is_first and time.monotonic() - message.at < LIVE_WITHIN_S
    return Delivery(
        decoded,
        device,
        "mqtt",
        message.arrived_at_ms,
        message.payload,
        message.topic,
        is_live=is_live,
        packet=message.packet,
        is_again=message.is_again,
        is_retained=message.is_retained,
    )


def _decoded(message: Received, sender: Sender | None, formats: dict[str, str | Format | None]) -> Decoded:
    """What the message says; a payload that can't be read is one rejection."""
    try:
        if sender is None or not sender.is_wellformed:
            fault = Rejection("", "device-invalid", "the topic names no valid vendor and device")
            return Decoded(payload_id=_id_of(message.payload), rejections=[fault])
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"{len(message.payload)} bytes; a payload has at most {MAX_PAYLOAD_BYTES}")
        one = find_format(message.content_type, formats[sender.device])
        return one.decode(message.payload, vocabulary())
    except PhrError as error:
        return Decoded(
            payload_id=_id_of(message.payload), rejections=[Rejection(error.pointer, error.code, error.detail)]
        )


def _is_answer_refused(message: Received, sender: Sender | None) -> bool:
    return bool(message.response_topic and sender and not may_answer_to(sender, message.response_topic))


class _Named(msgspec.Struct):
    """The one member of a payload that is looked for when the rest can't be used."""

    id: str | None = None


def _id_of(payload: bytes) -> str | None:
    """The id of a payload that is refused whole, so that its sender learns which one; None where none can be read."""
    try:
        name = msgspec.json.decode(payload, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return name if is_text(name, MAX_TEXT) else None
