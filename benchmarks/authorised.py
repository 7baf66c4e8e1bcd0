"""A doctor reads a resident's day: token, grant through a team, a line in the access log, 288 raw readings, over HTTP.

The share of the grant and of the line is told by two more series of requests in the same run: the owner's own (whose
decision asks nothing of the database) and the same read in the process itself, with and without its line.
"""

from __future__ import annotations

import multiprocessing
import random
import selectors
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from typing import cast
from urllib.parse import urlsplit

from benchmarks import Figure, note
from benchmarks.granting import granted
from benchmarks.history import Wave, load_wave
from benchmarks.http_client import client_of
from benchmarks.stack import Stack, running
from phr import clock
from phr.clock import DAY_MS, now_ms, rfc3339
from phr.people import access
from phr.people.access import Ask, Caller

FIGURES = (
    "authorised_series_p50_ms",
    "authorised_series_per_s",
    "authorised_series_busy_p50_ms",
    "authorised_check_and_line_p50_ms",
)

CGM = Wave("glucose-interstitial", "mmol/L", period_s=300, low=4, high=12, step=1, decimals=1)
DAYS = 14
WORKERS = 2
CONNECTIONS = 16  # each asks for another resident
WARM_UP_S, MEASURED_S = 2.0, 6.0
TURNS = 400


def figures() -> Iterator[Figure]:
    with running() as stack:
        owners = [_resident(stack, ref) for ref in stack.register(CONNECTIONS)]
        doctor = granted(stack, *owners)
        url = stack.start_api(workers=WORKERS)
        requests = [_request(stack, url, owner, doctor) for owner in owners]
        alone = _answers(url, requests[:1], MEASURED_S)
        yield Figure("authorised_series_p50_ms", statistics.median(alone), "ms")
        before = stack.cpu_s()
        many = _answers(url, requests, MEASURED_S)
        spent = {name: round((s - before[name]) / (WARM_UP_S + MEASURED_S), 2) for name, s in stack.cpu_s().items()}
        note(f"{CONNECTIONS} connections to {WORKERS} workers; cores used: {spent}")
        yield Figure("authorised_series_per_s", len(many) / MEASURED_S, "requests/s")
        yield Figure("authorised_series_busy_p50_ms", statistics.median(many), "ms")
        yield Figure("authorised_check_and_line_p50_ms", _check_and_line_ms(stack, owners[0], doctor), "ms")


def _resident(stack: Stack, ref: str) -> str:
    """Whose device has measured for days."""
    load_wave(stack, ref, CGM, DAYS, random.Random(1))
    return stack.person_of(ref)


def _request(stack: Stack, url: str, owner: str, doctor: str) -> bytes:
    until_ms = now_ms() // DAY_MS * DAY_MS - DAY_MS
    token = client_of(stack, url, doctor).token
    span = f"from={rfc3339(until_ms - DAY_MS)}&to={rfc3339(until_ms)}"
    target = f"/v1/people/{owner}/series/{CGM.metric}?resolution=raw&{span}"
    return f"GET {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def _answers(url: str, requests: list[bytes], measured_s: float) -> list[float]:
    """Milliseconds of each answer, of one process for each connection that asks again as soon as it is answered."""
    parts = urlsplit(url)
    address = (parts.hostname or "", parts.port or 0)
    began = time.monotonic() + WARM_UP_S
    with multiprocessing.get_context("spawn").Pool(min(len(requests), 2)) as pool:
        share = -(-len(requests) // 2)
        jobs = [(address, requests[low : low + share], began, measured_s) for low in range(0, len(requests), share)]
        return [one for some in pool.starmap(_asked, jobs) for one in some]


def _asked(address: tuple[str, int], requests: list[bytes], began: float, measured_s: float) -> list[float]:
    """Each connection has one request on its way, and asks again as soon as it is answered."""
    taken: list[float] = []
    asked: dict[socket.socket, tuple[bytes, float]] = {}
    with selectors.DefaultSelector() as answered:
        for request in requests:
            one = socket.create_connection(address, timeout=30)
            answered.register(one, selectors.EVENT_READ)
            one.sendall(request)
            asked[one] = request, time.monotonic()
        while (now := time.monotonic()) < began + measured_s:
            for key, _ in answered.select(1.0):
                one = cast(socket.socket, key.fileobj)
                request, sent = asked[one]
                _read(one)
                now = time.monotonic()
                if now >= began:
                    taken.append((now - sent) * 1000)
                one.sendall(request)
                asked[one] = request, now
    for one in asked:
        _read(one)
        one.close()
    return taken


def _read(connection: socket.socket) -> None:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65_536)
    if not data.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(data[:200])
    length = int(data.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    left = length - (len(data) - end - 4)
    while left > 0:
        left -= len(connection.recv(65_536))


def _check_and_line_ms(stack: Stack, owner: str, doctor: str) -> float:
    """What a request waits longer for that decides by a grant and writes its line beside a read of two milliseconds."""
    ask = Ask(owner, "read", ("readings",), f"GET series/{CGM.metric}")
    caller = Caller(doctor, "bench", frozenset(), None, "person")

    def with_line() -> None:
        permission = access.begin(stack.database, caller, ask, clock.now_ms())
        _work()
        permission.finish()

    both, alone = _p50_ms(with_line), _p50_ms(_work)
    return both - alone


def _work() -> None:
    """As a view spends its time: some in Python, some waiting."""
    until = time.perf_counter() + 0.001
    time.sleep(0.001)
    while time.perf_counter() < until:
        pass


def _p50_ms(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(TURNS):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)
