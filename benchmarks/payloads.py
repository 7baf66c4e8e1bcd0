"""Pre-encoded payloads for load: JSON by bytes formatting, a function of (client, message number), picklable."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from phr.clock import MINUTE_MS

_VARIANTS = 64  # different value lists; enough that a compressor sees no repetition within a bucket


@dataclass(frozen=True, slots=True)
class HeartRateSeries:
    """One `series` of heart rate each minute; message n of a client follows message n - 1 without a gap.

    ``with_id`` asks for a verdict on each message.
    """

    start_ms: int
    values: int = 60
    with_id: bool = False

    def __call__(self, client: int, n: int) -> bytes:
        start = self.start_ms + n * self.values * MINUTE_MS
        ident = b'"id":"%d-%d",' % (client, n) if self.with_id else b""
        values = _value_lists(self.values)[(client * 7 + n) % _VARIANTS]
        return (b'{%b"series":[{"metric":"heart-rate","start":%d,"period_s":60,"unit":"/min","values":[%b]}]}') % (
            ident,
            start,
            values,
        )


@dataclass(frozen=True, slots=True)
class SingleHeartRate:
    """One reading a message, ``step_ms`` apart."""

    start_ms: int
    step_ms: int = MINUTE_MS
    with_id: bool = False

    def __call__(self, client: int, n: int) -> bytes:
        ident = b'"id":"%d-%d",' % (client, n) if self.with_id else b""
        t = self.start_ms + n * self.step_ms
        value = 60 + (client * 13 + n * 7) % 60
        return b'{%b"readings":[{"metric":"heart-rate","t":%d,"value":%d,"unit":"/min"}]}' % (ident, t, value)


@cache
def _value_lists(length: int) -> tuple[bytes, ...]:
    chance = random.Random(20_261_123)
    return tuple(b",".join(b"%d" % value for value in _walk(chance, length)) for _ in range(_VARIANTS))


def _walk(chance: random.Random, length: int) -> list[int]:
    pulse, out = chance.randint(55, 95), []
    for _ in range(length):
        pulse = min(180, max(45, pulse + chance.randint(-4, 4)))
        out.append(pulse)
    return out
