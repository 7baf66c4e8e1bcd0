"""JSON of strangers, item by item: an array, one object after the other (NDJSON), or a list within an object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

import ijson
import msgspec
from ijson.common import ObjectBuilder

from phr.errors import PayloadUnreadable
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import source_name
from phr.vocabulary.metrics import Vocabulary, vocabulary
from phr.vocabulary.reading import Decoded, Quarantined, Rejection, Run

ITEMS_A_BATCH = 2_000
HELD_A_BATCH = 8 * 2**20
LARGEST_ITEM_EVENTS = 500_000
LONGEST_TEXT_BYTES = 16 * 2**20
DEEPEST = 64
BUFFER_BYTES = 64 * 1024

_OPENS, _CLOSES = ("start_map", "start_array"), ("end_map", "end_array")


class Found(NamedTuple):
    """One item, and its JSON pointer (in NDJSON: the number of its line)."""

    path: str
    value: Any


Take = Callable[[Batch, Found], None]
Decode = Callable[[bytes, Vocabulary], Decoded]


def batches(file: BinaryIO, take: Take, inner: str | None = None) -> Iterator[Batch]:
    """A batch for every ITEMS_A_BATCH items, or HELD_A_BATCH characters in them; ``take`` adds what an item holds.

    Raises as ``items``.
    """
    batch = Batch()
    for found in items(file, inner):
        take(batch, found)
        batch.records += 1
        if batch.records >= ITEMS_A_BATCH or batch.held >= HELD_A_BATCH:
            yield batch
            batch = Batch()
    yield batch


def payloads(file: BinaryIO, wish: Wish, decode: Decode) -> Iterator[Batch]:
    """Items that are payloads of a format that devices send too. Raises as ``items``."""

    def take(batch: Batch, found: Found) -> None:
        try:
            decoded = decode(msgspec.json.encode(found.value), vocabulary())
        except (PayloadUnreadable, RecursionError, ValueError) as error:
            detail = error.detail if isinstance(error, PayloadUnreadable) else "not what this format holds"
            batch.of("file").rejections.append(Rejection(found.path, "payload-unreadable", detail))
        else:
            add(batch, decoded, found.path, wish.salt)

    return batches(file, take)


def items(file: BinaryIO, inner: str | None = None) -> Iterator[Found]:
    """Every item; those of the list ``inner`` of a top object one by one, and the object without them after them.

    Raises FileBroken: no JSON, or neither an array nor objects, cut off, an item too large or too deep.
    """
    bounded = _Bounded(file)
    try:
        yield from _items(bounded, inner)
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        raise FileBroken(f"not JSON, at about byte {bounded.total}: {str(error).splitlines()[0][:100]}") from error


def add(batch: Batch, decoded: Decoded, path: str, salt: str) -> None:
    """What a payload's decoder gave, each reading under the device that it names."""
    for run in decoded.runs:
        batch.of(_source(run, decoded, salt)).runs.append(_placed(run, path))
    for one in decoded.quarantined:
        why = Rejection(path + one.rejection.path, one.rejection.code, one.rejection.detail)
        batch.of(_source(one.run, decoded, salt)).quarantined.append(Quarantined(_placed(one.run, path), why))
    for refused in decoded.rejections:
        batch.of("file").rejections.append(Rejection(path + refused.path, refused.code, refused.detail, refused.count))


def _source(run: Run, decoded: Decoded, salt: str) -> str:
    name = run.device or decoded.device
    run.device = None
    return source_name(salt, "device", name) if name else "file"


def _placed(run: Run, path: str) -> Run:
    run.path = path + run.path
    for extra in run.extras.values():
        extra.pop("id", None)  # an id that a client made stands for what was entered by hand, and this was not
    return run


def _items(bounded: _Bounded, inner: str | None) -> Iterator[Found]:  # noqa: PLR0912 - one event, one place
    """Events of the parser put together: ``outer`` is the object at the top, ``part`` an item of its inner list."""
    outer, part = ObjectBuilder(), None
    is_list, depth, number, part_number, size = False, 0, 0, 0, 0
    key, inner_at = None, 0  # the latest name in the top object; the depth of the inner list's items, while one is open
    for event, value in ijson.basic_parse(bounded, multiple_values=True, use_float=True, buf_size=BUFFER_BYTES):
        bounded.since = 0
        size += 1
        top = 1 if is_list else 0
        if event in _CLOSES:
            depth -= 1
        if event == "start_array" and depth == 0 and not is_list:
            is_list, depth = True, 1
            continue
        if event == "end_array" and is_list and depth == 0:
            is_list = False
            continue
        if inner_at and event == "end_array" and depth == inner_at - 1:
            inner_at = 0
        if inner_at:
            part = part or ObjectBuilder()
            part.event(event, value)
            if depth == inner_at and event not in _OPENS:
                yield Found(f"/{number}/{inner}/{part_number}" if is_list else f"/{inner}/{part_number}", part.value)
                part, part_number, size = None, part_number + 1, 0
        else:
            outer.event(event, value)
            if event == "start_array" and depth == top + 1 and key == inner and inner is not None:
                inner_at, part_number = depth + 1, 0
        if event == "map_key" and depth == top + 1:
            key = value
        if event in _OPENS:
            depth += 1
        elif depth == top and event != "map_key":
            if not is_list and event not in _CLOSES:
                raise FileBroken("neither an array nor objects")
            yield Found(f"/{number}", outer.value)
            outer, number, size = ObjectBuilder(), number + 1, 0
        if depth > DEEPEST or size > LARGEST_ITEM_EVENTS:
            raise FileBroken(f"an item that is nested deeper than {DEEPEST}, or holds more than anybody could look at")


class _Bounded:
    """Gives bytes as long as the parser makes something of them: a text without end would fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.total = 0
        self.since = 0

    def read(self, size: int = -1) -> bytes:
        if self.since > LONGEST_TEXT_BYTES:
            raise FileBroken(f"a text longer than {LONGEST_TEXT_BYTES} bytes, at about byte {self.total}")
        found = self._file.read(size)
        self.total += len(found)
        self.since += len(found)
        return found
