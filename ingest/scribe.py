"""Reads messages, has them recorded and tells their senders: the one way, whichever thread of a worker takes it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from pymongo.errors import PyMongoError

from ingest.batch import Batch, Coming
from ingest.chores import Chores
from ingest.handover import Received
from ingest.messages import answer_to, decoded_of, delivery_of, id_of, refusal
from ingest.topics import sender_of
from ingest.verdicts import Answer, VerdictPublisher
from phr import clock
from phr.errors import ServerUnavailable
from phr.recording import Recorder, Verdict
from phr.vocabulary.reading import Decoded, Rejection

log = logging.getLogger(__name__)


class Scribe:
    """One a thread, as its recorder is."""

    def __init__(self, recorder: Recorder, publisher: VerdictPublisher, chores: Chores) -> None:
        self._recorder = recorder
        self._publisher = publisher
        self._chores = chores

    def for_another_thread(self) -> Scribe:
        return Scribe(self._recorder.for_another_thread(), self._publisher, self._chores)

    def let_in(self, messages: Sequence[Received]) -> Batch:
        """The messages, of which those are coming that the gate lets in; the others' senders are told to wait."""
        batch = Batch()
        if messages:
            now_ms = clock.now_ms()
            taken, refused = self._chores.divide(messages, now_ms)
            self._publish([refusal(one, now_ms) for one in refused])
            batch.add(messages, list(map(Coming, taken)))
        return batch

    def read(self, coming: Sequence[Coming]) -> None:
        """Has each say what it says, where it has not yet. Raises PyMongoError."""
        unread = [one for one in coming if one.delivery is None]
        if not unread:
            return
        senders = [sender_of(one.received.topic) for one in unread]
        formats = self._recorder.formats_of({one.device for one in senders if one})
        for one, sender in zip(unread, senders, strict=True):
            one.delivery = delivery_of(one.received, decoded_of(one.received, sender, formats))
            one.is_watched = self._recorder.is_watched(one.delivery)

    def record(self, coming: Sequence[Coming]) -> None:
        """All of them together; their senders are told. Each has been read. Raises PyMongoError, ServerUnavailable."""
        deliveries = [one.delivery for one in coming if one.delivery]
        began_s = time.monotonic()
        verdicts = self._recorder.record(deliveries, clock.now_ms())
        now_s = time.monotonic()
        models = self._recorder.models_of({one.device for one in deliveries})
        self._chores.recorded(deliveries, verdicts, models, (now_s - began_s, clock.now_ms()))
        self._chores.stored([one.received for one in coming], now_s)
        self._answer(coming, verdicts)

    def keep_as_fault(self, one: Coming) -> None:
        """Its message as a rejection. Where the database is away this raises too, and all of it is tried again."""
        self._answer([one], [self._kept(one.received)])

    def _kept(self, message: Received) -> Verdict:
        fault = Rejection("", "internal-error", "this payload could not be processed; it is kept for inspection")
        decoded = Decoded(payload_id=id_of(message.payload), rejections=[fault])
        try:
            return self._recorder.record([delivery_of(message, decoded)], clock.now_ms())[0]
        except (PyMongoError, ServerUnavailable):
            raise
        except Exception:
            log.exception("a message of %d bytes can't even be kept as a rejection", len(message.payload))
            return Verdict(decoded.payload_id, rejected=[fault])

    def _answer(self, coming: Sequence[Coming], verdicts: Sequence[Verdict]) -> None:
        """What is owed of the verdicts; a device learns at once what may be acknowledged only in its turn."""
        now_ms = clock.now_ms()
        self._publish(answer_to(one.received, verdict, now_ms) for one, verdict in zip(coming, verdicts, strict=True))
        for one in coming:
            one.is_done = True

    def _publish(self, answers: Iterable[Answer | None]) -> None:
        self._publisher.publish([one for one in answers if one])
