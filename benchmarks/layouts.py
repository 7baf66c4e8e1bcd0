"""Layouts of a bucket compared, database alone: what an update costs the server, and what bytes remain.

Blind writes of minute heart rate, one reading a write or sixty, majority-journaled, as docs/decisions/0001 and 0003
weigh them. Nothing here is how the record writes; it shows why it writes as it does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from pymongo import InsertOne, MongoClient, UpdateOne, WriteConcern
from pymongo.collection import Collection

from benchmarks import Figure, note
from benchmarks.stack import Stack, running
from phr.clock import MINUTE_MS
from phr.database import Document
from phr.readings.columns import pack, pack_increasing

PEOPLE = 500
BATCH = 500

Write = UpdateOne | InsertOne[Document]
Layout = Callable[[str, int, Sequence[int]], Write]  # (bucket key, first minute of the day, values)


def _document_each(key: str, first: int, values: Sequence[int]) -> Write:
    return InsertOne({"_id": f"{key}:{first}", "p": key, "t": first * MINUTE_MS, "v": values[0]})


def _field_each(key: str, first: int, values: Sequence[int]) -> Write:
    fields = {f"s.{(first + i) // 60}.{(first + i) % 60}": value for i, value in enumerate(values)}
    return UpdateOne({"_id": key}, {"$set": fields}, upsert=True)


def _chunk(key: str, first: int, values: Sequence[int]) -> Write:
    t = [(first % 60 + i) * MINUTE_MS for i in range(len(values))]
    chunk = {"n": len(t), "e": t[-1], "t": pack_increasing(t), "v": pack(list(values))}
    return UpdateOne({"_id": key}, {"$set": {f"c.{first // 60}": chunk}}, upsert=True)


def _guarded_chunk(key: str, first: int, values: Sequence[int]) -> Write:
    plain = _chunk(key, first, values)
    version = first // len(values)
    fields: Document = plain._doc["$set"]  # type: ignore[index]
    return UpdateOne({"_id": key, "v": version}, {"$set": fields | {"v": version + 1}}, upsert=True, hint="_id_")


LAYOUTS: dict[str, Layout] = {
    "document_each": _document_each,
    "field_each": _field_each,
    "chunk": _chunk,
    "guarded_chunk": _guarded_chunk,
}
SIZES = {1: 60, 60: 24}  # readings a write -> writes a bucket
# A document holds one reading, so sixty a write are sixty of them: nothing to compare.
KINDS = [(name, size) for size in SIZES for name in LAYOUTS if (name, size) != ("document_each", 60)]
RETRIED = "layout_guarded_chunk_retried_writes_per_s"
FIGURES = (*(f"layout_{name}_{size}_writes_per_s" for name, size in KINDS), RETRIED)


def figures() -> Iterator[Figure]:
    with running() as stack:
        for name, size in KINDS:
            rate = _measure(stack, LAYOUTS[name], size, retries=False)
            yield Figure(f"layout_{name}_{size}_writes_per_s", rate, "writes/s")
        yield Figure(RETRIED, _measure(stack, _guarded_chunk, 1, retries=True), "writes/s")


def _measure(stack: Stack, layout: Layout, size: int, *, retries: bool) -> float:
    writes = SIZES[size]
    with MongoClient[Document](stack.mongod.uri, retryWrites=retries) as client:
        concern = WriteConcern(w="majority", j=True)
        collection = client.get_database("layouts", write_concern=concern)["buckets"]
        collection.drop()
        cpu, began = stack.cpu_s()["mongod"], time.perf_counter()
        for number in range(writes):
            _write_round(collection, layout, number * size, size)
        took_s = time.perf_counter() - began
        count = writes * PEOPLE
        cpu_us = (stack.cpu_s()["mongod"] - cpu) / count * 1e6
        client.admin.command("fsync")
        stats = client["layouts"].command("collStats", "buckets")
        size_bytes = (stats["storageSize"] + stats["totalIndexSize"]) / (count * size)
        name = layout.__name__[1:]
        note(f"{name}, {size} a write: {cpu_us:.0f} us of mongod a write, {size_bytes:.1f} bytes a reading")
        return count / took_s


def _write_round(collection: Collection[Document], layout: Layout, first: int, size: int) -> None:
    keys = [f"person{n:04}:heart-rate:20261123" for n in range(PEOPLE)]
    writes = [layout(key, first, [60 + (n * 7 + i) % 60 for i in range(size)]) for n, key in enumerate(keys)]
    for low in range(0, len(writes), BATCH):
        collection.bulk_write(writes[low : low + BATCH], ordered=False)
