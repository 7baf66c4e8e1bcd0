"""Whose a reading is: the person bound to its device and slot when it was measured, if its time can be right."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from phr.clock import to_ms
from phr.intake.device import Device
from phr.intake.held import Reason
from phr.intake.registry import Registry
from phr.people.people import Person
from phr.vocabulary.reading import Run, picked

AHEAD_MS = 10 * 60_000  # how far a device's clock may run ahead before its readings are held
WEST_OF_UTC_MS = 14 * 3_600_000  # a birthday begins this long before its UTC midnight somewhere on Earth
NOBODY_BEFORE = date(1900, 1, 1)  # for people who told no birth date
# Where nobody told when a device was made: clocks that lost their battery begin again in 1970, 1980 or 2000.
NO_DEVICE_BEFORE = date(2001, 1, 1)
CONSENT_WITHDRAWN = "consent-withdrawn"
VENDORS_DEVICE = re.compile(r"[a-z0-9-]{1,32}/[A-Za-z0-9._:-]{1,64}")


class Sender(NamedTuple):
    """Who sent a payload: a device by its topic, or (``person``) a client of the API that speaks for somebody."""

    device: str
    person: str | None
    speaks_for: str | None  # the device that the payload names
    arrived_at_ms: int
    is_given: bool = False  # the person has said that the readings are theirs, whatever the bindings say


class Found(NamedTuple):
    """Where a reading belongs: to a person, to the held ones for a reason, or nowhere."""

    person: str | None = None
    reason: Reason | None = None
    refused: tuple[str, str] | None = None  # code, detail


class Owner:
    """Whose the readings of one delivery are."""

    def __init__(self, sender: Sender, device: Device | None, registry: Registry) -> None:
        self._sender = sender
        self._device = device
        self._registry = registry
        self._refused = self._refusal()
        self._vendor = f"vendor:{device.ref.partition('/')[0]}" if device else ""  # the consent that its owner gave

    def split(self, run: Run) -> list[tuple[Found, Run]]:
        """The run in parts that belong together; nearly always one."""
        if self._refused or not run.t:
            return [(Found(refused=self._refused), run)] if run.t else []
        if run.device is not None and not self._is_own(run.device):
            return [(Found(refused=_mismatch(run.device)), run)]
        low, high = min(run.t), max(run.t)
        first = self._find(run.slot, low)
        if low == high or (self._is_steady(run.slot, low, high) and first == self._find(run.slot, high)):
            return [(first, run)]
        found = [self._find(run.slot, t) for t in run.t]
        groups = groupby(range(len(run.t)), key=found.__getitem__)
        return [(one, picked(run, list(indices))) for one, indices in groups]

    def _refusal(self) -> tuple[str, str] | None:
        if self._sender.is_given:
            return None
        if self._sender.person is None and self._device is None:
            return "device-unknown", f"{self._sender.device} is not registered"
        if self._device is None and VENDORS_DEVICE.fullmatch(self._sender.device):
            return _not_theirs(self._sender.device)  # in the same words, so that nobody learns what is registered
        if self._device is not None and self._device.is_retired:
            return "device-retired", f"{self._device.ref} has been taken out of use"
        if self._device is not None and self._device.is_suspended:
            return "device-suspended", f"{self._device.ref} may not send at present"
        spoken_for = self._sender.speaks_for
        if self._sender.person is None and spoken_for is not None and not self._is_own(spoken_for):
            return _mismatch(spoken_for)
        return None

    def _is_own(self, name: str) -> bool:
        return name in (self._sender.device, self._sender.device.partition("/")[2])

    def _is_steady(self, slot: str, low: int, high: int) -> bool:
        """True where no binding of the slot begins or ends in between, so that equal ends mean an equal middle."""
        bindings = self._device.bindings if self._device else ()
        edges = [edge for one in bindings if one.slot == slot for edge in (one.since_ms, one.until_ms)]
        return not any(edge is not None and low < edge <= high for edge in edges)

    def _find(self, slot: str, t_ms: int) -> Found:
        is_asked = self._device is not None and not self._sender.is_given
        owner = self._device.owner_at(slot, t_ms) if self._device and is_asked else self._sender.person
        if self._sender.person not in (None, owner):
            return Found(refused=_not_theirs(self._sender.device))
        if owner is None:
            return Found(reason="unbound")
        person = self._registry.person(owner)
        if person is None or person.consent_withdrawn:
            return Found(refused=(CONSENT_WITHDRAWN, "the owner has withdrawn the consent to take readings in"))
        if person.refused and is_asked and self._vendor in person.refused:
            return Found(refused=(CONSENT_WITHDRAWN, "the owner has refused what this vendor sends"))
        return Found(owner, _impossible_time(person, self._device, t_ms, self._sender.arrived_at_ms))


def _mismatch(name: str) -> tuple[str, str]:
    return "device-mismatch", f"this sender may not speak for {name[:64]!r}"


def _not_theirs(device: str) -> tuple[str, str]:
    return "device-mismatch", f"{device} was not this person's then"


def _impossible_time(person: Person, device: Device | None, t_ms: int, arrived_at_ms: int) -> Reason | None:
    if t_ms > arrived_at_ms + AHEAD_MS:
        return "ahead-of-clock"
    if t_ms < _day_begin_ms(person.birth_on or NOBODY_BEFORE):
        return "before-birth"
    if device and t_ms < _day_begin_ms(device.made_on or NO_DEVICE_BEFORE):
        return "before-device-made"
    return None


@lru_cache(maxsize=4_096)  # two for each reading that comes alone
def _day_begin_ms(on: date) -> int:
    return to_ms(datetime(on.year, on.month, on.day, tzinfo=UTC)) - WEST_OF_UTC_MS
