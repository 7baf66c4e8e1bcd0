"""From a device's PUBLISH to the reading in the API's answer, and to the stored notice, while the house is busy.

Four seconds of the load pass before the first probe; what a cold start costs is not in the figure.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import Figure, note
from benchmarks.http_client import Client, client_of
from benchmarks.ingest import WORKERS
from benchmarks.load import load_process, start_load
from benchmarks.payloads import SingleHeartRate
from benchmarks.stack import Stack, running
from phr.clock import now_ms, rfc3339
from phr.intake import devices

FIGURES = ("publish_to_readable_p99_ms", "publish_to_notice_p99_ms")

RATE = 3_000  # messages a second: half of the floor for messages of one reading
RATE_OF_NOTICES = 5_000  # half of what must be taken in
DEVICES = 2_000
PROBES = 120
ALERTED = 200
WARM_UP_S = 4
PATIENCE_S = 30.0


def figures() -> Iterator[Figure]:
    yield from _readable()
    yield from _noticed()


def _noticed() -> Iterator[Figure]:
    """A pressure of 185/112 for one person after the other, each their first, until its notice is stored."""
    with running() as stack:
        stack.start_ingest(WORKERS)
        clients = stack.clients(stack.register(DEVICES + ALERTED))
        loaded, probes = clients[:DEVICES], clients[DEVICES:]
        with load_process() as pool:
            load = start_load(
                pool,
                stack.mosquitto.host,
                stack.mosquitto.port,
                loaded,
                SingleHeartRate(now_ms() - 10 * 86_400_000),
                duration_s=WARM_UP_S + ALERTED * 0.15,
                rate=RATE_OF_NOTICES,
            )
            time.sleep(WARM_UP_S)
            taken = _alerted(stack, probes)
            report = load.result()
        middle, most = statistics.median(taken), taken[-1]
        note(f"under {report.messages_per_s:.0f} messages/s of load: median {middle:.0f} ms, longest {most:.0f} ms")
        yield Figure("publish_to_notice_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")


def _alerted(stack: Stack, probes: list[tuple[str, str, str]]) -> list[float]:
    user, password, _ = probes[0]
    sender = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    sender.username_pw_set(user, password)
    sender.connect(stack.mosquitto.host, stack.mosquitto.port)
    sender.loop_start()
    taken = []
    for _, _, topic in probes:
        device = devices.find(stack.database, "/".join(topic.split("/")[2:4]))
        assert device
        value = {"systolic": 185, "diastolic": 112}
        reading = {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"}
        began = time.perf_counter()
        sender.publish(topic, json.dumps({"readings": [reading]}), qos=1)
        while stack.database["notices"].find_one({"person": device.bindings[0].person}, {"_id": 1}) is None:
            if time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError("a notice was never stored")
            time.sleep(0.002)
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.03)
    sender.disconnect()
    sender.loop_stop()
    return sorted(taken)


def _readable() -> Iterator[Figure]:
    with running() as stack:
        stack.start_ingest(WORKERS)
        client_url = stack.start_api()
        clients = stack.clients(stack.register(DEVICES + 1))
        *loaded, probe = clients
        device = devices.find(stack.database, "/".join(probe[2].split("/")[2:4]))
        assert device
        reader = client_of(stack, client_url, device.bindings[0].person)
        seconds = PROBES * 0.25
        with load_process() as pool:
            start = now_ms() - 10 * 86_400_000
            load = start_load(
                pool,
                stack.mosquitto.host,
                stack.mosquitto.port,
                loaded,
                SingleHeartRate(start),
                duration_s=seconds,
                rate=RATE,
            )
            time.sleep(WARM_UP_S)  # every device has sent by then
            taken = _probe(stack, probe, reader)
            report = load.result()
    middle, most = statistics.median(taken), taken[-1]
    note(f"under {report.messages_per_s:.0f} messages/s of load: median {middle:.0f} ms, longest {most:.0f} ms")
    yield Figure("publish_to_readable_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")


def _probe(stack: Stack, probe: tuple[str, str, str], reader: Client) -> list[float]:
    """Milliseconds from PUBLISH to answer of one reading after another, in order of length."""
    user, password, topic = probe
    sender = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    sender.username_pw_set(user, password)
    sender.connect(stack.mosquitto.host, stack.mosquitto.port)
    sender.loop_start()
    taken = []
    first_ms = now_ms() - 3_600_000
    for number in range(PROBES // 2):
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
    sender.disconnect()
    sender.loop_stop()
    return sorted(taken)
