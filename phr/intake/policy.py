"""How much a device and a vendor may send, decided before a payload is decoded; pure."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

from phr.clock import MINUTE_MS

RATE_LIMITED = "rate-limited"
DEVICES_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Limits:
    """A minute's worth; as much may come at once. None: no limit."""

    messages_per_min: int | None = None
    readings_per_min: int | None = None

    def over(self, default: Limits) -> Limits:
        """These, and the default where they say nothing."""
        messages = default.messages_per_min if self.messages_per_min is None else self.messages_per_min
        readings = default.readings_per_min if self.readings_per_min is None else self.readings_per_min
        return Limits(messages, readings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What holds for everybody, and for those whose registration says otherwise ("vendor" or "vendor/device").

    ``models``: by "vendor/model" for their devices, where the device's own says nothing.

    ``refused_per_min``: payloads of one vendor that may be refused whole; beyond it those of its devices whose last
    payload was refused wait, and its other devices do not. Beyond twice as many those wait as well of which nothing was
    ever taken: a vendor's cloud may send under names that never come again.
    """

    device: Limits = field(default_factory=Limits)
    vendor: Limits = field(default_factory=Limits)
    refused_per_min: int | None = None
    overrides: Mapping[str, Limits] = field(default_factory=dict)
    models: Mapping[str, Limits] = field(default_factory=dict)

    def shared_by(self, workers: int) -> Plan:
        """One worker's share: the broker deals messages out in turn, so each worker sees its part of every sender's."""
        share = max(1, workers)
        parted = {name: _parted(one, share) for name, one in self.overrides.items()}
        models = {name: _parted(one, share) for name, one in self.models.items()}
        return Plan(
            device=_parted(self.device, share),
            vendor=_parted(self.vendor, share),
            refused_per_min=_part(self.refused_per_min, share),
            overrides=parted,
            models=models,
        )


@dataclass(slots=True)
class _Tokens:
    """Fills at a steady rate up to so many; may go below zero, since readings are counted after they came."""

    left: float
    at_ms: int

    def fill(self, per_min: int, most: float, now_ms: int) -> None:
        gained = max(0, now_ms - self.at_ms) * per_min / MINUTE_MS
        self.left, self.at_ms = min(most, self.left + gained), now_ms

    def wait_s(self, per_min: int) -> int:
        """Whole seconds until one may be taken; 0: now."""
        if self.left >= 1:
            return 0
        return max(1, math.ceil((1 - self.left) * 60 / per_min)) if per_min else 60


@dataclass(slots=True)
class _Sender:
    messages: _Tokens | None = None
    readings: _Tokens | None = None
    refused: _Tokens | None = None  # a vendor's
    was_refused: bool | None = None  # a device's last payload, whole; None: no payload of it was looked at
    model: str | None = None  # a device's, "vendor/model", known once a payload of it was looked at


class Policy:
    """Token buckets of one worker, used from one thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._minutes = 1.0  # what may come at once
        self._minutes_until_ms = 0

    def was_away(self, away_ms: int, now_ms: int) -> None:
        """Nothing was taken for so long: who kept to a rate has so much more waiting, and may send it for as long."""
        self._minutes, self._minutes_until_ms = 1 + away_ms / MINUTE_MS, now_ms + away_ms

    def wait_s(self, device: str, now_ms: int) -> int:
        """0: take the device's next payload (it is charged as one message); else how long it should wait."""
        name = device.partition("/")[0]
        one, vendor = self._sender(device), self._sender(name)
        wait = self._wait(one, self._of(device, one), now_ms)
        wait = max(wait, self._wait(vendor, self._of(name, vendor), now_ms))
        wait_of_refused = self._wait_of_refused(vendor, now_ms)
        if not wait and self._is_suspect(one, vendor):
            wait = wait_of_refused
        if not wait:
            for sender in (one, vendor):
                if sender.messages:
                    sender.messages.left -= 1
        return wait

    def admits(self, messages: Mapping[str, int], now_ms: int) -> bool:
        """True: as many payloads of each device may be taken, and are charged; False: ask for each, none is charged."""
        of_vendors: Counter[str] = Counter()
        for device, count in messages.items():
            of_vendors[device.partition("/")[0]] += count
        charged: list[tuple[_Tokens, int]] = []
        for name, count in chain(messages.items(), of_vendors.items()):
            sender = self._sender(name)
            if self._wait(sender, self._of(name, sender), now_ms):
                return False
            if sender.messages:
                if sender.messages.left < count:
                    return False
                charged.append((sender.messages, count))
        if any(self._wait_of_refused(self._sender(vendor), now_ms) for vendor in of_vendors):
            return False
        for tokens, count in charged:
            tokens.left -= count
        return True

    def charge(self, device: str, readings: int, *, is_refused_whole: bool, model: str | None = None) -> None:
        """What the payload that was taken turned out to hold, and which model of its vendor sent it."""
        one, vendor = self._sender(device), self._sender(device.partition("/")[0])
        for sender in (one, vendor):
            if sender.readings:
                sender.readings.left -= readings
        one.was_refused = is_refused_whole
        one.model = f"{device.partition('/')[0]}/{model}" if model else None
        if is_refused_whole and vendor.refused and self.plan.refused_per_min is not None:
            # Not without end: once the storm is over, a vendor is trusted again within two minutes.
            vendor.refused.left = max(vendor.refused.left - 1, -2.0 * self.plan.refused_per_min)

    def _is_suspect(self, device: _Sender, vendor: _Sender) -> bool:
        if device.was_refused is None:
            return vendor.refused is not None and vendor.refused.left < -(self.plan.refused_per_min or 0)
        return device.was_refused

    def _wait_of_refused(self, vendor: _Sender, now_ms: int) -> int:
        vendor.refused, wait = _filled(vendor.refused, self.plan.refused_per_min, 1.0, now_ms)
        return wait

    def _wait(self, sender: _Sender, limits: Limits, now_ms: int) -> int:
        minutes = self._minutes if now_ms < self._minutes_until_ms else 1.0
        sender.messages, of_messages = _filled(sender.messages, limits.messages_per_min, minutes, now_ms)
        sender.readings, of_readings = _filled(sender.readings, limits.readings_per_min, minutes, now_ms)
        return max(of_messages, of_readings)

    def _sender(self, name: str) -> _Sender:
        found = self._senders.get(name)
        if found is None:
            found = self._senders[name] = _Sender()
            while len(self._senders) > DEVICES_REMEMBERED:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end(name)
        return found

    def _of(self, name: str, sender: _Sender) -> Limits:
        holds = self.plan.device if "/" in name else self.plan.vendor
        for said in (self.plan.models.get(sender.model or ""), self.plan.overrides.get(name)):
            holds = said.over(holds) if said else holds
        return holds


def _filled(tokens: _Tokens | None, per_min: int | None, minutes: float, now_ms: int) -> tuple[_Tokens | None, int]:
    """``minutes``: how many of them may come at once."""
    if per_min is None:
        return None, 0
    most = per_min * minutes
    if tokens is None:
        tokens = _Tokens(most, now_ms)
    else:
        tokens.fill(per_min, most, now_ms)
    return tokens, tokens.wait_s(per_min)


def _parted(limits: Limits, share: int) -> Limits:
    return Limits(_part(limits.messages_per_min, share), _part(limits.readings_per_min, share))


def _part(per_min: int | None, share: int) -> int | None:
    return per_min if not per_min else max(1, per_min // share)
