"""Vendors, their devices, and whose a device (or one slot of it) was at an instant."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mongoengine import ValidationError
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.intake.device_clock import Clock, Period
from phr.intake.documents import DeviceDocument, VendorDocument
from phr.people import numbers

MAPPED = "map:"  # begins the name of a format that is a vendor's stored mapping
_ONE_OF = {"vendors": "vendor", "people": "person", "mappings": "mapping"}


@dataclass(frozen=True, slots=True)
class Binding:
    """Slot -> person over [since, until); None: since ever, for ever. Slot "": only readings that name no slot."""

    slot: str
    person: str
    since_ms: int | None
    until_ms: int | None

    def covers(self, slot: str, t_ms: int) -> bool:
        return (
            self.slot == slot
            and (self.since_ms is None or self.since_ms <= t_ms)
            and (self.until_ms is None or t_ms < self.until_ms)
        )

    def overlaps(self, other: Binding) -> bool:
        """True where both are of one slot and share an instant."""
        return self.slot == other.slot and _starts_before_end(self, other) and _starts_before_end(other, self)


@dataclass(frozen=True, slots=True)
class Device:
    ref: str  # "vendor/device"
    vendor: str
    name: str
    format: str | None
    made_on: date | None
    bindings: tuple[Binding, ...]
    is_suspended: bool
    seq: int
    clock: Clock = Clock()
    model: str | None = None
    is_retired: bool = False

    def owner_at(self, slot: str, t_ms: int) -> str | None:
        """The person whose reading it is: bound to this slot ("" = none named) at the time of measurement."""
        for binding in self.bindings:
            if binding.covers(slot, t_ms):
                return binding.person
        return None


@dataclass(frozen=True, slots=True)
class Holding:
    """Who has a device, and the hash of the code that lets somebody else have it (None: it is used)."""

    bindings: tuple[Binding, ...]
    claim_code_hash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to register; ``bindings``: (slot, person) pairs that hold since ever."""

    vendor: str
    name: str
    format: str | None = None
    made_on: date | None = None
    bindings: tuple[tuple[str, str], ...] = ()
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    device: Device
    claim_code: str  # shown once; only its hash is stored


def create_vendor(database: Database, slug: str, now_ms: int) -> str:
    """The vendor's slug. Raises InputInvalid for what is not a slug, AlreadyThere."""
    row = _checked(VendorDocument(id=slug, created_at_ms=now_ms), f"{slug!r} is not a vendor slug: [a-z0-9-]{{1,32}}")
    try:
        database["vendors"].insert_one(row)
    except DuplicateKeyError as error:
        raise AlreadyThere(f"vendor {slug} exists") from error
    return slug


def vendor_exists(database: Database, slug: str) -> bool:
    return database["vendors"].find_one({"_id": slug}, {"_id": 1}) is not None


def create_device(database: Database, draft: NewDevice, now_ms: int) -> Registered:
    """The device and its claim code. Raises InputInvalid, NotFound (vendor, person), AlreadyThere."""
    return create_devices(database, [draft], now_ms)[0]


def create_devices(
    database: Database,
    drafts: Sequence[NewDevice],
    now_ms: int,
    *,
    codes: Sequence[str] = (),
    also: Callable[[ClientSession], None] = lambda _: None,
) -> list[Registered]:
    """All of them in one transaction, at most 1,000; raises as ``create_device``, then none is stored.

    ``codes``: their claim codes, where the caller has made them; ``also``: what it stores in the same transaction.
    """
    codes = codes or [new_claim_code() for _ in drafts]

    def insert(session: ClientSession, number: int) -> list[Document]:
        _require_all(database, "vendors", {draft.vendor for draft in drafts}, session)
        _require_all(database, "people", {person for draft in drafts for _, person in draft.bindings}, session)
        mapped = {one.format[len(MAPPED) :] for one in drafts if one.format and one.format.startswith(MAPPED)}
        _require_all(database, "mappings", mapped, session)
        rows = [_new_row(draft, code, number, now_ms) for draft, code in zip(drafts, codes, strict=True)]
        _refuse_existing(database, [row["_id"] for row in rows], session)
        database["devices"].insert_many(rows, session=session)
        also(session)
        return rows

    rows = numbers.change(database, insert)
    return [Registered(_device(row), code) for row, code in zip(rows, codes, strict=True)]


