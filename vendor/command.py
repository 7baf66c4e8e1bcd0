"""The command `vendor check`: prints what was found line by line; exit status 1 on a failure."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from itertools import chain

from phr import clock
from phr.errors import InputInvalid
from vendor import presence, probes, watching
from vendor.api import Api
from vendor.finding import Finding, exit_status, judged
from vendor.line import Heard, Line
from vendor.login import Address, Login, address_of, login_of
from vendor.presence import Presence
from vendor.watching import Watched

TEST_DEVICE = "conformance"
LOOKED_EVERY_S = 2.0
LONGEST_WATCH_MS = 30 * 24 * 3_600_000


def main(argv: list[str]) -> int:
    """Raises InputInvalid, SettingInvalid, ServerUnavailable."""
    asked = parser().parse_args(argv)
    address, login = address_of(asked.broker), login_of(asked.credentials)
    api = _api(asked, login)
    if asked.watch is None:
        device = asked.device or login.device or TEST_DEVICE
        present = presence.all_findings(address, login, api, device)
        return _printed(chain(_checked(address, login, device), present, _api_checked(api, device)))
    return _printed(watching.all_findings(_watched(address, login, api, asked.watch)))


def parser() -> argparse.ArgumentParser:
    """All vendor commands."""
    root = argparse.ArgumentParser(prog="python app.py vendor")
    check = root.add_subparsers(required=True, metavar="VERB").add_parser(
        "check", help="sends test readings and looks at the verdicts, or watches real devices (--watch)"
    )
    check.add_argument("--broker", required=True, metavar="mqtt://HOST:PORT")
    check.add_argument("--credentials", required=True, metavar="FILE|USER:PASSWORD")
    check.add_argument("--device", metavar="NAME", help=f"a device bound to a test person; default: {TEST_DEVICE}")
    check.add_argument("--watch", type=float, metavar="SECONDS", help="send nothing, judge what devices are told")
    check.add_argument("--api", metavar="URL")
    check.add_argument("--client-id")
    check.add_argument("--client-secret")
    return root


def _printed(findings: Iterable[Finding]) -> int:
    seen = []
    for one in findings:
        print(one, flush=True)
        seen.append(one)
    return exit_status(seen)


def _api(asked: argparse.Namespace, login: Login) -> Api | None:
    if asked.api is None:
        return None
    client_id, client_secret = asked.client_id or login.client_id, asked.client_secret or login.client_secret
    if not (client_id and client_secret):
        raise InputInvalid("--api needs --client-id and --client-secret, or a credentials file that has them")
    return Api(asked.api, client_id, client_secret)


def _checked(address: Address, login: Login, device: str) -> Iterator[Finding]:
    prefix = f"phr/v1/{login.vendor}/{device}"
    line = Line(address, login, [f"{prefix}/feedback/#"])
    line.set_will(f"{prefix}/status", presence.OFFLINE)
    with line:
        yield Finding(True, "the broker takes the login, MQTT 5 and a Will")
        yield from probes.all_findings(probes.Bench(line, login.vendor, device, clock.now_ms()))


def _api_checked(api: Api | None, device: str) -> Iterator[Finding]:
    if api is None:
        return
    rows = api.get("/v1/vendor/rejections", device=device, limit=1)["rejections"]
    yield judged("the API lists the device's rejections", bool(rows), f"none of {device}; ask the operator")
    total = api.get("/v1/vendor/statistics")["total"]
    yield judged("the API counts the vendor's messages", total["messages"] > 0, "none counted in the last 24 hours")


def _watched(address: Address, login: Login, api: Api | None, seconds: float) -> Watched:
    from_ms = clock.now_ms()
    before = _messages(api, from_ms)
    heard: list[Heard] = []
    present = Presence()
    with Line(address, login, [f"phr/v1/{login.vendor}/{login.device or '+'}/feedback/#"]) as line:
        until = time.monotonic() + seconds
        while (left_s := _left_s(until)) > 0:
            heard = line.listen(min(LOOKED_EVERY_S, left_s) if api else left_s)
            if api:
                present.look(api, _devices_of(heard, login))
    is_whole_vendor = login.device is None
    if api is None or before is None:
        return Watched(heard, None, ())
    after = _messages(api, from_ms)
    device = {"device": login.device} if login.device else {}
    rows = api.get("/v1/vendor/rejections", from_=from_ms, limit=500, **device)["rejections"]
    return Watched(heard, (after or 0) - before if is_whole_vendor else None, rows, present)


def _left_s(until: float) -> float:
    return until - time.monotonic()


def _devices_of(heard: Iterable[Heard], login: Login) -> list[str]:
    """Those that were told something, in order; a device's own login is of one."""
    return [login.device] if login.device else list(dict.fromkeys(one.topic.split("/")[3] for one in heard))


def _messages(api: Api | None, from_ms: int) -> int | None:
    """Of the whole vendor, in this hour and the days after it."""
    if api is None:
        return None
    to_ms = from_ms + LONGEST_WATCH_MS
    return int(api.get("/v1/vendor/statistics", from_=from_ms, to=to_ms)["total"]["messages"])
