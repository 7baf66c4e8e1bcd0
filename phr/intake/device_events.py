"""What devices did or met, for the timelines of those who had them; read from what is stored of them, which stays.

So nothing is noted where it happens, and nothing can get lost between two writes. ``after`` goes through the devices in
the order in which they were changed, which is the order of commits; a place in it is kept in ``counters``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from pymongo.read_concern import ReadConcern

from phr.database import Database, insert_new
from phr.intake import clock_words, devices
from phr.intake.clock_words import Words
from phr.intake.device import Binding, Device, device_of
from phr.intake.device_clock import Period
from phr.intake.status import Untold

What = Literal["claimed", "given-up", "clock-corrected", "clock-right", "retired", "battery-low", "firmware"]
PLACE = "device-events"
_CERTAIN = ReadConcern("majority")  # a change that a failover takes back would leave its number to another


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """``key``: the same for the same event and person, whenever it is read."""

    key: str
    person: str
    device: str
    what: What
    at_ms: int
    words: Words


def after(database: Database, limit: int) -> list[Device]:
    """At most so many devices that were changed since ``go_on`` was told last, in order of their changes."""
    place = database["counters"].find_one({"_id": PLACE})
    changed = database["devices"].with_options(read_concern=_CERTAIN).find({"seq": {"$gt": place["n"] if place else 0}})
    return [device_of(row) for row in changed.sort("seq", 1).limit(limit)]


def go_on(database: Database, seq: int) -> None:
    """All up to this change is told."""
    insert_new(database, "counters", [{"_id": PLACE, "n": 0}])
    database["counters"].update_one({"_id": PLACE}, {"$max": {"n": seq}})


def of_device(device: Device) -> Iterator[DeviceEvent]:
    """All that its row tells. A binding that holds since ever tells of no beginning: nobody knows when it was."""
    for one in device.bindings:
        yield from _of_binding(device.ref, one)
    for number, period in enumerate(device.clock.periods, 1):
        yield from _of_period(device, number, period)
    if device.retired_at_ms is not None:
        words = Words(f"设备 {device.ref} 已停用", f"{device.ref} was taken out of use")
        yield from _for_holders(device, "retired", device.retired_at_ms, words)


def of_status(database: Database, told: Iterable[Untold]) -> Iterator[DeviceEvent]:
    """What devices said of themselves, for who had them then."""
    known = list(told)
    found = devices.find_many(database, {one.device for one in known})
    for one in known:
        if device := found.get(one.device):
            yield from _for_holders(device, one.what, one.at_ms, _STATUS_WORDS[one.what](device.ref))


_STATUS_WORDS = {
    "battery-low": lambda ref: Words(f"设备 {ref} 电量低，请充电或更换电池", f"The battery of {ref} is low"),
    "firmware": lambda ref: Words(f"设备 {ref} 的固件已更新", f"{ref} has a new firmware"),
}


def _of_binding(ref: str, one: Binding) -> Iterator[DeviceEvent]:
    named = f"{ref}:{one.slot}:{one.person}:{one.since_ms}"
    if one.since_ms is not None:
        words = Words(f"开始使用设备 {ref}", f"{ref} became yours")
        yield DeviceEvent(f"claimed:{named}", one.person, ref, "claimed", one.since_ms, words)
    if one.until_ms is not None:
        words = Words(f"不再使用设备 {ref}", f"{ref} was given up")
        yield DeviceEvent(f"given-up:{named}:{one.until_ms}", one.person, ref, "given-up", one.until_ms, words)


def _of_period(device: Device, number: int, period: Period) -> Iterator[DeviceEvent]:
    words = clock_words.of_period(device.ref, period)
    what: What = "clock-corrected" if words else "clock-right"
    words = words or clock_words.of_right(device.ref)
    yield from _for_holders(device, what, period.learned_at_ms, words, f":{number}")
    if period.removed:
        put_back = clock_words.of_removed(device.ref)
        yield from _for_holders(device, "clock-right", period.removed.at_ms, put_back, f":{number}:removed")


def _for_holders(device: Device, what: What, at_ms: int, words: Words, mark: str = "") -> Iterator[DeviceEvent]:
    for person in sorted(device.holders_at(at_ms)):
        yield DeviceEvent(f"{what}:{device.ref}{mark}:{at_ms}:{person}", person, device.ref, what, at_ms, words)
