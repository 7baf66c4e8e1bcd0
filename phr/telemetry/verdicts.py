"""How a verdict is counted: the same for MQTT and HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from phr.telemetry.tally import Tally
from phr.vocabulary.reading import Rejection

OUTCOMES = ("stored", "duplicate", "corrected", "held")


class Judged(Protocol):
    """What the door in says of a payload."""

    stored: int
    duplicate: int
    corrected: int
    held: int
    rejected: list[Rejection]


def count_items(tally: Tally, verdicts: Sequence[Judged]) -> None:
    """Adds every item of the verdicts under its outcome, or under the code of its rejection."""
    for outcome in OUTCOMES:
        if amount := sum(getattr(one, outcome) for one in verdicts):
            tally.add("items", amount, outcome)
    for one in verdicts:
        for rejection in one.rejected:
            tally.add("items_rejected", rejection.count, rejection.code)
