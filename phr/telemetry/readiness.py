"""Whether the house can serve, judged from its roles' reports; pure."""

from __future__ import annotations

from collections.abc import Sequence

from phr.telemetry.reports import Report

INGEST_SILENT_MS = 15_000
SCHEDULER_SILENT_MS = 60_000
QUEUE_FULL_SHARE = 0.8

BROKER_BYTES = "broker_stored_bytes"
BROKER_LIMIT = "broker_limit_bytes"
BROKER_DROPPED = "broker_dropped_messages"


def live(reports: Sequence[Report], role: str, now_ms: int) -> list[Report]:
    """The reports of a role's processes that still speak."""
    silent_ms = SCHEDULER_SILENT_MS if role == "scheduler" else INGEST_SILENT_MS
    return [one for one in reports if one.role == role and now_ms - one.at_ms < silent_ms]


def broker_levels(reports: Sequence[Report], now_ms: int) -> dict[str, float]:
    """What the worker that spoke last heard from the broker; empty where none has heard anything."""
    heard = [one for one in live(reports, "ingest", now_ms) if BROKER_BYTES in one.levels]
    if not heard:
        return {}
    levels = max(heard, key=lambda one: one.at_ms).levels
    return {name: value for name, value in levels.items() if name.startswith("broker_")}


def faults(reports: Sequence[Report], now_ms: int) -> dict[str, str]:
    """{dependency: what is wrong with it, in one sentence}; empty where all is well."""
    found = {}
    if not live(reports, "ingest", now_ms):
        found["ingest"] = f"no ingest worker has reported for {INGEST_SILENT_MS // 1000} s"
    if not live(reports, "scheduler", now_ms):
        found["scheduler"] = f"no scheduler has reported for {SCHEDULER_SILENT_MS // 1000} s"
    broker = broker_levels(reports, now_ms)
    limit = broker.get(BROKER_LIMIT, 0)
    if limit and broker[BROKER_BYTES] > QUEUE_FULL_SHARE * limit:
        share = 100 * broker[BROKER_BYTES] / limit
        found["mqtt"] = (
            f"the broker holds {share:.0f} % of the bytes that a queue may have; above 100 % it drops messages"
        )
    return found
