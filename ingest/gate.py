"""Which messages of a batch are taken at all: senders past their rate are told to wait, at the price of a look-up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.handover import Received
from ingest.topics import sender_of
from phr.database import Database
from phr.intake import limits, rejections
from phr.intake.policy import RATE_LIMITED, Plan, Policy
from phr.intake.rejections import RejectedPayload
from phr.vocabulary.reading import Rejection

log = logging.getLogger(__name__)

SAMPLE_EVERY_MS = 60_000  # of a device that floods one payload in this time is kept for its vendor to look at
REFRESH_EVERY_MS = 10_000
SAMPLES_MOST = 1_000
AWAY_FROM_MS = 10_000  # twice what a worker may take to say that it lives


@dataclass(frozen=True, slots=True)
class Refused:
    message: Received
    wait_s: int

    @property
    def rejection(self) -> Rejection:
        detail = f"more than was agreed for this device or its vendor; send again in {self.wait_s} s"
        return Rejection("", RATE_LIMITED, detail)


class Gate:
    """Used by one thread at a time. Without a plan everything passes."""

    def __init__(self, plan: Plan | None = None) -> None:
        self._whole = plan or Plan()
        self.policy = Policy(self._whole)
        self.lived_ms = 0  # when something was taken last, or might have been; 0: nobody knows
        self._refreshed_ms = 0
        self._sampled_ms: dict[str, int] = {}
        self._samples: list[RejectedPayload] = []
        self._unkept: Counter[str] = Counter()

    def lives(self, now_ms: int) -> None:
        """To be called all the while. Where it was not for some time, nothing was taken, and senders have waited."""
        away_ms = now_ms - self.lived_ms if self.lived_ms else 0
        if away_ms >= AWAY_FROM_MS:
            log.info("nothing was taken for %d s; rates allow for what has waited", away_ms // 1000)
            self.policy.was_away(away_ms, now_ms)
        self.lived_ms = now_ms

    def divide(self, batch: Sequence[Received], now_ms: int) -> tuple[list[Received], list[Refused]]:
        """The messages that are taken, and those whose sender must wait."""
        senders = [sender_of(message.topic) for message in batch]
        if self.policy.admits(Counter([one.device for one in senders if one and one.is_wellformed]), now_ms):
            return list(batch), []
        taken: list[Received] = []
        refused: list[Refused] = []
        for message, sender in zip(batch, senders, strict=True):
            wait_s = self.policy.wait_s(sender.device, now_ms) if sender and sender.is_wellformed else 0
            if wait_s and sender:
                refused.append(Refused(message, wait_s))
                self._note(sender.device, refused[-1], now_ms)
            else:
                taken.append(message)
        return taken, refused

    def refresh(self, database: Database, now_ms: int) -> None:
        """Reads what registrations say and shares it among the workers that live; writes down what was refused.

        Raises PyMongoError.
        """
        if now_ms - self._refreshed_ms < REFRESH_EVERY_MS:
            return
        self._refreshed_ms = now_ms
        live = database["worker_slots"].find({"until_ms": {"$gt": now_ms}}, {"host": 1, "pid": 1})
        workers = len(
            {(row["host"], row["pid"]) for row in live}
        )  # one that empties an orphaned session holds two slots
        whole = Plan(
            device=self._whole.device,
            vendor=self._whole.vendor,
            refused_per_min=self._whole.refused_per_min,
            overrides=limits.overrides(database),
            models=limits.of_models(database),
        )
        self.policy.plan = whole.shared_by(workers)
        self.write_refused(database, now_ms)

    def write_refused(self, database: Database, now_ms: int) -> None:
        samples, self._samples = self._samples, []
        if samples:
            rejections.reject(database, samples)
        unkept, self._unkept = self._unkept, Counter()
        for vendor, count in unkept.items():
            rejections.count_unkept(database, vendor, count, now_ms)
        self._sampled_ms = {one: at for one, at in self._sampled_ms.items() if now_ms - at < SAMPLE_EVERY_MS}

    def _note(self, device: str, refused: Refused, now_ms: int) -> None:
        vendor = device.partition("/")[0]
        is_sampled = now_ms - self._sampled_ms.get(device, 0) >= SAMPLE_EVERY_MS
        if not is_sampled or len(self._samples) >= SAMPLES_MOST:
            self._unkept[vendor] += 1
            return
        self._sampled_ms[device] = now_ms
        message = refused.message
        kept = RejectedPayload(vendor, device, message.topic, message.payload, (refused.rejection,), now_ms)
        self._samples.append(kept)