def find(database: Database, ref: str) -> Device | None:
    row = database["devices"].find_one({"_id": ref})
    return _device(row) if row else None


def find_many(database: Database, refs: Iterable[str]) -> dict[str, Device]:
    """Those of the devices that exist, in one query."""
    return {row["_id"]: _device(row) for row in database["devices"].find({"_id": {"$in": list(refs)}})}


def of_vendor(database: Database, vendor: str, limit: int, after: str = "") -> list[Device]:
    """A vendor's devices in order of their refs, those after ``after``."""
    found = database["devices"].find({"vendor": vendor, "_id": {"$gt": after}}).sort("_id", 1).limit(limit)
    return [_device(row) for row in found]


def bind(database: Database, ref: str, binding: Binding) -> Device:
    """The device with one more binding. Raises NotFound, AlreadyThere where it overlaps one of the same slot."""

    def bound(device: Device, session: ClientSession) -> tuple[Binding, ...]:
        _require_all(database, "people", {binding.person}, session)
        if any(binding.overlaps(other) for other in device.bindings):
            raise AlreadyThere(f"{ref} slot {binding.slot!r} is bound to somebody in that time")
        return (*device.bindings, binding)

    return _rebind(database, ref, bound)


def bind_from_now(database: Database, ref: str, slot: str, person: str, now_ms: int) -> Device:
    """The device bound by an operator: since ever the first time, else from now or the end of the binding before.

    What was measured between two owners stays nobody's. Raises as ``bind``.
    """
    device = find(database, ref)
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

    return _rebind(database, ref, ended)


def rehold(database: Database, ref: str, apply: Callable[[Holding], Holding]) -> Device:
    """The device with other bindings and another code, in one step. Raises NotFound and what ``apply`` raises."""

    def held_anew(row: Document, session: ClientSession) -> Document:  # noqa: ARG001
        new = apply(Holding(_device(row).bindings, row.get("claim_code_hash")))
        return row | {"bindings": [_binding_row(one) for one in new.bindings], "claim_code_hash": new.claim_code_hash}

    return _change(database, ref, held_anew)


def claim_code_hash(database: Database, ref: str) -> str | None:
    """The hash of the code that the device can be claimed with; None: no device, or its code is used."""
    row = database["devices"].find_one({"_id": ref}, {"claim_code_hash": 1})
    return row.get("claim_code_hash") if row else None


def of_person(database: Database, person: str) -> list[Device]:
    """The devices that the person has, or had, in order of their refs."""
    return [_device(row) for row in database["devices"].find({"bindings.person": person}).sort("_id", 1)]


def suspend(database: Database, ref: str, *, is_suspended: bool) -> Device:
    """The device, refused or taken again. Raises NotFound."""
    return _change(database, ref, lambda row, _: row | {"is_suspended": is_suspended})


def set_clock(database: Database, ref: str, change: Callable[[Clock], Clock]) -> Device:
    """The device with what ``change`` makes of its clock; every worker hears of it. Raises NotFound."""

    def changed(row: Document, session: ClientSession) -> Document:  # noqa: ARG001 - one shape for changes
        clock = change(_clock(row))
        periods = [
            {"from_device_ms": one.from_device_ms, "offset_ms": one.offset_ms, "learned_at_ms": one.learned_at_ms}
            for one in clock.periods
        ]
        return row | {"clock_periods": periods, "ahead_ms": list(clock.ahead_ms or ())}

    return _change(database, ref, changed)


def retire(database: Database, ref: str, now_ms: int) -> Device:
    """The device, refused for good; its history stays. Raises NotFound."""
    return _change(database, ref, lambda row, _: row | {"retired_at_ms": row.get("retired_at_ms") or now_ms})


def ensure_indexes(database: Database) -> None:
    numbers.ensure_indexes(database)
    database["devices"].create_index("seq", name="seq")
    database["devices"].create_index([("vendor", 1), ("_id", 1)], name="vendor")
    database["devices"].create_index("bindings.person", name="person")


def _rebind(database: Database, ref: str, apply: Callable[[Device, ClientSession], tuple[Binding, ...]]) -> Device:
    def rebound(row: Document, session: ClientSession) -> Document:
        return row | {"bindings": [_binding_row(one) for one in apply(_device(row), session)]}

    return _change(database, ref, rebound)


