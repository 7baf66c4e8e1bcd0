"""What the devices of a home send, day by day: pure, and the same for the same seed to the last byte."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from phr.clock import DAY_MS, HOUR_MS, MINUTE_MS
from simulator import body
from simulator.home import VENDOR, device_name
from simulator.resident import Resident, resident_of

OFFSET_MIN = 480  # the simulated homes are in China
_ZONE = timezone(timedelta(minutes=OFFSET_MIN))


@dataclass(frozen=True, slots=True)
class Message:
    """A payload on its way. ``due_ms``: when a device sends it, by true time; ``copies``: how often it does."""

    device: str  # "sim/s1-h0001-cuff"
    id: str
    due_ms: int
    body: dict[str, Any]  # "readings" and "series" of payload v1
    clock_error_s: int = 0
    copies: int = 1

    def payload(self, now_ms: int) -> bytes:
        """Payload v1, sent at this instant as the device's own clock has it."""
        head = {"id": self.id, "sent_at": _written(now_ms + self.clock_error_s * 1000)}
        return json.dumps(head | self.body, separators=(",", ":")).encode()


def first_ms(start_on: date) -> int:
    """The instant at which a local day begins."""
    return int(datetime(start_on.year, start_on.month, start_on.day, tzinfo=_ZONE).timestamp()) * 1000


def all_messages(people: int, days: int, seed: int, start_on: date) -> Iterator[Message]:
    """Every message of every home, in the order in which they are due."""
    homes = [home_messages(home, days, seed, start_on) for home in range(1, people + 1)]
    return heapq.merge(*homes, key=_order)


def home_messages(home: int, days: int, seed: int, start_on: date) -> Iterator[Message]:
    """The messages of one home, in the order in which they are due."""
    resident = resident_of(seed, home)
    waiting: list[Message] = []
    for day in range(days):
        midnight = first_ms(start_on) + day * DAY_MS
        late = [one for one in waiting if one.due_ms < midnight]
        waiting = [one for one in waiting if one.due_ms >= midnight]
        yield from sorted(late, key=_order)
        for one in _day(resident, home, seed, day, midnight):
            waiting.append(one)
    yield from sorted(waiting, key=_order)


def _day(resident: Resident, home: int, seed: int, day: int, midnight: int) -> Iterator[Message]:
    for kind in resident.kinds():
        chance = random.Random(f"{seed}/{home}/{kind}/{day}")  # noqa: S311 - a simulation, not a secret
        sheet = _Sheet(
            resident, device_name(seed, home, kind), resident.clock_error_s.get(kind, 0), day, midnight, chance
        )
        if resident.is_forgetful and kind != "cgm" and chance.random() < 0.15:
            continue
        yield from _PLAYS[kind](sheet)


@dataclass(slots=True)
class _Sheet:
    """One device's day: numbers its messages, writes its times, sends a few of them twice."""

    resident: Resident
    name: str
    clock_error_s: int
    day: int
    midnight: int
    chance: random.Random
    count: int = 0

    def time(self, t_ms: int) -> str:
        """An instant as the device's clock writes it."""
        return _written(t_ms + self.clock_error_s * 1000)

    def message(self, due_ms: int, **body: Any) -> Message:
        self.count += 1
        return Message(
            device=f"{VENDOR}/{self.name}",
            id=f"{self.name}-{self.day}-{self.count}",
            due_ms=due_ms,
            body=body,
            clock_error_s=self.clock_error_s,
            copies=2 if self.chance.random() < 0.01 else 1,
        )

    def instant(self, minute: float) -> int:
        return self.midnight + round(minute * 60) * 1000


def _cuff(sheet: _Sheet) -> Iterator[Message]:
    """Two readings a minute apart, morning and evening, in one message each."""
    for is_morning, at in ((True, sheet.resident.wakes_at_min + 25), (False, sheet.resident.sleeps_at_min - 50)):
        first = sheet.instant(at + sheet.chance.randint(-15, 15))
        readings = [_pressure_item(sheet, first + n * MINUTE_MS, is_morning, n == 1) for n in (0, 1)]
        yield sheet.message(first + 2 * MINUTE_MS, readings=readings)


