"""A device's status and Will, as the server knows them: said over MQTT, read back from the API."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from vendor.api import Api
from vendor.finding import Finding, judged
from vendor.line import Line
from vendor.login import Address, Login

TAKEN_WITHIN_S = 10.0
ASKED_EVERY_S = 0.5
MOST_WATCHED = 20  # devices whose state is asked for while they are watched
OFFLINE = json.dumps({"state": "offline"}).encode()
STATUS = "a retained status is what the API shows"
WILL = "a Will is what the API shows once the connection is lost"
_RIGHT = (
    'publish {"state": "online", "battery": …, "firmware": …} retained to …/status and set {"state": "offline"} there'
)


def all_findings(address: Address, login: Login, api: Api | None, device: str) -> Iterator[Finding]:
    """Says `online` with a firmware that nobody else has, looks, loses the connection, looks again.

    PUBACK alone shows neither: the broker takes what the server can't read.
    """
    if api is None:
        yield Finding(None, "status and Will", "only the server reads them; ask the API as well (--api) to see them")
        return
    ref = f"{login.vendor}/{device}"
    firmware = f"check-{secrets.token_hex(4)}"
    topic = f"phr/v1/{ref}/status"
    line = Line(address, login, [f"phr/v1/{ref}/feedback"])
    line.set_will(topic, OFFLINE)
    with line:
        said = json.dumps({"state": "online", "battery": 80, "firmware": firmware}).encode()
        reason = line.publish(topic, said, retain=True)
        shown = _once(lambda: status_of(api, device), lambda one: one.get("firmware") == firmware)
        is_ok = (shown.get("state"), shown.get("firmware"), shown.get("battery")) == ("online", firmware, 80)
        yield judged(STATUS, is_ok, f"PUBACK {reason}, and the API shows {_told(shown)}; ask the operator")
        line.break_off()
    shown = _once(lambda: status_of(api, device), lambda one: one.get("state") == "offline")
    is_ok = is_ok and shown.get("state") == "offline"
    yield judged(WILL, is_ok, f"the API shows {_told(shown)}; ask the operator")


def status_of(api: Api, device: str) -> dict[str, Any]:
    """What the server knows of it; empty where the device has said nothing that it could read."""
    return api.get(f"/v1/vendor/devices/{quote(device, safe='')}")["status"] or {}


@dataclass(slots=True)
class Presence:
    """The states that the API showed of each device while it was watched, each once, in their order."""

    seen: dict[str, list[str | None]] = field(default_factory=dict)

    def look(self, api: Api, devices: Sequence[str]) -> None:
        for device in devices[:MOST_WATCHED]:
            state = status_of(api, device).get("state")
            states = self.seen.setdefault(device, [])
            if states[-1:] != [state]:
                states.append(state)

    def findings(self) -> Iterator[Finding]:
        silent = sorted(device for device, states in self.seen.items() if set(states) == {None})
        yield judged("devices say their status", not silent, f"not {', '.join(silent[:5])}: {_RIGHT}")
        if len(silent) == len(self.seen):
            return
        left = any("offline" in states[1:] for states in self.seen.values())
        what = "a device that left was shown as offline"
        advice = "no device left meanwhile; cut one's power while you watch, and its Will shows here"
        yield Finding(True, what) if left else Finding(None, what, advice)


def _once(ask: Callable[[], dict[str, Any]], is_there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The answer that was waited for, or the last one within the time."""
    until = time.monotonic() + TAKEN_WITHIN_S
    while not is_there(answer := ask()) and time.monotonic() < until:
        time.sleep(ASKED_EVERY_S)
    return answer


def _told(shown: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shown[name]}" for name in ("state", "firmware") if name in shown) or "no status"
