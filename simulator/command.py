"""The command `simulate`: homes are made, their days are played, the verdicts are summed up."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

from tqdm import tqdm

from phr import clock
from phr.clock import HOUR_MS
from phr.config import Settings
from phr.errors import ServerUnavailable
from simulator.home import Device, Home, Provision
from simulator.homes import all_messages, first_ms
from simulator.link import Address, Link, Tally

_MAX_PER_LOGIN = 8  # connections on which a vendor's cloud spreads its devices
_WINDOW = 500  # payloads of one connection that may wait for a verdict
_VERDICT_PATIENCE_S = 20.0
_TRIES = 4


def main(argv: list[str], settings: Settings, provision: Provision) -> int:
    """Plays homes and prints what became of their readings, as JSON; 1 where a payload got no verdict.

    Raises ServerUnavailable where no broker is there.
    """
    asked = _parser().parse_args(argv)
    if settings.mqtt_url is None:
        raise ServerUnavailable("no broker is running: start `make run` first, or set PHR_MQTT_URL")
    links = _links(Address.of(settings.mqtt_url), provision(asked.people, asked.seed))
    start_on = asked.start or datetime.now(UTC).date() - timedelta(days=asked.days)
    try:
        for link in _each(links):
            link.open()
        _play(asked, links, start_on)
        _wait_for_verdicts(links)
    except KeyboardInterrupt:
        pass  # what was played so far is summed up
    finally:
        for link in _each(links):
            link.close()
    total = Tally()
    for link in _each(links):
        total.add(link.tally)
    print(json.dumps(asdict(total)))
    return 1 if total.unanswered else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python app.py simulate", description="play believable homes over MQTT")
    parser.add_argument("--people", type=_positive, default=3)
    parser.add_argument("--days", type=_positive, default=7)
    parser.add_argument("--speed", type=float, default=0.0, help="simulated seconds per second; 0: as fast as it goes")
    parser.add_argument("--seed", type=int, default=1, help="the same seed plays the same people and readings")
    parser.add_argument("--start", type=date.fromisoformat, default=None, help="first day; default: DAYS days ago")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _links(address: Address, homes: Sequence[Home]) -> dict[str, Link]:
    """Device -> its connection: one per login, a few where many devices share it."""
    devices = sorted((device for home in homes for device in home.devices), key=_login)
    links: dict[str, Link] = {}
    for _, group in itertools.groupby(devices, key=_login):
        members = list(group)
        for n in range(min(_MAX_PER_LOGIN, len(members))):
            part = members[n::_MAX_PER_LOGIN]
            link = Link(address, part, _WINDOW)
            links.update((device.ref, link) for device in part)
    return links


def _each(links: dict[str, Link]) -> list[Link]:
    return list(dict.fromkeys(links.values()))


def _play(asked: argparse.Namespace, links: dict[str, Link], start_on: date) -> None:
    began_s, began_ms = time.monotonic(), first_ms(start_on)
    checked_s = began_s
    hours = asked.days * 24
    with tqdm(total=hours, unit="h", desc=f"{asked.people} homes") as bar:
        for message in all_messages(asked.people, asked.days, asked.seed, start_on):
            if asked.speed > 0:
                _wait_until(began_s + (message.due_ms - began_ms) / 1000 / asked.speed)
            link = links[message.device]
            payload = message.payload(clock.now_ms())
            while not link.send(message.device, message.id, payload, message.copies, time.monotonic()):
                link.wait_for_room(1.0)
                link.resend_overdue(time.monotonic(), _VERDICT_PATIENCE_S, _TRIES)
            if time.monotonic() - checked_s > 5:
                checked_s = time.monotonic()
                _resend_overdue(links, checked_s)
            played = min(hours, (message.due_ms - began_ms) // HOUR_MS)
            bar.update(max(0, played - int(bar.n)))
        bar.update(hours - int(bar.n))


def _wait_until(moment_s: float) -> None:
    while (left := moment_s - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))


def _wait_for_verdicts(links: dict[str, Link]) -> None:
    deadline = time.monotonic() + _VERDICT_PATIENCE_S * (_TRIES + 1)
    for link in _each(links):
        while not link.wait_until_answered(1.0) and time.monotonic() < deadline:
            link.resend_overdue(time.monotonic(), _VERDICT_PATIENCE_S, _TRIES)
        link.give_up()


def _resend_overdue(links: dict[str, Link], now_s: float) -> None:
    for link in _each(links):
        link.resend_overdue(now_s, _VERDICT_PATIENCE_S, _TRIES)


def _login(device: Device) -> str:
    return device.mqtt_username
