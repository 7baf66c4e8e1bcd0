"""The family of `python app.py dev`: servers first, then the roles; stopped in reverse."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ingest import broker, credentials
from ingest.consumer import hold_to_tls
from ingest.login import can_log_in
from ops import api_server, login_keeper, mongod, mosquitto, ports, processes, supervision
from ops.indexes import ensure_indexes
from ops.supervision import Member
from phr.config import FAMILY_FILE, Settings
from phr.database import connect, ping
from phr.errors import ServerUnavailable, SettingInvalid
from phr.migrations import restores
from phr.migrations.migrate import run_pending
from phr.people import keyring, master_keys

APP = Path(__file__).resolve().parent.parent / "app.py"
LOCK_FILE = "family.lock"
ROOM_BYTES = 512 * 1024 * 1024  # a new database with its journal and oplog; below this mongod may not even start
HEALTHY_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 3.0  # an external database at start

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Family:
    """What runs. ``servers`` and ``roles`` are in order of start; ``settings`` hold the addresses really used."""

    settings: Settings
    servers: list[Member]
    roles: list[Member]

    @property
    def members(self) -> list[Member]:
        return [*self.servers, *self.roles]

    @property
    def http_url(self) -> str:
        scheme = "https" if self.settings.tls_certificate else "http"
        return f"{scheme}://{reachable(self.settings.bind)}:{self.settings.http_port}"


def run(asked: Settings, welcome: Callable[[Settings, str], None]) -> int:
    """Runs the family until a signal ends it; ``welcome(settings, http_url)`` speaks once everything is up.

    Raises ServerUnavailable or SettingInvalid, with nothing left running, when it can't be started.
    """
    settings = without_family(asked)
    check_room(settings.data_dir, ROOM_BYTES)
    with only_one(settings.data_dir):
        family = Family(settings, [], [])
        try:
            with supervision.stoppable():
                with _one_starts_at_a_time():
                    family.settings = _settled(settings)
                    _start(family)
                welcome(family.settings, family.http_url)
                with login_keeper.keeping(family.settings):
                    supervision.supervise(family.members)
        except supervision.StopAsked as signal_name:
            log.info("stopping (%s)", signal_name)
        finally:
            _stop(family)
    return 0


def check_room(data_dir: Path, needed_bytes: int) -> None:
    """Raises ServerUnavailable when data_dir can't be made or its disk has less room than this."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(data_dir).free
    except OSError as error:
        raise ServerUnavailable(f"{data_dir} can't be made: {error.strerror}; set PHR_DATA_DIR") from error
    if free < needed_bytes:
        free_mib, needed_mib = free // 2**20, -(-needed_bytes // 2**20)
        raise ServerUnavailable(
            f"the disk of {data_dir} has {free_mib} MiB free and {needed_mib} MiB are needed; "
            "make room, or set PHR_DATA_DIR to a directory on another disk"
        )


def reachable(bind: str) -> str:
    """The address to reach what is bound here: a wildcard is no address."""
    return "127.0.0.1" if bind in ("0.0.0.0", "::") else bind  # noqa: S104 - compared, not bound


def environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """A role's environment: the inherited one, with every setting of the family in place of what it had."""
    kept = {name: value for name, value in inherited.items() if not name.startswith("PHR_")}
    given = {
        spec.metadata["env"]: str(value)
        for spec in fields(Settings)
        if "env" in spec.metadata and (value := getattr(settings, spec.name)) is not None and value != ""
    }
    return kept | given


def _start(family: Family) -> None:
    """Database, broker, roles, and a wait for green: each step needs the one before."""
    _start_database(family)
    uri, name = family.settings.mongodb_uri or "", family.settings.mongodb_database
    database = connect(uri, name, server_selection_timeout_s=ANSWERS_WITHIN_S)
    with database.client:
        ping(database)
        if reason := restores.under_way(database):
            raise ServerUnavailable(reason)
        keyring.use(master_keys.load(family.settings, makes=not family.settings.is_asked_for("mongodb_uri")))
        keyring.check(database)
        ensure_indexes(database)
        run_pending(database, lambda step, count: log.info("migration %s: %d documents", step.name, count))
        credentials.sync(database, family.settings.data_dir)
    _start_broker(family)
    _write_family_file(family.settings)
    _start_roles(family)
    _wait_until_healthy(family)


def _start_database(family: Family) -> None:
    settings = family.settings
    if settings.mongodb_uri is not None:
        return
    directory, port = settings.data_dir / "mongodb", settings.mongodb_port
    member = Member(
        "mongod",
        lambda: mongod.spawn(directory, port),
        lambda code: mongod.why_it_ended(directory, port, code),
        patience_s=60.0,
    )
    family.servers.append(member)
    mongod.become_primary(member.start(time.monotonic()), directory, port)
    family.settings = dataclasses.replace(settings, mongodb_uri=mongod.uri_of(directory, port))


