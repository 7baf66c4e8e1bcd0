"""What a reader may see: names of categories; what is hidden bears one more, which few readers have.

An owner hides what a professional wrote: it gets the category "hidden:ORGANISATION", which that organisation's
professionals have in their sight. An owner, and who stands in for one, has ``HIDDEN``, which stands for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

HIDDEN = "hidden"


def hidden_but_from(organisation: str) -> str:
    return f"{HIDDEN}:{organisation}"


def is_hiding(category: str) -> bool:
    return category.startswith(HIDDEN)


def plain(categories: Iterable[str]) -> tuple[str, ...]:
    """The categories that grants name."""
    return tuple(one for one in categories if not is_hiding(one))


def is_within(categories: Iterable[str], sight: Collection[str]) -> bool:
    """True for one who may see all of the categories."""
    return all(one in sight or (is_hiding(one) and HIDDEN in sight) for one in categories)
