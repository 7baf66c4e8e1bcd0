"""Ana with addresses, channels that do as they are told, and lanes that send one message when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from notifications import dispatcher
from notifications.channel import Message
from notifications.dispatcher import Lane
from phr.database import Database
from phr.notices import addresses, deliveries, outbox
from phr.notices.outbox import Telling
from phr.people import people
from tests.cast import T0, a_person

GIVEN = {
    "email": {"email": "ana@example.org"},
    "sms": {"phone": "13800000000"},
    "webhook": {"url": "https://hook.example/in", "secret": "whsec_x"},
    "wechat": {"appid": "wx1", "openid": "o-ana"},
    "wechat-official": {"appid": "wx2", "openid": "p-ana"},
}


@dataclass
class Fake:
    """``does`` is called with each message after it is noted."""

    name: str
    does: Callable[[Message], None] = lambda _: None
    ref: str | None = None
    sent: list[Message] = field(default_factory=list)

    def send(self, address: Mapping[str, str], message: Message) -> str | None:
        assert dict(address) == GIVEN[self.name]
        self.sent.append(message)
        self.does(message)
        return self.ref


@dataclass
class House:
    database: Database
    ana: str
    channels: dict[str, Fake]

    def lane(self, name: str) -> Lane:
        return Lane(self.database, self.channels[name], Random(1))

    def add(self, *names: str) -> None:
        for name in names:
            made = addresses.put(self.database, self.ana, name, GIVEN[name], T0)
            addresses.prove(self.database, self.ana, made.id, T0)

    def tell(self, key: str = "n1", kind: str = "device-clock", now_ms: int = T0, **changes: Any) -> None:
        outbox.tell(self.database, Telling(key, self.ana, kind, "秘密", "secret", **changes), now_ms)

    def plan(self, now_ms: int = T0) -> int:
        return dispatcher.plan_some(self.database, self.channels.keys(), now_ms)

    def run(self, name: str, now_ms: int = T0) -> int:
        """Plans, and sends all that is due by a channel; how many messages it was given by now."""
        self.plan(now_ms)
        while self.lane(name).send_one(now_ms):
            pass
        return len(self.channels[name].sent)

    def states(self, key: str = "n1") -> dict[str, tuple[str, str | None]]:
        return {row["channel"]: (row["state"], row.get("why")) for row in deliveries.of_notice(self.database, key)}


def a_house(database: Database) -> House:
    ana = people.create(database, a_person(name="ana")).id
    return House(database, ana, {name: Fake(name) for name in GIVEN})
