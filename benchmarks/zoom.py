"""Every zoom of eighty years: pulse from a watch and a strap that take turns, and weight; up to 20,000 rows."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import Client, client_of
from benchmarks.stack import VENDOR, Stack, running
from phr.clock import DAY_MS, now_ms, rfc3339
from phr.intake import devices
from phr.intake.devices import NewDevice

FIGURES = ("zoom_p50_ms", "zoom_merged_p50_ms")

LIFE = Path(__file__).resolve().parent.parent / ".bench" / "zoom-1"
IS_LOADED = "loaded.json"
YEARS = 80
DAYS = YEARS * 365 + YEARS // 4
WATCH = Wave("heart-rate", "/min", period_s=1_800, low=45, high=180, step=4)
STRAP = Wave("heart-rate", "/min", period_s=7_200, low=45, high=180, step=4)
SPO2 = Wave("spo2", "%", period_s=3_600, low=90, high=100, step=1)
WEIGHT = Wave("weight", "kg", period_s=86_400, low=60, high=90, step=1, decimals=1)
WAVES = {"watch": ("d0", WATCH), "spo2": ("d0", SPO2), "weight": ("d0", WEIGHT), "strap": ("strap", STRAP)}
REPEATS = 20  # of each zoom; there are many
# metric, resolution, days: as many as make 20,000 rows, and what a screen shows
ZOOMS = [
    ("raw", (1, 333, 833)),
    ("hour", (1, 30, 833)),
    ("day", (30, 365, 20_000)),
    ("week", (365, DAYS)),
    ("month", (365, DAYS)),
    ("year", (DAYS,)),
    ("auto", (1, 30, 365, 3_650, DAYS)),
]


def figures() -> Iterator[Figure]:
    if not (LIFE / IS_LOADED).exists():
        shutil.rmtree(LIFE, ignore_errors=True)  # a load that was cut off
    with running(LIFE) as stack:
        known = loaded(stack)
        client = client_of(stack, stack.start_api(), str(known["person"]))
        client.repeats = REPEATS
        until_ms = int(known["until_ms"])
        yield Figure("zoom_p50_ms", max(_slowest(client, until_ms, metric) for metric in ("spo2", "weight")), "ms")
        yield Figure("zoom_merged_p50_ms", _slowest(client, until_ms, "heart-rate"), "ms")


def _slowest(client: Client, until_ms: int, metric: str) -> float:
    slowest = 0.0
    for resolution, spans in ZOOMS:
        for days in spans:
            span = {"from": rfc3339(until_ms - days * DAY_MS), "to": rfc3339(until_ms), "resolution": resolution}
            began = time.perf_counter()
            rows = len(json.loads(client.get(f"series/{metric}", **span))["columns"]["t"])
            first_ms = (time.perf_counter() - began) * 1000
            p50 = client.p50_ms(f"series/{metric}", **span)
            note(f"{metric} {resolution} of {days} days: {rows} rows, p50 {p50:.1f} ms, at first {first_ms:.0f} ms")
            slowest = max(slowest, p50)
    return slowest


def loaded(stack: Stack) -> dict[str, Any]:
    """Wave after wave: a load that was cut off goes on with the next one."""
    known = _begun(stack)
    for name, (device, wave) in WAVES.items():
        if name not in known["loaded"]:
            began = time.perf_counter()
            count = load_wave(stack, f"{VENDOR}/{device}", wave, DAYS, random.Random(name))
            note(f"{name}: {count:,} readings in {time.perf_counter() - began:.0f} s, summaries folded")
            known["loaded"].append(name)
            (LIFE / IS_LOADED).write_text(json.dumps(known))
    return known


def _begun(stack: Stack) -> dict[str, Any]:
    marker = LIFE / IS_LOADED
    if not marker.exists():
        note("loading eighty years; this happens once")
        (watch,) = stack.register(1, made_on=date(1900, 1, 1))
        person = stack.person_of(watch)
        strap = NewDevice(vendor=VENDOR, name="strap", bindings=(("", person),), made_on=date(1900, 1, 1))
        devices.create_device(stack.database, strap, now_ms())
        marker.write_text(json.dumps({"person": person, "until_ms": now_ms() // DAY_MS * DAY_MS, "loaded": []}))
    known: dict[str, Any] = json.loads(marker.read_text())
    return known
