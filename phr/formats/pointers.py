"""Where a rejection lies, in the words of a format that spells a reading's fields in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from phr.formats.building import Item, take
from phr.vocabulary.reading import Decoded

Names = Mapping[str, str]


def take_named(decoded: Decoded, item: Item, names: Callable[[], Names]) -> None:
    """``take``, with the pointer of what is refused or quarantined as the payload has it.

    ``names``, asked only then: a pointer below the item as ``take`` spells it -> the whole pointer in the payload.
    What is not named follows the nearest that is ("/value" for "/value/values/3"), else it stays.
    """
    runs, rejections = len(decoded.runs), len(decoded.rejections)
    take(decoded, item)
    if len(decoded.runs) > runs:
        return
    if len(decoded.rejections) > rejections:
        kept = decoded.rejections[-1]
        decoded.rejections[-1] = replace(kept, path=_spelled(kept.path, item, names()))
    else:
        last = decoded.quarantined[-1]
        path = _spelled(last.rejection.path, item, names())
        decoded.quarantined[-1] = replace(last, rejection=replace(last.rejection, path=path))


def _spelled(path: str, item: Item, names: Names) -> str:
    below = path[len(item.path) :]
    while below and below not in names:
        below = below.rpartition("/")[0]
    return names.get(below, path)