def _start_broker(family: Family) -> None:
    settings = family.settings
    if settings.mqtt_url is not None:
        hold_to_tls(settings.mqtt_url, settings.bind)
        check_broker(settings.mqtt_url)
        return
    data_dir, port = settings.data_dir, settings.mqtt_port
    member = Member(
        "mosquitto",
        lambda: mosquitto.spawn(data_dir, settings.bind, port, settings.mqtts_port),
        lambda code: mosquitto.why_it_ended(data_dir, port, code),
        patience_s=60.0,
    )
    family.servers.append(member)
    mosquitto.bring_up(lambda: member.start(time.monotonic()), data_dir)
    url = mosquitto.url_of(data_dir, *broker.address(data_dir))
    family.settings = dataclasses.replace(settings, mqtt_url=url)


def check_broker(url: str) -> None:
    """An external broker, tried before anything depends on it. Over TLS the workers themselves will tell."""
    parts = urlsplit(url)
    try:
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise SettingInvalid("PHR_MQTT_URL must look like mqtt://user:password@host:port")
        if parts.scheme == "mqtts":
            return
        is_welcome = can_log_in(parts.hostname, parts.port or 1883, parts.username or "", parts.password or "", 5.0)
    except ValueError as error:
        raise SettingInvalid(f"PHR_MQTT_URL: {error}") from error
    except OSError as error:
        raise ServerUnavailable(f"the broker does not answer: {error}; check PHR_MQTT_URL") from error
    if not is_welcome:
        raise ServerUnavailable("the broker refuses the user and password of PHR_MQTT_URL")


def _settled(settings: Settings) -> Settings:
    """With free ports, a secret share group and an absolute data_dir, before anything is started.

    Raises ServerUnavailable for a port that was asked for and is taken.
    """
    needed = {"http_port": settings.bind}
    if settings.mongodb_uri is None:
        needed["mongodb_port"] = mongod.HOST
    if settings.mqtt_url is None:
        needed["mqtt_port"] = settings.bind
        needed["mqtts_port"] = settings.bind
    chosen: dict[str, Any] = {
        name: ports.choose(
            getattr(settings, name), asked_for=settings.is_asked_for(name), setting=f"PHR_{name.upper()}", bind=bind
        )
        for name, bind in needed.items()
    }
    group = settings.mqtt_group or broker.kept_secret(settings.data_dir / "mqtt-group")
    return dataclasses.replace(settings, **chosen, mqtt_group=group, data_dir=settings.data_dir.resolve())


def _start_roles(family: Family) -> None:
    names = ["api", *["ingest"] * family.settings.ingest_workers, "scheduler"]
    env = environment(family.settings, os.environ)
    for name in names:
        member = Member(name, partial(_spawn_role, name, env))
        family.roles.append(member)
        member.start(time.monotonic())


def _spawn_role(name: str, env: Mapping[str, str]) -> processes.Process:
    return processes.start([sys.executable, str(APP), name], env=env)


def _wait_until_healthy(family: Family) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_S

    def is_settled() -> bool:
        return time.monotonic() >= deadline or _is_healthy(family.http_url, family.settings.tls_certificate)

    supervision.supervise(family.members, until=is_settled)
    if time.monotonic() >= deadline:
        raise ServerUnavailable(f"the API has not answered within {HEALTHY_WITHIN_S:.0f} s; the lines above say why")


def _is_healthy(http_url: str, certificate: str | None) -> bool:
    try:
        trusted = api_server.only(certificate) if certificate else None
        with urllib.request.urlopen(f"{http_url}/healthz", timeout=2, context=trusted) as answer:  # noqa: S310 - our own URL
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(family: Family) -> None:
    """Children first, then the broker, the database last."""
    supervision.stop_all(family.roles)
    for server in reversed(family.servers):
        supervision.stop_all([server])
    (family.settings.data_dir / FAMILY_FILE).unlink(missing_ok=True)


def _write_family_file(settings: Settings) -> None:
    """The addresses for commands from another shell; it holds passwords, so it is for its owner only."""
    names = (
        "bind",
        "http_port",
        "mqtt_port",
        "mqtts_port",
        "mongodb_port",
        "mongodb_uri",
        "mongodb_database",
        "mqtt_url",
        "mqtt_group",
    )
    path = settings.data_dir / FAMILY_FILE
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({name: getattr(settings, name) for name in names}, file)


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Holds data_dir for this family; the kernel lets go of it however the family ends. Raises ServerUnavailable."""
    with (data_dir / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise ServerUnavailable(
                f"a family already runs on {data_dir} (process {holder}); stop it first, or set PHR_DATA_DIR"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def _one_starts_at_a_time() -> Iterator[None]:
    """Two families of one user that start at once would both find the usual ports free."""
    path = Path(tempfile.gettempdir()) / f"phr-start-{os.geteuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def without_family(settings: Settings) -> Settings:
    """Without what a family that was killed left in its file: its addresses are nobody's wish."""
    defaults: dict[str, Any] = {spec.name: spec.default for spec in fields(Settings) if "env" in spec.metadata}
    stale = {name: defaults[name] for name, origin in settings.origins.items() if origin == "family"}
    return dataclasses.replace(settings, **stale)
