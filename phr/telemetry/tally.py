"""One process's counts since it last wrote them down."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable

from phr.telemetry.figures import HISTOGRAMS


def step_name(bound: float) -> str:
    """A bound as a field's name: MongoDB's paths are cut at dots."""
    return f"{bound:g}".replace(".", "_")


_NAMES = {name: [*(step_name(bound) for bound in steps.bounds), "inf"] for name, steps in HISTOGRAMS.items()}


class Tally:
    """Safe from several threads. What it gives are amounts to be added, so that totals outlive the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._amounts: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, amount: int = 1, label: str = "all") -> None:
        with self._lock:
            self._amounts[f"c.{name}.{label}"] += amount

    def observe(self, name: str, values: Iterable[float]) -> None:
        """Puts each value into its step."""
        bounds, names, all_values = HISTOGRAMS[name].bounds, _NAMES[name], list(values)
        steps = Counter([bisect_left(bounds, value) for value in all_values])
        with self._lock:
            for step, count in steps.items():
                self._amounts[f"h.{name}.{names[step]}"] += count
            self._amounts[f"h.{name}.sum"] += sum(all_values)

    def drain(self) -> dict[str, float]:
        """What was counted since the last call, by field of a stored report."""
        with self._lock:
            amounts, self._amounts = self._amounts, defaultdict(float)
        return {field: amount for field, amount in amounts.items() if amount}

    def take_back(self, amounts: dict[str, float]) -> None:
        """Amounts that could not be written; the next ``drain`` gives them again."""
        with self._lock:
            for field, amount in amounts.items():
                self._amounts[field] += amount
