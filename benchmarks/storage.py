"""How many bytes a reading takes on disk: data and indexes after a checkpoint, zstd."""

from __future__ import annotations

import random
from collections.abc import Iterator

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.stack import Stack, running

FIGURES = ("store_dense_bytes_per_reading", "store_cgm_bytes_per_reading")

PEOPLE = 20
DAYS = 120


def figures() -> Iterator[Figure]:
    for name, wave in (
        ("store_dense_bytes_per_reading", Wave("heart-rate", "/min", period_s=60, low=45, high=180, step=4)),
        ("store_cgm_bytes_per_reading", Wave("glucose-interstitial", "mmol/L", 300, 3.0, 20.0, 0.3, decimals=1)),
    ):
        with running() as stack:
            refs = stack.register(PEOPLE)
            count = sum(load_wave(stack, ref, wave, DAYS, random.Random(n)) for n, ref in enumerate(refs))
            yield Figure(name, _bytes_on_disk(stack) / count, "bytes/reading")


def _bytes_on_disk(stack: Stack) -> int:
    """Of buckets, summaries, slices, views and the list of sources; a checkpoint brings the files to their size."""
    stack.database.client.admin.command("fsync")
    total = 0
    for name in ("readings", "summaries", "hours", "views", "sources"):
        rows = list(stack.database[name].aggregate([{"$collStats": {"storageStats": {}}}]))
        stats = rows[0]["storageStats"]
        note(f"{name}: data {stats['storageSize']:,} bytes, indexes {stats['totalIndexSize']:,} bytes")
        total += stats["storageSize"] + stats["totalIndexSize"]
    return total
