"""Reports of roles, as they would have written them."""

from __future__ import annotations

from collections.abc import Callable

from phr.clock import now_ms
from phr.database import Database
from phr.telemetry.reports import Report, Reporter
from phr.telemetry.tally import Tally


def reported(database: Database, role: str, slot: str = "0", count: Callable[[Tally], None] | None = None) -> None:
    """The role has just reported, with what ``count`` counts."""
    tally = Tally()
    if count:
        count(tally)
    Reporter(database, role, slot, tally).write(now_ms())


def a_report(role: str, at_ms: int, **levels: float) -> Report:
    return Report(role, at_ms, {}, {}, levels)
