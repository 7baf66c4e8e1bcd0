"""How time is cut into buckets and chunks: a pure function of metric and instant, in UTC.

A bucket is one document, a chunk is one entry in it: the unit that is rewritten when a reading lands. Both start at
multiples of their length since 1970, so the same instant falls into the same place however it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from phr.clock import DAY_MS, HOUR_MS, to_datetime
from phr.vocabulary.metric import Density, Metric

# Of the 16 MB a document may have; the history may have 3 (phr.readings.revisions), numbers and runs need one. An hour
# of electrocardiogram strips at the cap, 30 s at 512 Hz each, weighs 10.8.
EXTRAS_BYTES = 11 * 2**20

# Widest offsets in use: a local day lies between 14 hours before and 12 hours after its UTC day.
EAST_MS = 14 * HOUR_MS
WEST_MS = 12 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Span:
    bucket_ms: int
    chunk_ms: int
    cap: int  # readings a chunk may hold

    @property
    def extras_bytes(self) -> int:
        """What the extras of a chunk may weigh, so that a bucket always fits into a document."""
        return EXTRAS_BYTES // (self.bucket_ms // self.chunk_ms)


# The cap of a chunk of an hour lets one reading a second through. Lengths and caps: benchmarks/layouts.py.
SPANS = {
    Density.SECOND: Span(6 * HOUR_MS, HOUR_MS, 4_000),
    Density.MINUTE: Span(DAY_MS, 6 * HOUR_MS, 4_000),
    Density.DAILY: Span(64 * DAY_MS, 16 * DAY_MS, 4_000),
    Density.RARE: Span(1024 * DAY_MS, 256 * DAY_MS, 4_000),
    Density.WAVEFORM: Span(HOUR_MS, HOUR_MS, 64),
}


def span_of(metric: Metric) -> Span:
    return SPANS[metric.density]


@lru_cache(maxsize=65_536)
def bucket_start_text(start_ms: int) -> str:
    """``20261123T06``: sorts as the instant does."""
    return to_datetime(start_ms).strftime("%Y%m%dT%H").rjust(11, "0")


def bucket_id(person: str, metric: str, start_ms: int, device: str) -> str:
    return f"{person}:{metric}:{bucket_start_text(start_ms)}:{device}"


def local_day(t_ms: int, offset_min: int) -> int:
    """The number of the local calendar day since 1970-01-01."""
    return (t_ms + offset_min * 60_000) // DAY_MS


def possible_local_days(t_ms: int) -> range:
    """Every local day an instant can belong to while nobody knows the offset."""
    return range((t_ms - WEST_MS) // DAY_MS, (t_ms + EAST_MS) // DAY_MS + 1)
