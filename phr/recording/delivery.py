"""What comes to the door, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypedDict

from phr.clock import At, rfc3339
from phr.readings import chunk
from phr.readings.chunk import Outcome
from phr.vocabulary.reading import Decoded, Rejection, Run

LISTED_REJECTIONS = 100

_server_time = lru_cache(maxsize=16)(rfc3339)  # the verdicts of a batch are given at one instant

_DETAILS = {
    chunk.TOO_DENSE: "more than a bucket of this metric can hold",
    chunk.TOO_OFTEN_CORRECTED: "corrected more often than a reading can honestly be",
}


class RejectedTold(TypedDict):
    """``path``: where it stands in the payload."""

    path: str
    code: str
    detail: str


class VerdictTold(TypedDict):
    """How many items became what; ``id``: the payload's own; ``rejected``: the first hundred."""

    id: str | None
    stored: int
    duplicate: int
    corrected: int
    held: int
    rejected_count: int
    rejected: list[RejectedTold]
    server_time: At


class Delivery(NamedTuple):
    """A decoded payload and how it came. ``person`` is set where the sender speaks for one (HTTP)."""

    decoded: Decoded
    device: str  # "vendor/device"; over HTTP also a source of the client's own, or entered.HAND
    origin: str  # "mqtt", "http:<client>"
    arrived_at_ms: int
    payload: bytes = b""
    topic: str = ""
    person: str | None = None
    is_live: bool = False  # it did not wait anywhere and came for the first time, so that its ``sent_at`` shows a clock
    shift_ms: int | None = None  # its owner has put the time right by so much; the device's clock is not asked
    is_given: bool = False  # the person has said that these are theirs: no binding is asked
    packet: str = ""  # what the broker calls the message until it is acknowledged
    is_again: bool = False  # the broker says that it has delivered it before
    is_retained: bool = False  # the broker keeps it and gives it to each who asks anew
    measured_at_ms: int | None = None  # where the payload states no time: when it came for the first time
    batch: str | None = None  # an import: it raises no alert, holds nothing and can be taken back as a whole


@dataclass(slots=True)
class Verdict:
    """What became of a payload; the counts add up to its items."""

    payload_id: str | None = None
    stored: int = 0
    duplicate: int = 0
    corrected: int = 0
    held: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def rejected_count(self) -> int:
        return sum(one.count for one in self.rejected)

    def as_json(self, now_ms: int) -> VerdictTold:
        """The feedback message of the contract, section 2."""
        listed: list[RejectedTold] = [
            {"path": r.path, "code": r.code, "detail": r.detail} for r in self.rejected[:LISTED_REJECTIONS]
        ]
        return {
            "id": self.payload_id,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "corrected": self.corrected,
            "held": self.held,
            "rejected_count": self.rejected_count,
            "rejected": listed,
            "server_time": _server_time(now_ms),
        }

    def count(self, run: Run, outcome: Outcome) -> None:
        """Adds what became of one run."""
        self.stored += outcome.stored
        self.duplicate += outcome.duplicate
        self.corrected += outcome.corrected
        if outcome.refused:
            self.rejected += [Rejection(run.pointer(index), code, _DETAILS[code]) for index, code in outcome.refused]
