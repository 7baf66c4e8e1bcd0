"""How many tokens an API process gives in a second over HTTP: to clients that show a secret, and by turns of links."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks import Figure, note
from benchmarks.stack import VENDOR, Stack, running
from phr.auth import clients, links
from phr.auth.clients import NewClient
from phr.auth.links import NewLink
from phr.clock import now_ms
from phr.people import people
from phr.people.people import NewPerson

FIGURES = ("token_client_per_s", "token_refresh_per_s", "token_refresh_p50_ms")

AT_ONCE = 8
WARM_UP_S, MEASURED_S = 1.0, 6.0
SCOPE = "readings.read offline_access"


def figures() -> Iterator[Figure]:
    with running() as stack:
        url = stack.start_api()
        yield Figure("token_client_per_s", _rate(url, [_by_secret(stack)] * AT_ONCE)[0], "tokens/s")
        before = stack.cpu_s()
        rate, p50_ms = _rate(url, [_by_turns(stack) for _ in range(AT_ONCE)])
        shares = {
            name: round((spent - before[name]) / (WARM_UP_S + MEASURED_S), 2) for name, spent in stack.cpu_s().items()
        }
        note(f"{AT_ONCE} links that turn; cores used: {shares}")
        yield Figure("token_refresh_per_s", rate, "tokens/s")
        yield Figure("token_refresh_p50_ms", p50_ms, "ms")


Ask = Callable[[Callable[[dict[str, str], dict[str, str]], Any]], None]


def _by_secret(stack: Stack) -> Ask:
    made = clients.create(stack.database, NewClient(name="bench", scope=["vendor.read"], vendor=VENDOR), now_ms())
    basic = base64.b64encode(f"{made.client_id}:{made.client_secret}".encode()).decode()
    return lambda post: post({"grant_type": "client_credentials"}, {"Authorization": f"Basic {basic}"})


def _by_turns(stack: Stack) -> Ask:
    """Each answer's refresh token is what the next request shows."""
    draft = NewClient(
        name="bench",
        scope=SCOPE.split(),
        grant_types=["authorization_code", "refresh_token"],
        redirect_uris=["https://app.example/cb"],
        is_public=True,
    )
    client = clients.create(stack.database, draft, now_ms()).client_id
    person = people.create(stack.database, NewPerson(zone="Asia/Shanghai")).id
    link = links.begin(stack.database, links.new_id(), NewLink(person, client, SCOPE, now_ms(), ("pwd",)), now_ms())
    assert link is not None
    shown = [links.refresh_token(stack.database, link)]

    def turn(post: Callable[[dict[str, str], dict[str, str]], Any]) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": shown[0], "client_id": client}
        shown[0] = post(form, {})["refresh_token"]

    return turn


def _rate(url: str, asks: list[Ask]) -> tuple[float, float]:
    """(answers a second, their median in ms) of all who ask at once, each as fast as it is answered."""
    began = time.perf_counter() + WARM_UP_S
    with ThreadPoolExecutor(len(asks)) as pool:
        taken = [one for some in pool.map(lambda ask: _times_ms(url, ask, began), asks) for one in some]
    return len(taken) / MEASURED_S, sorted(taken)[len(taken) // 2]


def _times_ms(url: str, ask: Ask, began: float) -> list[float]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def post(form: dict[str, str], headers: dict[str, str]) -> Any:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} | headers
        connection.request("POST", "/oauth/token", urlencode(form), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"POST /oauth/token: {answer.status} {body[:200]!r}")
        return json.loads(body)

    taken = []
    while (asked := time.perf_counter()) < began + MEASURED_S:
        ask(post)
        if asked >= began:
            taken.append((time.perf_counter() - asked) * 1000)
    connection.close()
    return taken
