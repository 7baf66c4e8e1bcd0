"""What a device of the fault suite sends as its n-th message, and what has to stand in the record because of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

STEP_MS = 10_000
HIGH, LIMIT, NORMAL = (184, 112), (180, 84), (122, 78)


@dataclass(frozen=True, slots=True)
class Messages:
    """A blood pressure and three heart rates each; every seventh rises an alert, some are rejected or held in part."""

    base_ms: int  # hours ago: an alert wakes nobody for what is more than a day old
    padding: int = 0  # bytes of white space behind each payload

    def t(self, n: int) -> int:
        return self.base_ms + n * STEP_MS

    def pressure(self, n: int) -> tuple[int, int]:
        return {0: HIGH, 3: LIMIT}.get(n % 7, NORMAL)

    def payload(self, device: str, n: int) -> bytes:
        systolic, diastolic = self.pressure(n)
        items = [_pressure(self.t(n), systolic, diastolic)]
        if is_rejected(n):
            items.append({"metric": "no-such-metric", "t": self.t(n), "value": 1})
        if is_held(n):
            items.append(_pressure(self.t(n), 181, 80) | {"slot": "B"})
        beats = {"metric": "heart-rate", "start": self.t(n), "period_s": 3, "unit": "/min", "values": _beats(n)}
        return json.dumps({"id": f"{device}#{n}", "readings": items, "series": [beats]}).encode() + b" " * self.padding

    def readings(self, n: int) -> set[Reading]:
        systolic, diastolic = self.pressure(n)
        beats = {("heart-rate", self.t(n) + 3_000 * i, (value,)) for i, value in enumerate(_beats(n))}
        return beats | {("blood-pressure", self.t(n), (systolic, diastolic))}

    def rises(self, n: int) -> bool:
        return self.pressure(n) != NORMAL


Reading = tuple[str, int, tuple[int, ...]]  # metric, instant, values


@dataclass(slots=True)
class Ledger:
    """What was published: device -> numbers of its messages; ``acked``: those that the broker has acknowledged."""

    messages: Messages
    sent: dict[str, set[int]] = field(default_factory=dict)
    acked: dict[str, set[int]] = field(default_factory=dict)

    @property
    def published(self) -> int:
        return sum(map(len, self.sent.values()))

    def readings(self, device: str) -> set[Reading]:
        return {one for n in self.sent[device] for one in self.messages.readings(n)}

    def without(self, lost: dict[str, set[int]]) -> Ledger:
        """What has to be there where these messages of each device are gone."""
        return Ledger(
            self.messages, {device: numbers - lost.get(device, set()) for device, numbers in self.sent.items()}
        )


def is_rejected(n: int) -> bool:
    return n % 10 == 3


def is_held(n: int) -> bool:
    return n % 10 == 6


def _beats(n: int) -> list[int]:
    return [60 + (n + i) % 40 for i in range(3)]


def _pressure(t_ms: int, systolic: int, diastolic: int) -> dict[str, object]:
    value = {"systolic": systolic, "diastolic": diastolic}
    return {"metric": "blood-pressure", "t": t_ms, "unit": "mm[Hg]", "value": value}
