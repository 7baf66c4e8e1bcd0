"""One ingest worker: gathers messages, records them as one batch, acknowledges, gives verdicts."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from types import FrameType

from pymongo.errors import PyMongoError

from ingest import slots
from ingest.consumer import Consumer, Received, parse_url
from ingest.topics import Sender, may_answer_to, sender_of
from ingest.verdicts import VerdictPublisher
from phr import clock, database
from phr.care.rules import rules
from phr.config import Settings
from phr.errors import PayloadTooLarge, PhrError, ServerUnavailable, SettingInvalid
from phr.formats import find_format
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Rejection

log = logging.getLogger(__name__)

BATCH_MOST = 500
LINGER_S = 0.05
MAX_PAYLOAD_BYTES = 256 * 1024
BACK_OFF_S = (0.2, 0.5, 1, 2, 5)


def main(settings: Settings) -> int:
    """Works until SIGTERM or SIGINT, then drains what it holds. Raises SettingInvalid, ServerUnavailable."""
    for name in ("mongodb_uri", "mqtt_url", "mqtt_group"):
        if getattr(settings, name) is None:
            raise SettingInvalid(f"PHR_{name.upper()} is not set and no family runs under PHR_DATA_DIR")
    assert settings.mongodb_uri
    assert settings.mqtt_url
    assert settings.mqtt_group
    connection = database.connect(settings.mongodb_uri, settings.mongodb_database)
    database.ping(connection)
    slot = slots.claim(connection, clock.now_ms())
    address = parse_url(settings.mqtt_url)
    worker = Worker(
        Recorder(connection, rules()),
        Consumer(address, settings.mqtt_group, f"phr-ingest-{slot}"),
        VerdictPublisher(address, f"phr-verdicts-{slot}"),
        Lease(connection, slot),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    log.info("ingest worker starts in slot %d", slot)
    try:
        worker.run()
    finally:
        slots.release(connection, slot)
    return 0


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

    def __init__(self, recorder: Recorder, consumer: Consumer, publisher: VerdictPublisher, lease: Lease) -> None:
        self._recorder = recorder
        self._consumer = consumer
        self._publisher = publisher
        self._lease = lease
        self._is_stopping = threading.Event()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        self._is_stopping.set()
        self._consumer.stop_receiving()

    def run(self) -> None:
        """Until stopped; then what was handed over is recorded before it leaves."""
        self._publisher.start()
        self._consumer.start()
        while not self._is_stopping.is_set():
            self.work_one(wait_s=0.5)
        while self.work_one(wait_s=0.0):
            pass
        self._consumer.close()
        self._publisher.close()

    def work_one(self, wait_s: float) -> bool:
        """Takes one batch to its end; False where there was none."""
        self._keep_lease()
        batch = self._consumer.gather(BATCH_MOST, wait_s, LINGER_S)
        if not batch:
            return False
        verdicts = self._record_until_it_works(batch)
        if verdicts is None:
            return False
        self._consumer.acknowledge(batch)
        now_ms = clock.now_ms()
        for message, (verdict, refused_answer) in zip(batch, verdicts, strict=True):
            self._answer(message, verdict, now_ms, refused_answer=refused_answer)
        return True

    def _keep_lease(self) -> None:
        try:
            self._lease.keep(clock.now_ms())
        except PyMongoError as error:
            log.warning("lease not renewed: %s", type(error).__name__)

    def _record_until_it_works(self, batch: Sequence[Received]) -> list[tuple[Verdict, bool]] | None:
        """The verdicts; None when the worker was told to stop while the database was away (nothing is acknowledged)."""
        tries = 0
        while True:
            try:
                return self._record(batch)
            except (PyMongoError, ServerUnavailable) as error:
                pause_s = BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)]
                log.warning("database: %s; %d messages wait %.1f s", type(error).__name__, len(batch), pause_s)
                tries += 1
                if self._is_stopping.wait(pause_s):
                    return None
            except Exception:
                # A defect of ours must not block everybody's queue: each message is taken alone, the one that breaks
                # us is kept as a rejection.
                log.exception("a batch of %d could not be recorded; taking its messages one by one", len(batch))
                return [verdict for message in batch for verdict in self._record_alone(message)]

    def _record_alone(self, message: Received) -> list[tuple[Verdict, bool]]:
        try:
            return self._record([message])
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a message of %d bytes can't be recorded", len(message.payload))
            fault = Rejection("", "internal-error", "this payload could not be processed; it is kept for inspection")
            verdicts = self._recorder.record([self._delivery(message, Decoded(rejections=[fault]))], clock.now_ms())
            return [(verdicts[0], False)]

    def _record(self, batch: Sequence[Received]) -> list[tuple[Verdict, bool]]:
        senders = [sender_of(message.topic) for message in batch]
        formats = self._recorder.formats_of({one.device for one in senders if one})
        deliveries = [
            self._delivery(message, _decoded(message, sender, formats))
            for message, sender in zip(batch, senders, strict=True)
        ]
        verdicts = self._recorder.record(deliveries, clock.now_ms())
        return [
            (verdict, _is_answer_refused(message, sender))
            for message, sender, verdict in zip(batch, senders, verdicts, strict=True)
        ]

    def _delivery(self, message: Received, decoded: Decoded) -> Delivery:
        sender = sender_of(message.topic)
        device = sender.device if sender else "?/?"
        return Delivery(decoded, device, "mqtt", clock.now_ms(), message.payload, message.topic)

    def _answer(self, message: Received, verdict: Verdict, now_ms: int, *, refused_answer: bool) -> None:
        sender = sender_of(message.topic)
        if sender is None or not (verdict.payload_id is not None or verdict.rejected or refused_answer):
            return
        body = verdict.as_json(now_ms)
        topic = sender.feedback
        if refused_answer:
            detail = "a response topic lies under the sender's own prefix and is not an input"
            body["rejected"].append({"path": "", "code": "response-topic-refused", "detail": detail})
        elif message.response_topic:
            topic = message.response_topic
        self._publisher.publish(topic, body)


def _decoded(message: Received, sender: Sender | None, formats: dict[str, str | None]) -> Decoded:
    """What the message says; a payload that can't be read is one rejection."""
    try:
        if sender is None or not sender.is_wellformed:
            return Decoded(rejections=[Rejection("", "device-invalid", "the topic names no valid vendor and device")])
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLarge(f"{len(message.payload)} bytes; a payload has at most {MAX_PAYLOAD_BYTES}")
        one = find_format(message.content_type, formats[sender.device])
        return one.decode(message.payload, vocabulary())
    except PhrError as error:
        return Decoded(rejections=[Rejection(error.pointer, error.code, error.detail)])


def _is_answer_refused(message: Received, sender: Sender | None) -> bool:
    return bool(message.response_topic and sender and not may_answer_to(sender, message.response_topic))
