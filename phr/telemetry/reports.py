"""Reports of roles: one small document a role and slot, its totals kept over restarts, its levels while it lives.

Collection ``telemetry``: {_id: "role:slot", role, at_ms, c: {counter: {label: total}},
h: {histogram: {step: total, sum}}, levels: {name: value}}. Totals only ever grow: a restart
adds to them, as Prometheus expects of a counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pymongo import WriteConcern
from pymongo.errors import PyMongoError

from phr.database import Database, Document
from phr.telemetry.tally import Tally

REPORT_EVERY_MS = 5_000
# Counts are no record: a failover may take the last ones back, and they should cost the database little.
_CHEAP = WriteConcern(w=1, j=False)


@dataclass(frozen=True, slots=True)
class Report:
    role: str
    at_ms: int
    counters: Mapping[str, Mapping[str, float]]
    histograms: Mapping[str, Mapping[str, float]]
    levels: Mapping[str, float]


class Reporter:
    """Writes a process's tally into its role's report now and then."""

    def __init__(self, database: Database, role: str, slot: str, tally: Tally) -> None:
        self._reports = database.get_collection("telemetry", write_concern=_CHEAP)
        self._role = role
        self._id = f"{role}:{slot}"
        self._tally = tally
        self._written_ms = 0

    def is_due(self, now_ms: int) -> bool:
        return now_ms - self._written_ms >= REPORT_EVERY_MS

    def write(self, now_ms: int, levels: Mapping[str, float] | None = None) -> None:
        """Adds what was counted, and says that the role lives. Raises PyMongoError; then the counts are kept."""
        self._written_ms = now_ms
        amounts = self._tally.drain()
        update: Document = {"$set": {"role": self._role, "at_ms": now_ms, "levels": dict(levels or {})}}
        if amounts:
            update["$inc"] = amounts
        try:
            self._reports.update_one({"_id": self._id}, update, upsert=True)
        except PyMongoError:
            self._tally.take_back(amounts)
            raise


def all_reports(database: Database) -> list[Report]:
    """Every role's, also of those that are gone: their totals stay in the sums."""
    return [
        Report(row["role"], row["at_ms"], row.get("c", {}), row.get("h", {}), row.get("levels", {}))
        for row in database["telemetry"].find()
    ]


def last_ms(database: Database, role: str) -> int:
    """When a process of the role said last that it lives; 0: none ever did."""
    return max((int(row["at_ms"]) for row in database["telemetry"].find({"role": role}, {"at_ms": 1})), default=0)


def sums(reports: list[Report], kind: str) -> dict[str, dict[str, float]]:
    """{figure: {label or step: total}} over all; ``kind`` is "counters" or "histograms"."""
    totals: dict[str, dict[str, float]] = {}
    for report in reports:
        for name, parts in getattr(report, kind).items():
            of_name = totals.setdefault(name, {})
            for part, amount in parts.items():
                of_name[part] = of_name.get(part, 0) + amount
    return totals
