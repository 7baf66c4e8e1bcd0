"""How fast a life is read back over HTTP: a raw day, and eighty years of heart rate each minute as months."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import Client, client_of
from benchmarks.stack import Stack, running
from phr.clock import DAY_MS, now_ms, rfc3339
from phr.intake import devices

FIGURES = ("series_raw_day_p50_ms", "series_80y_months_p50_ms", "series_80y_minus_1y_ms", "api_worker_rss_mb")

# Loading takes minutes, so the eighty years are kept between runs; a change of what is loaded changes the name.
LIFE = Path(__file__).resolve().parent.parent / ".bench" / "life-3"
IS_LOADED = "loaded.json"
YEARS = 80
DAYS = YEARS * 365 + YEARS // 4
HEART_RATE = Wave("heart-rate", "/min", period_s=60, low=45, high=180, step=4)


def figures() -> Iterator[Figure]:
    if not (LIFE / IS_LOADED).exists():
        shutil.rmtree(LIFE, ignore_errors=True)  # a load that was cut off
    with running(LIFE) as stack:
        loaded = _loaded(stack)
        url = stack.start_api()
        client = client_of(stack, url, loaded["person"])
        yield from _raw_day(client, loaded["until_ms"])
        yield from _months(client, loaded["until_ms"])
        yield Figure("api_worker_rss_mb", stack.rss_mb("api"), "MB")


def _loaded(stack: Stack) -> dict[str, int | str]:
    marker = LIFE / IS_LOADED
    if not marker.exists():
        note(f"loading {DAYS * HEART_RATE.per_day:,} readings; this happens once")
        (ref,) = stack.register(1, made_on=date(1900, 1, 1))
        began = time.perf_counter()
        count = load_wave(stack, ref, HEART_RATE, DAYS, random.Random(1))
        note(f"{count:,} readings in {time.perf_counter() - began:.0f} s, summaries folded")
        device = devices.find(stack.database, ref)
        assert device
        until_ms = now_ms() // DAY_MS * DAY_MS
        marker.write_text(json.dumps({"person": device.bindings[0].person, "until_ms": until_ms}))
    found: dict[str, int | str] = json.loads(marker.read_text())
    return found


def _raw_day(client: Client, until_ms: int) -> Iterator[Figure]:
    noon = until_ms - 400 * DAY_MS
    span = {"from": rfc3339(noon), "to": rfc3339(noon + DAY_MS), "resolution": "raw"}
    rows = len(json.loads(client.get("series/heart-rate", **span))["columns"]["t"])
    if rows != HEART_RATE.per_day:
        raise RuntimeError(f"a day has {rows} readings")
    yield Figure("series_raw_day_p50_ms", client.p50_ms("series/heart-rate", **span), "ms")


def _months(client: Client, until_ms: int) -> Iterator[Figure]:
    """One year and eighty in turn, so that both meet the same weather."""
    spans = [
        {"from": rfc3339(until_ms - years * 365 * DAY_MS), "to": rfc3339(until_ms), "resolution": "month"}
        for years in (1, YEARS)
    ]
    lengths = [len(json.loads(client.get("series/heart-rate", **span))["columns"]["t"]) for span in spans]
    if not (lengths[0] in (12, 13) and lengths[1] >= YEARS * 12 - 1):
        raise RuntimeError(f"one year has {lengths[0]} months, eighty have {lengths[1]}")
    short, long = (client.p50_ms("series/heart-rate", **span) for span in spans)
    yield Figure("series_80y_months_p50_ms", long, "ms")
    yield Figure("series_80y_minus_1y_ms", long - short, "ms")
