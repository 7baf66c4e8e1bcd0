"""Rates that the registration of a vendor or a device sets otherwise than the installation."""

from __future__ import annotations

from phr.database import Database, Document
from phr.errors import InputInvalid, NotFound
from phr.intake.policy import Limits

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
    return {
        row["_id"]: Limits(row["limits"].get("messages_per_min"), row["limits"].get("readings_per_min")) for row in rows
    }


def ensure_indexes(database: Database) -> None:
    for collection in ("vendors", "devices"):
        database[collection].create_index("limits", name="limits", partialFilterExpression=IS_SET)
