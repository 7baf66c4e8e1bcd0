"""What a scheduler ticks: gathers whose readings have changed, judges who is due, looks whether alerts are over."""

from __future__ import annotations

from phr.care.rule import Rules
from phr.database import Database
from phr.plans.signatures import Signed
from phr.watching import gathering, judging, recovering


class Watcher:
    """Follows the signatures on rules; one a process, used from one thread at a time."""

    def __init__(self, database: Database, shipped: Rules) -> None:
        self._database = database
        self._signed = Signed(database, shipped)

    def watch_one(self, now_ms: int) -> bool:
        """One round of each; True where there may be more to do now."""
        rules = self._signed.rules(now_ms)
        has_more = gathering.gather_some(self._database, rules, now_ms)
        has_more = judging.judge_some(self._database, rules, now_ms) or has_more
        return recovering.look_one(self._database, rules, now_ms) or has_more
