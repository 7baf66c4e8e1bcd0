"""Rates: the installation's, and those that the registration of a vendor, a model or a device sets otherwise."""

from __future__ import annotations

from phr.config import Settings
from phr.database import Database, Document
from phr.errors import InputInvalid, NotFound
from phr.intake.policy import Limits, Plan

IS_SET = {"limits": {"$exists": True}}


def set_limits(database: Database, name: str, limits: Limits) -> None:
    """Of "vendor" or "vendor/device"; workers follow within seconds. Raises NotFound, InputInvalid."""
    given = {"messages_per_min": limits.messages_per_min, "readings_per_min": limits.readings_per_min}
    kept = {field: number for field, number in given.items() if number is not None}
    if any(number < 0 for number in kept.values()):
        raise InputInvalid("a rate is 0 (nothing is taken) or more a minute")
    change: Document = {"$set": {"limits": kept}} if kept else {"$unset": {"limits": ""}}
    collection = database["devices" if "/" in name else "vendors"]
    if not collection.update_one({"_id": name}, change).matched_count:
        raise NotFound(f"no vendor or device {name}")


def overrides(database: Database) -> dict[str, Limits]:
    """Everybody's that are set."""
    rows = [*database["vendors"].find(IS_SET, {"limits": 1}), *database["devices"].find(IS_SET, {"limits": 1})]
    return {row["_id"]: _limits(row) for row in rows}


def of(database: Database, name: str) -> Limits:
    """What the registration of "vendor" or "vendor/device" says. Raises NotFound."""
    row = database["devices" if "/" in name else "vendors"].find_one({"_id": name}, {"limits": 1})
    if row is None:
        raise NotFound(f"no vendor or device {name}")
    return _limits(row)


def of_devices(database: Database, vendor: str, limit: int, after: str = "") -> list[tuple[str, Limits]]:
    """A vendor's devices that have a rate of their own, in order of their refs, those after ``after``."""
    rows = database["devices"].find({"vendor": vendor, "_id": {"$gt": after}, **IS_SET}, {"limits": 1})
    return [(row["_id"], _limits(row)) for row in rows.sort("_id", 1).limit(limit)]


def of_models(database: Database) -> dict[str, Limits]:
    """Of each "vendor/model" that states how often its devices send."""
    rows = database["models"].find({"rate_per_min": {"$ne": None}}, {"rate_per_min": 1})
    return {row["_id"]: Limits(messages_per_min=row["rate_per_min"]) for row in rows}


def of_models_of(database: Database, vendor: str) -> dict[str, Limits]:
    """A vendor's models, by slug, that state how often their devices send."""
    rows = database["models"].find({"vendor": vendor, "rate_per_min": {"$ne": None}}, {"slug": 1, "rate_per_min": 1})
    return {row["slug"]: Limits(messages_per_min=row["rate_per_min"]) for row in rows}


def plan_of(settings: Settings) -> Plan:
    """The installation's rates; a setting of 0 is no limit."""
    return Plan(
        device=Limits(settings.device_messages_per_min or None, settings.device_readings_per_min or None),
        vendor=Limits(settings.vendor_messages_per_min or None, settings.vendor_readings_per_min or None),
        refused_per_min=settings.vendor_refused_per_min or None,
    )


def ensure_indexes(database: Database) -> None:
    for collection in ("vendors", "devices"):
        database[collection].create_index("limits", name="limits", partialFilterExpression=IS_SET)


def _limits(row: Document) -> Limits:
    said = row.get("limits") or {}
    return Limits(said.get("messages_per_min"), said.get("readings_per_min"))
