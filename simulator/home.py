"""A home to be played: the person who lives there and the devices, with their logins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

VENDOR = "sim"
ZONE = "Asia/Shanghai"  # where the simulated homes are
KINDS = ("cuff", "cgm", "watch", "scale", "thermometer", "oximeter")


@dataclass(frozen=True, slots=True)
class Device:
    """``mqtt_username``: the device's own, or its vendor's where one cloud connection speaks for many devices."""

    ref: str  # "sim/s1-h0001-cuff"
    mqtt_username: str
    mqtt_password: str
    kind: str  # one of KINDS

    @property
    def topic(self) -> str:
        return f"phr/v1/{self.ref}/readings"

    @property
    def feedback_topic(self) -> str:
        return f"phr/v1/{self.ref}/feedback"


@dataclass(frozen=True, slots=True)
class Home:
    person_id: str
    name: str
    devices: tuple[Device, ...]


# (number of people, seed) -> their homes, registered and with working logins
Provision = Callable[[int, int], list[Home]]


def device_name(seed: int, home: int, kind: str) -> str:
    """The slug of a device; a seed has homes of its own, so that playing it again meets the same people."""
    return f"s{seed}-h{home:04d}-{kind}"
