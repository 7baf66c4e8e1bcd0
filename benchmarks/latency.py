"""From a device's PUBLISH to the reading in the API's answer, and to the stored notice, while the house is busy.

Ten seconds of the load pass before the first probe; what a cold start costs is not in the figure.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import Future

from benchmarks import Figure, note
from benchmarks.http_client import Client, client_of
from benchmarks.ingest import WORKERS, Load, measure
from benchmarks.load import LoadReport, load_process, start_load
from benchmarks.payloads import SingleHeartRate
from benchmarks.stack import Stack, running
from phr.clock import DAY_MS, now_ms, rfc3339

FIGURES = ("publish_to_readable_p99_ms", "publish_to_notice_p99_ms")

RATE = 3_000  # messages a second: half of the floor for messages of one reading
CAPACITY = Load("1 reading a message", devices=2_000, messages_per_device=50, readings=1)
DEVICES = 2_000
PROBES = 120
ALERTED = 200
WARM_UP_S = 10
PAUSE_S = 0.1  # between two of them
LOADED_S = 55  # while it is probed
PATIENCE_S = 30.0


def figures() -> Iterator[Figure]:
    yield from _readable()
    yield from _noticed()


def _noticed() -> Iterator[Figure]:
    """A pressure of 185/112 for one person after the other, each their first, until its notice is stored.

    Beside it come half as many messages as the same house has just taken in as fast as it can. Both times the devices
    take turns, as they do in life: a burst of each is stored faster, since it shares a write.
    """
    with running() as stack:
        stack.start_ingest(WORKERS)
        clients = stack.clients(stack.register(CAPACITY.devices + ALERTED))
        loaded, probes = clients[: CAPACITY.devices], clients[CAPACITY.devices :]
        start_ms = now_ms() // DAY_MS * DAY_MS - 12 * DAY_MS
        later = SingleHeartRate(start_ms + CAPACITY.messages_per_device * SingleHeartRate(start_ms).step_ms)
        capacity = CAPACITY.messages / measure(stack, CAPACITY, loaded, start_ms, window=1)
        with load_process() as pool:
            load = start_load(
                pool,
                stack.mosquitto.host,
                stack.mosquitto.port,
                loaded,
                later,
                duration_s=LOADED_S,
                rate=capacity / 2,
            )
            time.sleep(WARM_UP_S)
            taken = _alerted(stack, probes, load)
            report = load.result()
        middle, most = statistics.median(taken), taken[-1]
        note(f"{capacity:.0f} messages/s were taken in; under {report.messages_per_s:.0f}: median {middle:.0f} ms")
        note(f"longest {most:.0f} ms")
        yield Figure("publish_to_notice_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")


def _alerted(stack: Stack, probes: list[tuple[str, str, str]], load: Future[LoadReport]) -> list[float]:
    """Milliseconds from PUBLISH to notice of one person after the other, in order of length, while the load lasts.

    The notice is heard of and not asked for: asking every few milliseconds would be a load of its own.
    """
    taken = []
    changes = [{"$match": {"operationType": "insert"}}]
    with (
        stack.device(probes[0]) as sender,
        stack.database["notices"].watch(changes, max_await_time_ms=100) as heard,
    ):
        for _, _, topic in probes:
            if load.done():
                break
            person = stack.person_of("/".join(topic.split("/")[2:4]))
            value = {"systolic": 185, "diastolic": 112}
            reading = {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"}
            began = time.perf_counter()
            sender.publish(topic, json.dumps({"readings": [reading]}), qos=1)
            while (one := heard.try_next()) is None or one["fullDocument"]["person"] != person:
                if time.perf_counter() - began > PATIENCE_S:
                    raise RuntimeError("a notice was never stored")
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_S)
    return sorted(taken)


def _readable() -> Iterator[Figure]:
    with running() as stack:
        stack.start_ingest(WORKERS)
        client_url = stack.start_api()
        clients = stack.clients(stack.register(DEVICES + 1))
        *loaded, probe = clients
        reader = client_of(stack, client_url, stack.person_of("/".join(probe[2].split("/")[2:4])))
        with load_process() as pool:
            start = now_ms() - 10 * DAY_MS
            load = start_load(
                pool,
                stack.mosquitto.host,
                stack.mosquitto.port,
                loaded,
                SingleHeartRate(start),
                duration_s=LOADED_S,
                rate=RATE,
            )
            time.sleep(WARM_UP_S)
            taken = _probe(stack, probe, reader, load)
            report = load.result()
    middle, most = statistics.median(taken), taken[-1]
    note(f"under {report.messages_per_s:.0f} messages/s of load: median {middle:.0f} ms, longest {most:.0f} ms")
    yield Figure("publish_to_readable_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")


def _probe(stack: Stack, probe: tuple[str, str, str], reader: Client, load: Future[LoadReport]) -> list[float]:
    """Milliseconds from PUBLISH to answer of one reading after another, in order of length, while the load lasts."""
    topic, taken = probe[2], []
    first_ms = now_ms() - 3_600_000
    with stack.device(probe) as sender:
        for number in range(PROBES):
            if load.done():
                break
            t_ms = first_ms + number * 1_000
            began = time.perf_counter()
            reading = {"metric": "heart-rate", "t": t_ms, "value": 70, "unit": "/min"}
            sender.publish(topic, json.dumps({"readings": [reading]}), qos=1)
            span = {"from": rfc3339(t_ms), "to": rfc3339(t_ms + 1), "resolution": "raw"}
            while not json.loads(reader.get("series/heart-rate", **span))["columns"]["t"]:
                if time.perf_counter() - began > PATIENCE_S:
                    raise RuntimeError("a reading never became visible")
                time.sleep(0.005)
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(0.05)
    return sorted(taken)
