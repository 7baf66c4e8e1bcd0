"""Vendors and their devices: registered, found, suspended, retired; each change reaches every worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.intake.claim_codes import new_claim_code
from phr.intake.device import Binding, Device, binding_row, clock_of, clock_row, device_of
from phr.intake.device_clock import Clock
from phr.intake.documents import DeviceDocument, VendorDocument, checked
from phr.passwords import hash_of
from phr.people import numbers

MAPPED = "map:"  # begins the name of a format that is a vendor's stored mapping
_ONE_OF = {"vendors": "vendor", "people": "person", "mappings": "mapping"}


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
    row = checked(VendorDocument(id=slug, created_at_ms=now_ms), f"{slug!r} is not a vendor slug: [a-z0-9-]{{1,32}}")
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
        require_all(database, "vendors", {draft.vendor for draft in drafts}, session)
        require_all(database, "people", {person for draft in drafts for _, person in draft.bindings}, session)
        mapped = {one.format[len(MAPPED) :] for one in drafts if one.format and one.format.startswith(MAPPED)}
        require_all(database, "mappings", mapped, session)
        rows = [_new_row(draft, code, number, now_ms) for draft, code in zip(drafts, codes, strict=True)]
        _refuse_existing(database, [row["_id"] for row in rows], session)
        database["devices"].insert_many(rows, session=session)
        also(session)
        return rows

    rows = numbers.change(database, insert)
    return [Registered(device_of(row), code) for row, code in zip(rows, codes, strict=True)]


def find(database: Database, ref: str) -> Device | None:
    row = database["devices"].find_one({"_id": ref})
    return device_of(row) if row else None


def find_many(database: Database, refs: Iterable[str]) -> dict[str, Device]:
    """Those of the devices that exist, in one query."""
    return {row["_id"]: device_of(row) for row in database["devices"].find({"_id": {"$in": list(refs)}})}


def of_vendor(database: Database, vendor: str, limit: int, after: str = "") -> list[Device]:
    """A vendor's devices in order of their refs, those after ``after``."""
    found = database["devices"].find({"vendor": vendor, "_id": {"$gt": after}}).sort("_id", 1).limit(limit)
    return [device_of(row) for row in found]


def of_all(database: Database, prefix: str, limit: int, after: str = "") -> list[Device]:
    """Devices of all vendors whose ref begins so ("acme/", "acme/cuff-"), in order of refs, those after ``after``."""
    refs: Document = {"$gt": after} | ({"$gte": prefix, "$lt": f"{prefix}\U0010ffff"} if prefix else {})
    return [device_of(row) for row in database["devices"].find({"_id": refs}).sort("_id", 1).limit(limit)]


def vendors(database: Database) -> list[str]:
    """The slugs of all vendors, in order."""
    return [row["_id"] for row in database["vendors"].find({}, {"_id": 1}).sort("_id", 1)]


def of_person(database: Database, person: str) -> list[Device]:
    """The devices that the person has, or had, in order of their refs."""
    return [device_of(row) for row in database["devices"].find({"bindings.person": person}).sort("_id", 1)]


def suspend(database: Database, ref: str, *, is_suspended: bool) -> Device:
    """The device, refused or taken again. Raises NotFound."""
    return change_row(database, ref, lambda row, _: row | {"is_suspended": is_suspended})


def set_clock(database: Database, ref: str, change: Callable[[Clock], Clock]) -> Device:
    """The device with what ``change`` makes of its clock; every worker hears of it. Raises NotFound."""

    def changed(row: Document, session: ClientSession) -> Document:  # noqa: ARG001 - one shape for changes
        return row | clock_row(change(clock_of(row)))

    return change_row(database, ref, changed)


def retire(database: Database, ref: str, now_ms: int) -> Device:
    """The device, refused for good; its history stays. Raises NotFound."""
    return change_row(database, ref, lambda row, _: row | {"retired_at_ms": row.get("retired_at_ms") or now_ms})


def change_row(database: Database, ref: str, apply: Callable[[Document, ClientSession], Document]) -> Device:
    """The device with what ``apply`` makes of its row, in one transaction. Raises NotFound."""

    def changed(session: ClientSession, number: int) -> Document:
        row = database["devices"].find_one({"_id": ref}, session=session)
        if row is None:
            raise NotFound(f"no device {ref}")
        new = _checked_row(apply(row, session) | {"seq": number})
        database["devices"].replace_one({"_id": ref}, new, session=session)
        return new

    return device_of(numbers.change(database, changed))


def require_all(database: Database, collection: str, ids: set[str], session: ClientSession) -> None:
    """Raises NotFound for the first id that is not in the collection."""
    found = {row["_id"] for row in database[collection].find({"_id": {"$in": list(ids)}}, {"_id": 1}, session=session)}
    if missing := sorted(ids - found):
        raise NotFound(f"no {_ONE_OF[collection]} {missing[0]}")


def ensure_indexes(database: Database) -> None:
    numbers.ensure_indexes(database)
    database["devices"].create_index("seq", name="seq")
    database["devices"].create_index([("vendor", 1), ("_id", 1)], name="vendor")
    database["devices"].create_index("bindings.person", name="person")


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
        "bindings": [binding_row(one) for one in bindings],
        "is_suspended": False,
        "claim_code_hash": hash_of(code),
        "created_at_ms": now_ms,
        "seq": number,
    }
    return _checked_row(row)


def _refuse_existing(database: Database, refs: list[str], session: ClientSession) -> None:
    there = database["devices"].find_one({"_id": {"$in": refs}}, {"_id": 1}, session=session)
    if there or len(set(refs)) < len(refs):
        raise AlreadyThere(f"device {there['_id'] if there else 'named twice'} exists")


def _checked_row(row: Document) -> Document:
    document = DeviceDocument(**{"id" if key == "_id" else key: value for key, value in row.items()})
    return checked(
        document, f"{row['_id']!r} is not a device: vendor [a-z0-9-]{{1,32}}, device [A-Za-z0-9._:-]{{1,64}}"
    )
