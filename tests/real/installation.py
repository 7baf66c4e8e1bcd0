"""A whole installation on free ports: real database, broker, ingest worker and API, each a process of its own."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ops import administration, family, mongod, mosquitto, ports, processes
from ops.administration import Operator, TokenWish
from ops.indexes import ensure_indexes
from phr import clock
from phr.config import Settings
from phr.database import connect
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import keyring, master_keys
from phr.people.people import NewPerson
from tests.real.gateway import Gateway

ROOT = Path(__file__).parents[2]
VENDOR = "real"
START_PATIENCE_S = 60.0
PAGE = 1_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """``gateway`` speaks MQTT for every device of the vendor; the API is asked with operator tokens of demo people."""

    operator: Operator
    gateway: Gateway
    url: str

    def add_person(self, device: str, format_name: str) -> str:
        """The id of a new person who wears a new device."""
        person: str = administration.create_person(self.operator, NewPerson(zone="Asia/Shanghai", is_demo=True))[
            "person_id"
        ]
        draft = NewDevice(vendor=VENDOR, name=device, format=format_name, bindings=(("", person),))
        devices.create_device(self.operator.database, draft, clock.now_ms())
        return person

    def rows(self, person: str, metric: str, **query: Any) -> list[Row]:
        """All rows of a series, page after page, as dictionaries by column."""
        found: list[Row] = []
        cursor: str | None = None
        while True:
            asked = {"limit": PAGE, **query} | ({"cursor": cursor} if cursor else {})
            page = self._get(f"/v1/people/{person}/series/{metric}?{urlencode(asked)}", person)
            found += _by_row(page)
            cursor = page.get("next_cursor")
            if cursor is None:
                return found

    def report(self, person: str, protocol: str, **query: Any) -> Row:
        """What a protocol makes of the person's readings."""
        found: Row = self._get(f"/v1/people/{person}/reports/{protocol}?{urlencode(query)}", person)["report"]
        return found

    def _get(self, path: str, person: str) -> Row:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self._token(person)}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                answered: Row = json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"GET {path}: {error.code} {error.read().decode()}") from error
        return answered

    def _token(self, person: str) -> str:
        now = dataclasses.replace(self.operator, now_ms=clock.now_ms())
        token: str = administration.issue_token(now, TokenWish(person=person, reason="replay of real data"))[
            "access_token"
        ]
        return token


@contextmanager
def installed(directory: Path, **changes: Any) -> Iterator[Installation]:
    """Everything started under a directory, with these settings of its own; stopped, the database last, when the block
    is left.
    """
    with ExitStack() as stack:
        database_server = mongod.start(directory / "mongodb", ports.free_port())
        stack.callback(mongod.stop, database_server)
        broker = mosquitto.start(directory, "127.0.0.1", ports.free_port())
        stack.callback(mosquitto.stop, broker)
        settings = dataclasses.replace(_settings(directory, database_server.uri, broker.url), **changes)
        database = connect(database_server.uri, settings.mongodb_database)
        stack.callback(database.client.close)
        keyring.use(master_keys.load(settings, makes=True))
        ensure_indexes(database)
        operator = Operator(settings, database, clock.now_ms())
        vendor = administration.create_vendor(operator, VENDOR)
        for role in ("ingest", "api"):
            stack.callback(processes.stop, spawned(role, settings))
        url = f"http://127.0.0.1:{settings.http_port}"
        _wait_until_green(url)
        gateway = Gateway((broker.host, broker.port), vendor["mqtt_username"], vendor["mqtt_password"])
        stack.callback(gateway.close)
        yield Installation(operator, gateway, url)


def _settings(directory: Path, mongodb_uri: str, mqtt_url: str) -> Settings:
    return Settings(
        data_dir=directory,
        mongodb_uri=mongodb_uri,
        mqtt_url=mqtt_url,
        mqtt_group=secrets.token_hex(8),
        http_port=ports.free_port(),
        operator="make real",
        log_level="WARNING",
    )


def spawned(role: str, settings: Settings) -> processes.Process:
    """A role as a process of its own; who starts it stops it."""
    environment = family.environment(settings, os.environ)
    return processes.start([sys.executable, str(ROOT / "app.py"), role], env=environment, cwd=ROOT)


def _wait_until_green(url: str) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass  # not up yet
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} was not up within {START_PATIENCE_S:.0f} s")
        time.sleep(0.1)


def _by_row(page: Row) -> list[Row]:
    columns = page["columns"]
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
