"""The display of a device, a command over MQTT: a household sees it, so it says only that there is something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifications.channel import AddressGone, Message
from phr.config import Settings
from phr.database import Database
from phr.errors import NotFound
from phr.intake import commands, devices
from phr.intake.commands import NewCommand

TEXT = "请打开手机应用查看"
LIFE_S = 3_600


@dataclass(frozen=True, slots=True)
class Device:
    """Stores the command; ingestion sends it. Only to a device that is the person's at that moment."""

    database: Database
    name: str = "device"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        found = devices.find(self.database, address["device"])
        if found is None or message.person not in found.holders_at(message.at_ms):
            raise AddressGone("not the person's device")
        command = NewCommand(device=address["device"], code="remind", args={"text": TEXT}, life_s=LIFE_S)
        try:
            commands.add(self.database, command, message.at_ms)
        except NotFound as error:
            raise AddressGone("no such device") from error


def of(_settings: Settings, database: Database) -> Device:
    return Device(database)
