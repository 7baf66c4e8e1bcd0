"""Reads what comes as it comes: what rules look at is recorded at once, the rest waits to be recorded in batches.

A batch takes longer the more comes, for many readings of one day share a write; an alert must not wait for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence

from ingest.batch import Batch, watched_first
from ingest.consumer import Consumer
from ingest.handover import Received
from ingest.scribe import Scribe

log = logging.getLogger(__name__)

# What waits at most; beyond it the consumer's queue fills, and then the broker's.
WAITING_MOST = 20_000
WAITING_MOST_BYTES = 2 * 1024 * 1024
BATCH_MOST = 10_000
BATCH_MOST_BYTES = 1024 * 1024
LINGER_S = 0.02  # what comes so close together is read together
IDLE_WAIT_S = 0.2


class Lookout:
    """A thread between the consumer and the worker that records batches."""

    def __init__(self, consumer: Consumer, scribe: Scribe) -> None:
        """``scribe``: this thread's own."""
        self._consumer = consumer
        self._scribe = scribe
        self._waiting: deque[Batch] = deque()  # what was read together
        self._messages = self._bytes = 0
        self._busy: Counter[str] = Counter()  # how many messages of a device are not recorded yet
        self._changed = threading.Condition()
        self._is_over = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Returns when all that was handed over has been read. Call once the consumer receives nothing more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._thread.join()

    def take(self, wait_s: float, linger_s: float) -> Batch:
        """What waits, as much as a batch holds: what comes within ``wait_s``, and within ``linger_s`` of the first.

        Of what was recorded ahead only the acknowledgement is left. ``done`` is called when all of it is recorded.
        Raises what has ended the thread, which must not end before its worker.
        """
        if self._failure:
            raise self._failure
        batch = Batch()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over, wait_s)
            if self._waiting:
                left_s = self._waiting[0].received[0].at + linger_s - time.monotonic()
                self._changed.wait_for(lambda: self._is_over or self._is_full(), max(0.0, left_s))
            while self._waiting and (not batch.received or _fits(batch, self._waiting[0])):
                one = self._waiting.popleft()
                batch.add(one.received, one.coming)
            self._messages -= len(batch.received)
            self._bytes -= batch.size
            self._changed.notify_all()
        return batch

    def done(self, batch: Batch) -> None:
        """All of the batch is recorded: later messages of its devices overtake nothing."""
        with self._changed:
            self._busy.subtract([one.device for one in batch.coming])
            self._busy += Counter()  # forgets those of whom nothing is left

    @property
    def waiting(self) -> tuple[int, int]:
        """Messages that have been read and not been taken, and their bytes."""
        return self._messages, self._bytes

    def _run(self) -> None:
        try:
            is_last = False
            while not is_last:
                is_last = self._is_over
                while messages := self._gathered():
                    self._look_at(messages)
        except Exception as error:
            self._failure = error

    def _gathered(self) -> list[Received]:
        """What has come, as far as there is room; what is handed over when all is over is read in any case."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or not self._is_full(), IDLE_WAIT_S)
            if self._is_over:
                return self._consumer.gather(BATCH_MOST, BATCH_MOST_BYTES, 0.0, 0.0)
            if self._is_full():
                return []
        return self._consumer.gather(BATCH_MOST, BATCH_MOST_BYTES, IDLE_WAIT_S, LINGER_S)

    def _look_at(self, messages: Sequence[Received]) -> None:
        """What fails here fails again with its batch, which knows what to do."""
        batch = self._scribe.let_in(messages)
        try:
            self._scribe.read(batch.coming)
            first, rest = watched_first(batch.coming, self._busy)
            if first:
                self._scribe.record(first)
                batch.coming = rest
        except Exception as error:
            log.warning("%d messages wait for their turn: %s", len(batch.coming), type(error).__name__)
        with self._changed:
            self._busy.update([one.device for one in batch.coming])
            self._waiting.append(batch)
            self._messages += len(batch.received)
            self._bytes += batch.size
            self._changed.notify_all()

    def _is_full(self) -> bool:
        return self._messages >= WAITING_MOST or self._bytes >= WAITING_MOST_BYTES


def _fits(batch: Batch, other: Batch) -> bool:
    return len(batch.received) + len(other.received) <= BATCH_MOST and batch.size + other.size <= BATCH_MOST_BYTES
