"""Measurements: one file per group of figures, and the load they are measured under.

A module here is a benchmark when it has
    FIGURES: tuple[str, ...]            the names it can print, so that `make bench ONLY=prefix` need not run it to know
    figures() -> Iterator[Figure]       one figure after the other
Benchmarks are found by looking into this folder. Figures go to standard output, all else that is worth knowing
(conditions, CPU shares, what limits) to standard error.
"""

from __future__ import annotations

import sys
from typing import NamedTuple


class Figure(NamedTuple):
    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        digits = 0 if abs(self.value) >= 1000 else 2
        return f"{self.name} {self.value:.{digits}f} {self.unit}"


def note(text: str) -> None:
    """What a reader of the figures should know; kept off standard output."""
    print(f"# {text}", file=sys.stderr, flush=True)