def _pressure_item(sheet: _Sheet, t_ms: int, is_morning: bool, is_second: bool) -> dict[str, Any]:
    found = body.pressure(sheet.resident, sheet.chance, is_morning=is_morning, is_second=is_second)
    return {
        "metric": "blood-pressure",
        "t": sheet.time(t_ms),
        "unit": "mmHg",
        "value": {"systolic": found.systolic, "diastolic": found.diastolic, "pulse": found.pulse},
        "context": {"posture": "sitting"},
    }


def _cgm(sheet: _Sheet) -> Iterator[Message]:
    """A value every five minutes, each in a message of its own."""
    for n, value in enumerate(body.glucose(sheet.resident, sheet.chance)):
        t_ms = sheet.instant(n * body.CGM_STEP_MIN)
        item = {"metric": "glucose-interstitial", "t": sheet.time(t_ms), "value": value, "unit": "mmol/L"}
        yield sheet.message(t_ms + 5_000, readings=[item])


def _watch(sheet: _Sheet) -> Iterator[Message]:
    """Heart rate each minute and steps, once an hour; one day in twelve it is offline and syncs a day late."""
    pulses = body.pulses(sheet.resident, sheet.chance)
    steps = body.steps_by_hour(sheet.resident, sheet.chance)
    delay_ms = DAY_MS if sheet.chance.random() < 1 / 12 else 0
    for hour in range(24):
        start = sheet.midnight + hour * HOUR_MS
        series = [
            {
                "metric": "heart-rate",
                "start": sheet.time(start),
                "period_s": 60,
                "unit": "/min",
                "values": _with_gaps(pulses[hour * 60 : hour * 60 + 60], sheet.chance),
            }
        ]
        walked = {
            "metric": "steps",
            "t": sheet.time(start),
            "end": sheet.time(start + HOUR_MS),
            "value": steps[hour],
            "unit": "{steps}",
        }
        yield sheet.message(start + HOUR_MS + delay_ms, readings=[walked], series=series)


def _scale(sheet: _Sheet) -> Iterator[Message]:
    yield _spot(sheet, "weight", body.weight(sheet.resident, sheet.day, sheet.chance), "kg", 10)


def _thermometer(sheet: _Sheet) -> Iterator[Message]:
    """Once a week, and on the days of a fever."""
    has_fever = sheet.chance.random() < 0.02
    if has_fever or sheet.day % 7 == 0:
        yield _spot(sheet, "body-temperature", body.temperature(sheet.chance, has_fever=has_fever), "Cel", 40)


def _oximeter(sheet: _Sheet) -> Iterator[Message]:
    yield _spot(sheet, "spo2", body.saturation(sheet.chance), "%", 30)


def _spot(sheet: _Sheet, metric: str, value: float, unit: str, minutes_after_waking: int) -> Message:
    t_ms = sheet.instant(sheet.resident.wakes_at_min + minutes_after_waking + sheet.chance.randint(0, 9))
    item = {"metric": metric, "t": sheet.time(t_ms), "value": value, "unit": unit}
    return sheet.message(t_ms + 10_000, readings=[item])


_PLAYS = {
    "cuff": _cuff,
    "cgm": _cgm,
    "watch": _watch,
    "scale": _scale,
    "thermometer": _thermometer,
    "oximeter": _oximeter,
}


def _with_gaps(values: Sequence[int], chance: random.Random) -> list[int | None]:
    """A loose strap loses a value now and then."""
    return [None if chance.random() < 0.02 else value for value in values]


def _order(message: Message) -> tuple[int, str]:
    return message.due_ms, message.id


def _written(t_ms: int) -> str:
    """RFC 3339 with the homes' offset, seconds only: what such devices have."""
    return datetime.fromtimestamp(t_ms // 1000, UTC).astimezone(_ZONE).isoformat()
