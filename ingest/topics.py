"""Topics of the contract, section 2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_READINGS = re.compile(r"phr/v1/([^/]+)/([^/]+)/readings")
_STATUS = re.compile(r"phr/v1/([^/]+/[^/]+)/status")
_DEVICE = re.compile(r"[a-z0-9-]{1,32}/[A-Za-z0-9._:-]{1,64}")

NO_DEVICE = "?/?"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who published: by the topic, whose first levels the broker ties to the user name."""

    prefix: str  # "phr/v1/vendor/device"
    device: str  # "vendor/device"
    is_wellformed: bool  # False: the device's name is no slug, so that it can't be registered

    @property
    def feedback(self) -> str:
        return f"{self.prefix}/feedback"


def readings_filter(group: str) -> str:
    """The shared subscription of the ingest workers."""
    return f"$share/{group}/phr/v1/+/+/readings"


@lru_cache(maxsize=20_000)
def sender_of(topic: str) -> Sender | None:
    """Who published to a readings topic; None where the topic is none."""
    found = _READINGS.fullmatch(topic)
    if not found:
        return None
    device = f"{found[1]}/{found[2]}"
    return Sender(f"phr/v1/{device}", device, bool(_DEVICE.fullmatch(device)))


def device_of(topic: str) -> str:
    """The device as a readings topic names it; NO_DEVICE where the topic is none."""
    sender = sender_of(topic)
    return sender.device if sender else NO_DEVICE


def status_filter(group: str) -> str:
    """What devices say of themselves, shared among the workers."""
    return f"$share/{group}/phr/v1/+/+/status"


def status_device(topic: str) -> str | None:
    """The device of a status topic; None where it is none or names no valid device."""
    found = _STATUS.fullmatch(topic)
    return found[1] if found and _DEVICE.fullmatch(found[1]) else None


def commands_topic(device: str) -> str:
    return f"phr/v1/{device}/commands"


def may_answer_to(sender: Sender, response_topic: str) -> bool:
    """True for the sender's own feedback topic and those below it: what it may read, and the server may write."""
    is_below = response_topic == sender.feedback or response_topic.startswith(f"{sender.feedback}/")
    return is_below and not set("+#\0").intersection(response_topic)
