"""The devices of a person who is erased become nobody's: what they still send from that time is refused, not kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.erasure.places import Stay
from phr.intake import bindings, devices
from phr.intake.device import Binding, Device

# In the place of a person in a binding. It is nobody's id, and nobody has given it consent: late deliveries of what
# was measured then are refused and not kept, where a binding that is gone would have them held for the next owner.
ERASED = "erased"


def stays_of(database: Database, person: str, now_ms: int) -> list[Stay]:
    """When which device was the person's, up to now."""
    found = devices.of_person(database, person)
    return [stay for one in found for stay in _stays(one, person, now_ms)]


def looked_at_again(database: Database, stays: Iterable[Stay]) -> list[Stay]:
    """The same, but a device that somebody has claimed since is not alone."""
    noted = list(stays)
    known = devices.find_many(database, {one.device for one in noted})
    free = {ref for ref, device in known.items() if {one.person for one in device.bindings} <= {ERASED}}
    return [replace(one, is_alone=one.is_alone and one.device in free) for one in noted]


def let_go(database: Database, person: str, now_ms: int) -> None:
    """No binding names the person any more, and none that was theirs is still open. Safe to repeat."""
    for device in devices.of_person(database, person):

        def ended(current: Device, _: ClientSession) -> tuple[Binding, ...]:
            return tuple(_nobodys(one, now_ms) if one.person == person else one for one in current.bindings)

        bindings.rebind(database, device.ref, ended)


def as_rows(stays: Iterable[Stay]) -> list[Document]:
    return [{name: getattr(one, name) for name in Stay.__slots__} for one in stays]


def _stays(device: Device, person: str, now_ms: int) -> list[Stay]:
    is_alone = {one.person for one in device.bindings} <= {person, ERASED}
    own = [one for one in device.bindings if one.person == person]
    ended = [_nobodys(one, now_ms) for one in own]
    return [Stay(device.ref, one.since_ms, one.until_ms or now_ms, is_alone) for one in ended]


def _nobodys(binding: Binding, now_ms: int) -> Binding:
    until_ms = now_ms if binding.until_ms is None else binding.until_ms
    return replace(binding, person=ERASED, until_ms=until_ms)
