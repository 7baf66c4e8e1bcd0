"""From a device's PUBLISH to the value standing on an open page: broker, worker, change stream, the page's own look."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator

import paho.mqtt.client as mqtt
from playwright.sync_api import Page, sync_playwright

from benchmarks import Figure, note
from benchmarks.browsing import CHROMIUM, LOGIN, PASSWORD, log_in
from benchmarks.stack import running
from phr.clock import now_ms
from phr.people import logins

FIGURES = ("publish_to_drawn_p50_ms", "publish_to_drawn_p99_ms")

READINGS = 40


def figures() -> Iterator[Figure]:
    with running() as stack:
        (client,) = stack.clients(stack.register(1))
        topic = client[2]
        logins.create(stack.database, LOGIN, PASSWORD, stack.person_of("/".join(topic.split("/")[2:4])))
        stack.start_ingest(1)
        url = stack.start_api()
        with stack.device(client) as sender, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(locale="zh-CN", viewport={"width": 390, "height": 844})
            log_in(page, url)
            page.goto(f"{url}/app/today")
            page.wait_for_timeout(1_000)  # the stream is open by then
            _drawn_ms(page, sender, topic, 99)  # the page loads itself anew for its first tile
            page.wait_for_timeout(1_000)
            taken = sorted(_drawn_ms(page, sender, topic, 100 + number) for number in range(READINGS))
            browser.close()
        note(f"longest {taken[-1]:.0f} ms")
        yield Figure("publish_to_drawn_p50_ms", statistics.median(taken), "ms")
        yield Figure("publish_to_drawn_p99_ms", taken[int(len(taken) * 0.99) - 1], "ms")


def _drawn_ms(page: Page, sender: mqtt.Client, topic: str, systolic: int) -> float:
    value = {"systolic": systolic, "diastolic": 71}
    reading = {"metric": "blood-pressure", "t": now_ms(), "value": value, "unit": "mm[Hg]"}
    began = time.perf_counter()
    sender.publish(topic, json.dumps({"readings": [reading]}), qos=1)
    page.locator(".tile .value", has_text=f"{systolic}/71").first.wait_for(timeout=30_000)
    return (time.perf_counter() - began) * 1000
