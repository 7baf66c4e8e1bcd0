"""What a replay found: counts per data set, and each difference in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COLUMNS = ("items", "stored", "duplicate", "rejected", "compared", "differing")


@dataclass(slots=True)
class Score:
    """``compared`` counts numbers and counts that were checked against what came back."""

    name: str
    items: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    compared: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def differing(self) -> int:
        return len(self.differences)

    def add(self, verdict: dict[str, Any]) -> None:
        """Counts a first sending."""
        self.stored += verdict["stored"]
        self.duplicate += verdict["duplicate"]
        self.rejected += verdict["rejected_count"]
        for name in ("corrected", "held"):
            self.check(f"{name} of a first sending", verdict[name], 0)

    def check(self, what: str, found: Any, expected: Any) -> None:
        self.compared += 1
        if found != expected:
            self.differences.append(f"{self.name}: {what}: expected {expected!r}, found {found!r}")

    def check_near(self, what: str, found: Any, expected: float, tolerance: float) -> None:
        self.compared += 1
        if not isinstance(found, int | float) or abs(found - expected) > tolerance:
            self.differences.append(f"{self.name}: {what}: expected {expected!r} ± {tolerance:g}, found {found!r}")


def table(scores: list[Score]) -> str:
    """One line a data set."""
    width = max(len(one.name) for one in scores)
    head = f"{'data set':{width}}" + "".join(f"{name:>11}" for name in COLUMNS)
    lines = [f"{one.name:{width}}" + "".join(f"{getattr(one, name):>11,}" for name in COLUMNS) for one in scores]
    return "\n".join([head, *lines])
