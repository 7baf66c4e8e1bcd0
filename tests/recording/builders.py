"""A house with two people and a cuff, and payloads as the cuff sends them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from phr.care.rules import rules
from phr.clock import rfc3339
from phr.database import Database, Document
from phr.formats import phr_v1
from phr.intake import bindings, devices
from phr.intake.device import Binding
from phr.intake.devices import NewDevice
from phr.notices import outbox
from phr.people import people
from phr.recording import Delivery, Recorder, Verdict
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0, a_person
from tests.readings.builders import a_lane, stored_in

CUFF = "acme/cuff-1"
TOPIC = f"phr/v1/{CUFF}/readings"
HIGH = {"systolic": 182, "diastolic": 96}
NORMAL = {"systolic": 122, "diastolic": 78}


def pressure(t_ms: int = T0, value: Any = None, **changes: Any) -> dict[str, Any]:
    """An item of a payload: a normal blood pressure."""
    item = {"metric": "blood-pressure", "t": rfc3339(t_ms, 480), "unit": "mm[Hg]", "value": value or NORMAL}
    return item | changes


def beats(start_ms: int, values: list[Any], **changes: Any) -> dict[str, Any]:
    """A series of heart rates, a minute apart."""
    return {
        "metric": "heart-rate",
        "start": rfc3339(start_ms, 480),
        "period_s": 60,
        "unit": "/min",
        "values": values,
    } | changes


def sent(*readings: dict[str, Any], arrived_at_ms: int = T0, device: str = CUFF, **body: Any) -> Delivery:
    """A delivery by MQTT; ``body``: further fields of the payload."""
    payload = json.dumps({"readings": readings} | body).encode()
    decoded = phr_v1.decode(payload, vocabulary())
    topic = f"phr/v1/{device}/readings"
    return Delivery(decoded, device, "mqtt", arrived_at_ms, payload, topic)


@dataclass(slots=True)
class House:
    database: Database
    ana: str
    ben: str

    def record(self, *deliveries: Delivery, now_ms: int = T0) -> list[Verdict]:
        """As a worker does that has just started."""
        return Recorder(self.database, rules()).record(deliveries, now_ms)

    def bind(self, person: str, since_ms: int | None = None, until_ms: int | None = None, slot: str = "") -> None:
        bindings.bind(self.database, CUFF, Binding(slot, person, since_ms, until_ms))

    def instants(self, person: str) -> list[int]:
        """When a person's stored blood pressures and heart rates were measured."""
        lanes = (a_lane(self.database, metric, person) for metric in ("blood-pressure", "heart-rate"))
        return sorted(key[3] for lane in lanes for key in stored_in(lane))

    def held(self) -> list[tuple[str, str | None, int]]:
        """Reason, person and instant of all that is held."""
        return sorted((row["reason"], row["person"], row["t_ms"]) for row in self.database["held"].find())

    def notices(self) -> list[Document]:
        return [self._opened(row) for row in self.database["notices"].find()]

    def state(self) -> dict[str, list[Document]]:
        """All that recording leaves behind, but for versions and the day's budget of rejections."""
        names = ("readings", "sources", "held", "rejections", "notices", "alerts")
        rows = {name: map(_plain, self.database[name].find()) for name in names}
        rows["notices"] = map(self._opened, rows["notices"])
        rows["commands"] = iter(self.database["commands"].find({}, {"device": 1, "code": 1}))
        return {name: sorted(found, key=lambda row: row["_id"]) for name, found in rows.items()}

    def _opened(self, notice: Document) -> Document:
        """With what it says in the clear: no two seals of it are equal."""
        return {name: value for name, value in notice.items() if name != "sealed"} | outbox.said(self.database, notice)


def a_house(database: Database) -> House:
    """Ana and Ben, and a cuff that is nobody's yet."""
    ana, ben = people.create_many(database, [a_person(name="ana"), a_person(name="ben")])
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name="cuff-1"), T0)
    return House(database, ana.id, ben.id)


def counts(verdicts: Iterable[Verdict]) -> tuple[int, int, int, int, int]:
    """stored, duplicate, corrected, held, rejected."""
    ones = list(verdicts)
    parts = [(v.stored, v.duplicate, v.corrected, v.held, v.rejected_count) for v in ones]
    return tuple(map(sum, zip(*parts, strict=True)))  # type: ignore[return-value]


def codes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(one.path, one.code) for one in verdict.rejected]


def _plain(row: Document) -> Document:
    return {name: value for name, value in row.items() if name != "v"}