def _change(database: Database, ref: str, apply: Callable[[Document, ClientSession], Document]) -> Device:
    def changed(session: ClientSession, number: int) -> Document:
        row = database["devices"].find_one({"_id": ref}, session=session)
        if row is None:
            raise NotFound(f"no device {ref}")
        new = _checked_device(apply(row, session) | {"seq": number})
        database["devices"].replace_one({"_id": ref}, new, session=session)
        return new

    return _device(numbers.change(database, changed))


def _new_row(draft: NewDevice, code: str, number: int, now_ms: int) -> Document:
    bindings = tuple(Binding(slot, person, None, None) for slot, person in draft.bindings)
    if any(one.overlaps(other) for i, one in enumerate(bindings) for other in bindings[:i]):
        raise InputInvalid("two people on one slot")
    row = {
        "_id": f"{draft.vendor}/{draft.name}",
        "vendor": draft.vendor,
        "name": draft.name,
        "format": draft.format,
        "model": draft.model,
        "made_on": draft.made_on.isoformat() if draft.made_on else None,
        "bindings": [_binding_row(one) for one in bindings],
        "is_suspended": False,
        "claim_code_hash": hash_of(code),
        "created_at_ms": now_ms,
        "seq": number,
    }
    return _checked_device(row)


def _checked_device(row: Document) -> Document:
    document = DeviceDocument(**{"id" if key == "_id" else key: value for key, value in row.items()})
    return _checked(
        document, f"{row['_id']!r} is not a device: vendor [a-z0-9-]{{1,32}}, device [A-Za-z0-9._:-]{{1,64}}"
    )


def _checked(document: DeviceDocument | VendorDocument, sentence: str) -> Document:
    try:
        document.validate()
    except ValidationError as error:
        raise InputInvalid(f"{sentence} ({', '.join(error.errors or ())})") from error
    plain: Document = document.to_mongo().to_dict()
    return plain


def _require_all(database: Database, collection: str, ids: set[str], session: ClientSession) -> None:
    found = {row["_id"] for row in database[collection].find({"_id": {"$in": list(ids)}}, {"_id": 1}, session=session)}
    if missing := sorted(ids - found):
        raise NotFound(f"no {_ONE_OF[collection]} {missing[0]}")


def _refuse_existing(database: Database, refs: list[str], session: ClientSession) -> None:
    there = database["devices"].find_one({"_id": {"$in": refs}}, {"_id": 1}, session=session)
    if there or len(set(refs)) < len(refs):
        raise AlreadyThere(f"device {there['_id'] if there else 'named twice'} exists")


def _device(row: Document) -> Device:
    made_on = row.get("made_on")
    bindings = (
        Binding(one.get("slot") or "", one["person"], one.get("since_ms"), one.get("until_ms"))
        for one in row.get("bindings") or ()
    )
    return Device(
        ref=row["_id"],
        vendor=row["vendor"],
        name=row["name"],
        format=row.get("format"),
        made_on=date.fromisoformat(made_on) if made_on else None,
        bindings=tuple(bindings),
        is_suspended=row["is_suspended"],
        seq=row["seq"],
        clock=_clock(row),
        model=row.get("model"),
        is_retired=row.get("retired_at_ms") is not None,
    )


def _clock(row: Document) -> Clock:
    periods = tuple(
        Period(one["from_device_ms"], one["offset_ms"], one["learned_at_ms"]) for one in row.get("clock_periods") or ()
    )
    ahead = row.get("ahead_ms")
    return Clock(periods, (ahead[0], ahead[1]) if ahead else None)


def _binding_row(binding: Binding) -> Document:
    return {
        "slot": binding.slot,
        "person": binding.person,
        "since_ms": binding.since_ms,
        "until_ms": binding.until_ms,
    }


def new_claim_code() -> str:
    """A code to claim a device with: four groups of four."""
    text = base64.b32encode(secrets.token_bytes(10)).decode()  # 80 random bits: a plain hash of it can't be guessed
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def hash_of(code: str) -> str:
    """What is stored of a claim code."""
    return hashlib.sha256(code.encode()).hexdigest()


def _starts_before_end(one: Binding, other: Binding) -> bool:
    return one.since_ms is None or other.until_ms is None or one.since_ms < other.until_ms
