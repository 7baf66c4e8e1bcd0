"""What a worker does beside its batches: counts, reports, keeps rates, states of devices and commands going."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from pymongo.errors import PyMongoError

from ingest import broker
from ingest.gate import Gate, Refused
from ingest.handover import Received
from ingest.topics import commands_topic
from ingest.watch import Watch
from phr.config import Settings
from phr.database import Database
from phr.intake import commands, status
from phr.intake.status import Heard
from phr.recording import Delivery, Verdict
from phr.telemetry import reports
from phr.telemetry.readiness import BROKER_BYTES, BROKER_LIMIT
from phr.telemetry.reports import Reporter
from phr.telemetry.tally import Tally
from phr.telemetry.verdicts import count_items

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 1_000
COMMANDS_AT_ONCE = 100


def queue_limit_bytes(settings: Settings) -> int:
    """What one queue at the broker may hold; 0 where nobody said so: an external broker has limits of its own."""
    if settings.mqtt_queue_limit_bytes or (settings.is_asked_for("mqtt_url") and not _is_family(settings)):
        return settings.mqtt_queue_limit_bytes
    return broker.queue_limit_bytes(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _is_family(settings: Settings) -> bool:
    """True where the embedded broker runs under data_dir: the family hands its address on as a setting."""
    return (broker.folder(settings.data_dir) / broker.CONFIG_FILE).exists()


class Desk:
    """Where a worker's chores meet the database and the broker."""

    def __init__(self, database: Database, slot: int, watch: Watch, limit_bytes: int) -> None:
        self.database = database
        self.slot = slot
        self.watch = watch
        self.limit_bytes = limit_bytes


class Chores:
    """Used from the worker's threads; the gate by one at a time. Without a desk everything passes it."""

    def __init__(self, tally: Tally | None = None, gate: Gate | None = None, desk: Desk | None = None) -> None:
        self.tally = tally or Tally()
        self._gate = gate or Gate()
        self._at_gate = threading.Lock()
        self._desk = desk
        self._reporter = Reporter(desk.database, "ingest", str(desk.slot), self.tally) if desk else None
        self._looked_ms = 0
        self._unwritten: dict[str, Heard] = {}
        self._unmarked: list[str] = []  # commands that the broker has taken
        self._verdicts = (0, 0)

    def start(self) -> None:
        """Raises ServerUnavailable, PyMongoError."""
        if self._desk:
            self._gate.lived_ms = reports.last_ms(self._desk.database, "ingest")
            self._desk.watch.start()

    def divide(self, batch: Sequence[Received], now_ms: int) -> tuple[list[Received], list[Refused]]:
        """The messages that are taken, and those whose sender must wait; all of them counted."""
        with self._at_gate:
            taken, refused = self._gate.divide(batch, now_ms)
        self.tally.add("messages_received", len(batch), "mqtt")
        if refused:
            self.tally.add("messages_limited", len(refused))
            self.tally.add("items_rejected", len(refused), refused[0].rejection.code)
        return taken, refused

    def recorded(
        self,
        deliveries: Sequence[Delivery],
        verdicts: Sequence[Verdict],
        models: Mapping[str, str | None],
        timed: tuple[float, int],
    ) -> None:
        """Counts what became of a batch, and charges its senders.

        ``models``: of the devices; ``timed``: how many seconds it took, and now in milliseconds.
        """
        tally, (took_s, now_ms) = self.tally, timed
        tally.observe("batch_messages", [len(deliveries)])
        tally.observe("batch_write_seconds", [took_s])
        count_items(tally, verdicts)
        newest = [(one, max([max(run.t) for run in one.decoded.runs])) for one in deliveries if one.decoded.runs]
        tally.observe("arrival_lag_seconds", [max(0, one.arrived_at_ms - t) / 1000 for one, t in newest])
        sent = [one.decoded.sent_at_ms for one in deliveries if one.decoded.sent_at_ms is not None]
        tally.observe("publish_to_stored_seconds", [max(0, now_ms - t) / 1000 for t in sent])
        with self._at_gate:
            self._charge(deliveries, verdicts, models)

    def _charge(
        self, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict], models: Mapping[str, str | None]
    ) -> None:
        """A device's good payloads together, in the order of those that were refused whole."""
        readings: Counter[str] = Counter()
        charge = self._gate.policy.charge
        for delivery, verdict in zip(deliveries, verdicts, strict=True):
            device = delivery.device
            readings[device] += sum(map(len, delivery.decoded.runs))
            if not verdict.rejected or verdict.stored or verdict.duplicate or verdict.corrected or verdict.held:
                continue
            charge(device, readings.pop(device), is_refused_whole=True, model=models.get(device))
        for device, count in readings.items():
            charge(device, count, is_refused_whole=False, model=models.get(device))

    def stored(self, batch: Sequence[Received], now_s: float) -> None:
        """``now_s``: of the clock that stamped the messages as they came from the socket."""
        self.tally.observe("handover_to_stored_seconds", [now_s - one.at for one in batch])

    def tick(self, now_ms: int, waiting: tuple[int, int], verdicts: tuple[int, int]) -> None:
        """Does what is due. ``waiting``: messages and bytes; ``verdicts``: given and dropped since the start."""
        with self._at_gate:
            self._gate.lives(now_ms)
        if self._desk is None or now_ms - self._looked_ms < LOOK_EVERY_MS:
            return
        self._looked_ms = now_ms
        try:
            self._look(self._desk, now_ms)
            self._report(self._desk, now_ms, waiting, verdicts)
        except PyMongoError as error:
            log.warning("chores wait: %s", type(error).__name__)

    def close(self, now_ms: int) -> None:
        """Writes down what is left. Call with the worker's batches done."""
        if self._desk is None or self._reporter is None:
            return
        self._desk.watch.close()
        try:
            self._write_heard(self._desk, now_ms)
            self._gate.write_refused(self._desk.database, now_ms)
            self._reporter.write(now_ms)
        except PyMongoError as error:
            log.warning("last figures not written: %s", type(error).__name__)

    def _look(self, desk: Desk, now_ms: int) -> None:
        with self._at_gate:
            self._gate.refresh(desk.database, now_ms)
        self._write_heard(desk, now_ms)
        for _ in range(COMMANDS_AT_ONCE):
            command = commands.claim_one(desk.database, now_ms)
            if command is None:
                return
            desk.watch.send(command.id, commands_topic(command.device), command.message, command.left_s(now_ms))

    def _write_heard(self, desk: Desk, now_ms: int) -> None:
        """What the side line gave is kept here until it is written."""
        self._unwritten |= desk.watch.take_heard()
        if self._unwritten:
            status.put(desk.database, self._unwritten, now_ms)
            self._unwritten = {}
        self._unmarked += desk.watch.take_sent()
        if self._unmarked:
            commands.mark_sent(desk.database, self._unmarked, now_ms)
            self.tally.add("commands_sent", len(self._unmarked))
            self._unmarked = []

    def _report(self, desk: Desk, now_ms: int, waiting: tuple[int, int], verdicts: tuple[int, int]) -> None:
        if self._reporter is None or not self._reporter.is_due(now_ms):
            return
        for label, now, before in zip(("sent", "dropped"), verdicts, self._verdicts, strict=True):
            self.tally.add("verdicts", now - before, label)
        self._verdicts = verdicts
        levels: dict[str, float] = {"handover_messages": waiting[0], "handover_bytes": waiting[1], **desk.watch.levels}
        if desk.limit_bytes and BROKER_BYTES in levels:
            levels[BROKER_LIMIT] = desk.limit_bytes
        self._reporter.write(now_ms, levels)
