"""Which of a person's sources of one metric is believed first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HAND = "hand"  # the source and the category of what is entered by hand


@dataclass(frozen=True, slots=True)
class Ranking:
    """``own``: the person's order, of sources and categories; ``usual``: the categories' order where it says nothing.

    ``category_of``: by source, where it has one. Sources of equal rank are told apart by who has more readings.
    ``is_alone``: there was but one source when it was asked.
    """

    own: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    category_of: Mapping[str, str] = field(default_factory=dict)
    is_alone: bool = False

    def rank(self, source: str) -> int:
        """The lower, the sooner it is believed."""
        category = HAND if source == HAND else self.category_of.get(source)
        for name in (source, category):  # its own name says more than its category
            if name in self.own:
                return self.own.index(name)
        if category in self.usual:
            return len(self.own) + self.usual.index(category)
        return len(self.own) + len(self.usual)


ALIKE = Ranking()
RankBy = Callable[[], Ranking]  # asks for it where it is needed, and once


def alike() -> Ranking:
    return ALIKE
