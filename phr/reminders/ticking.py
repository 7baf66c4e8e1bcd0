"""What a scheduler does about reminders at each tick; any number of schedulers side by side."""

from __future__ import annotations

from phr.database import Database
from phr.reminders import claiming, entering, replanning, settling


def tell_some(database: Database, now_ms: int) -> bool:
    """One round of what is due; True where there was some, so that the next round may find more."""
    return claiming.claim_some(database, now_ms) > 0


def follow_up(database: Database, now_ms: int) -> bool:
    """One round of what people did and how they have changed; True where something is left to look at."""
    has_changed = replanning.replan_some(database, now_ms)
    settling.meet_readings(database, now_ms)
    closed = settling.close_some(database, now_ms)
    entered = entering.enter_some(database, now_ms)
    return has_changed or bool(closed or entered)


def sweep(database: Database, now_ms: int) -> bool:
    """Looks at entries for what is open; once a tick."""
    settling.sweep(database, now_ms)
    return False
