"""Whose a device, or one slot of it, is: bindings begin and end, and with them the code for the next owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from phr.database import Database, Document
from phr.errors import AlreadyThere, NotFound
from phr.intake import devices
from phr.intake.device import Binding, Device, binding_row, device_of


@dataclass(frozen=True, slots=True)
class Holding:
    """Who has a device, and the hash of the code that lets somebody else have it (None: it is used)."""

    bindings: tuple[Binding, ...]
    claim_code_hash: str | None


def bind(database: Database, ref: str, binding: Binding) -> Device:
    """The device with one more binding. Raises NotFound, AlreadyThere where it overlaps one of the same slot."""

    def bound(device: Device, session: ClientSession) -> tuple[Binding, ...]:
        devices.require_all(database, "people", {binding.person}, session)
        if any(binding.overlaps(other) for other in device.bindings):
            raise AlreadyThere(f"{ref} slot {binding.slot!r} is bound to somebody in that time")
        return (*device.bindings, binding)

    return rebind(database, ref, bound)


def bind_from_now(database: Database, ref: str, slot: str, person: str, now_ms: int) -> Device:
    """The device bound by an operator: since ever the first time, else from now or the end of the binding before.

    What was measured between two owners stays nobody's. Raises as ``bind``.
    """
    device = devices.find(database, ref)
    if device is None:
        raise NotFound(f"no device {ref}")
    earlier = [one.until_ms for one in device.bindings if one.slot == slot]
    since_ms = max([now_ms, *(end for end in earlier if end is not None)]) if earlier else None
    return bind(database, ref, Binding(slot, person, since_ms, None))


def unbind(database: Database, ref: str, slot: str, at_ms: int) -> Device:
    """The device with the slot's binding ended at an instant. Raises NotFound where none covers that instant."""

    def ended(device: Device, session: ClientSession) -> tuple[Binding, ...]:  # noqa: ARG001 - one shape for changes
        if device.owner_at(slot, at_ms) is None:
            raise NotFound(f"{ref} slot {slot!r} is bound to nobody at that time")
        return tuple(
            Binding(one.slot, one.person, one.since_ms, at_ms) if one.covers(slot, at_ms) else one
            for one in device.bindings
        )

    return rebind(database, ref, ended)


def rebind(database: Database, ref: str, apply: Callable[[Device, ClientSession], tuple[Binding, ...]]) -> Device:
    """The device with other bindings; ``apply`` uses the session. Raises NotFound and what ``apply`` raises."""

    def rebound(row: Document, session: ClientSession) -> Document:
        return row | {"bindings": [binding_row(one) for one in apply(device_of(row), session)]}

    return devices.change_row(database, ref, rebound)


def rehold(database: Database, ref: str, apply: Callable[[Holding], Holding]) -> Device:
    """The device with other bindings and another code, in one step. Raises NotFound and what ``apply`` raises."""

    def held_anew(row: Document, session: ClientSession) -> Document:  # noqa: ARG001
        new = apply(Holding(device_of(row).bindings, row.get("claim_code_hash")))
        return row | {"bindings": [binding_row(one) for one in new.bindings], "claim_code_hash": new.claim_code_hash}

    return devices.change_row(database, ref, held_anew)


def claim_code_hash(database: Database, ref: str) -> str | None:
    """The hash of the code that the device can be claimed with; None: no device, or its code is used."""
    row = database["devices"].find_one({"_id": ref}, {"claim_code_hash": 1})
    return row.get("claim_code_hash") if row else None
