"""Sessions that workers left behind at the broker, which still hands them their share: emptied here, then ended."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pymongo.errors import PyMongoError

from ingest import emptiness, slots
from ingest.consumer import Consumer
from ingest.emptiness import Emptiness
from phr.database import Database, Document
from phr.errors import ServerUnavailable

log = logging.getLogger(__name__)

# A family starts its workers one after the other, and each takes its own session back; who adopted them all would
# empty them alone.
FIRST_LOOK_AFTER_MS = 2_000
LOOK_EVERY_MS = 500  # what a worker that was killed had in hand waits this long at most: one read of a few rows
# While the database is away nobody can renew. Who looks first afterwards must leave the others the time to do so: the
# longest back-off of a worker and a little.
RUN_OUT_FOR_MS = 8_000


class Orphans:
    """One orphaned slot at a time, held by a lease like one's own. Used from the worker's thread alone."""

    def __init__(self, database: Database, own: int, open_session: Callable[[int], Consumer]) -> None:
        """``own``: the worker's own slot. ``open_session`` gives the draining consumer of a slot, not started yet."""
        self._database = database
        self._own = own
        self._open_session = open_session
        self._slot = -1
        self._began_ms: int | None = None
        self._looked_ms = 0
        self._renewed_ms = 0
        self._run_out: dict[int, tuple[int, int]] = {}  # slot -> its lease's end, when it was first seen like that
        self._emptiness: Emptiness | None = None
        self.consumer: Consumer | None = None

    def look(self, now_ms: int) -> None:
        """Takes over a slot whose worker is gone, keeps the lease of the one that is held, ends one that is empty."""
        self._began_ms = now_ms if self._began_ms is None else self._began_ms
        if now_ms - self._began_ms < FIRST_LOOK_AFTER_MS:
            return
        try:
            if self.consumer and self._emptiness and self._emptiness.is_certain(now_ms):
                self._end(self.consumer)
            elif now_ms - self._looked_ms >= LOOK_EVERY_MS:
                self._looked_ms = now_ms
                self._keep_or_adopt(now_ms)
        except (PyMongoError, ServerUnavailable) as error:
            self._run_out.clear()
            log.warning("orphaned sessions: %s", type(error).__name__)

    def heard(self) -> None:
        """The session was not empty yet."""
        if self._emptiness:
            self._emptiness.heard()

    def leave(self) -> None:
        """Gives the slot back; what its session still holds is the next worker's."""
        if self.consumer is not None:
            self.consumer.close()
            self.consumer = None
            slots.release(self._database, self._slot)

    def _keep_or_adopt(self, now_ms: int) -> None:
        if self.consumer is None:
            self._adopt(now_ms)
        elif now_ms - self._renewed_ms < slots.RENEW_EVERY_MS:
            return
        elif slots.renew(self._database, self._slot, now_ms):
            self._renewed_ms = now_ms
        else:
            log.warning("slot %d was taken over while it was emptied", self._slot)
            self.consumer.stop_receiving()
            self.consumer.close()
            self.consumer = None

    def _adopt(self, now_ms: int) -> None:
        slot = slots.adopt(self._database, self._own, now_ms, lambda row: self._is_gone(row, now_ms))
        if slot is None:
            return
        log.info("emptying the session of slot %d, whose worker is gone", slot)
        consumer = self._open_session(slot)
        try:
            consumer.start(timeout_s=5)
        except ServerUnavailable:
            slots.release(self._database, slot)
            raise
        self._slot, self._renewed_ms = slot, now_ms
        self._emptiness, self.consumer = Emptiness(consumer, emptiness.QUIET_MS), consumer

    def _is_gone(self, row: Document, now_ms: int) -> bool:
        if slots.is_certainly_gone(row):
            return True
        end_ms, seen_ms = self._run_out.get(row["_id"], (-1, 0))
        if end_ms != row["until_ms"]:
            self._run_out[row["_id"]] = (row["until_ms"], now_ms)
            return False
        return now_ms - seen_ms >= RUN_OUT_FOR_MS

    def _end(self, consumer: Consumer) -> None:
        self.consumer = None
        consumer.close(ends_session=True)
        slots.forget(self._database, self._slot)
        log.info("the session of slot %d is empty and ended", self._slot)
