"""A report of a protocol over HTTP: 90 days of a glucose sensor, a reading each five minutes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from benchmarks import Figure, note
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import client_of
from benchmarks.stack import running

FIGURES = ("cgm_report_90d_p50_ms",)

DAYS = 90
GLUCOSE = Wave("glucose-interstitial", "mmol/L", 300, 3.0, 20.0, 0.3, decimals=1)
LEAST_READINGS = 88 * GLUCOSE.per_day  # the days of the load are UTC's, those of the report the person's
REPEATS = 100


def figures() -> Iterator[Figure]:
    with running() as stack:
        (ref,) = stack.register(1)
        load_wave(stack, ref, GLUCOSE, DAYS, random.Random(1))
        client = client_of(stack, stack.start_api(), stack.person_of(ref))
        client.repeats = REPEATS
        count = json.loads(client.get("reports/cgm", days=DAYS))["report"]["basis"]["n"]
        note(f"{count:,} readings in the report")
        if count < LEAST_READINGS:
            raise RuntimeError(f"the report has {count:,} readings")
        yield Figure("cgm_report_90d_p50_ms", client.p50_ms("reports/cgm", days=DAYS), "ms")
