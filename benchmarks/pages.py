"""Pages in a real browser: first paint, bytes over the wire, eighty years at hand, frames while they are zoomed.

The life is that of ``benchmarks.zoom``. Each page is opened by a browser that has nothing of it yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import Figure, note
from benchmarks.browsing import CHROMIUM, LOGIN, PASSWORD, log_in
from benchmarks.stack import running
from benchmarks.zoom import LIFE, loaded
from phr.errors import AlreadyThere
from phr.people import logins

FIGURES = ("page_first_paint_ms", "page_transferred_kb", "life_interactive_ms", "life_frames_per_s")

PATHS = ("/", "/app/today", "/app/add", "/app/learn", "/app/sharing", "/app/reminders", "/app/people/me")
DESKTOP = {"width": 1366, "height": 768}
ZOOM_S = 4.0
# Frames that were drawn while wheels turned and hands dragged; the browser tells of each.
_FRAMES = """seconds => new Promise((resolve) => {
  const chart = document.querySelector(".chart"), box = chart.getBoundingClientRect();
  const times = [];
  let turn = 0;
  const began = performance.now();
  function step(now) {
    times.push(now);
    if (now - began > seconds * 1000) return resolve(times);
    turn += 1;
    const deep = Math.floor(turn / 60) % 2 ? 40 : -40;
    const at = { clientX: box.left + box.width * 0.8, clientY: box.top + 200 };
    chart.dispatchEvent(new WheelEvent("wheel", { deltaY: deep, bubbles: true, cancelable: true, ...at }));
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);
})"""


def figures() -> Iterator[Figure]:
    with running(LIFE) as stack:
        person = str(loaded(stack)["person"])
        with suppress(AlreadyThere):  # of an earlier run
            logins.create(stack.database, LOGIN, PASSWORD, person)
        url = stack.start_api()
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            with _page(browser) as page:
                log_in(page, url)
                kept: Any = page.context.storage_state()
            paints, sizes = [], []
            for path in PATHS:
                with _page(browser, kept) as page:
                    paint, size = _opened(page, url + path)
                    note(f"{path}: first paint {paint:.0f} ms, {size / 1024:.0f} KB")
                    paints.append(paint)
                    sizes.append(size)
            yield Figure("page_first_paint_ms", max(paints), "ms")
            yield Figure("page_transferred_kb", max(sizes) / 1024, "KB")
            with _page(browser, kept) as page:
                page.goto(f"{url}/app/people/me")
                page.wait_for_selector("#life[data-ready=true]")
                yield Figure("life_interactive_ms", float(page.evaluate("Number(life.dataset.readyMs)")), "ms")
                times = page.evaluate(_FRAMES, ZOOM_S)
                gaps = sorted(b - a for a, b in pairwise(times))
                note(f"longest frames {', '.join(f'{gap:.0f}' for gap in gaps[-3:])} ms")
                yield Figure("life_frames_per_s", (len(times) - 1) * 1000 / (times[-1] - times[0]), "frames/s")
            browser.close()


@contextmanager
def _page(browser: Browser, kept: Any = None) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN", storage_state=kept)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def _opened(page: Page, address: str) -> tuple[float, int]:
    """Milliseconds to the first contentful paint, and bytes over the wire until the page rests."""
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    size = 0

    def add(event: dict[str, Any]) -> None:
        nonlocal size
        size += event["encodedDataLength"]

    wire.on("Network.loadingFinished", add)
    page.goto(address, wait_until="load")
    page.wait_for_timeout(1_500)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN")
    return float(paint), size
