"""What the first start makes and every start says: addresses, a first citizen's logins once, what to try next."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from ops import admin, mongod
from ops.administration import DEMO_TEAM
from phr import hops
from phr.auth.tokens import issuer_of
from phr.config import Settings
from phr.database import connect
from phr.errors import PhrError, ServerUnavailable
from phr.intake import devices
from phr.people import master_keys

VENDOR = "demo"
BACK_TO = "http://127.0.0.1/cb"  # any port of this machine (RFC 8252, 7.3)
SCOPE = "profile.read readings.read timeline.read"
DEVICES = ("cuff", "watch")

Printed = dict[str, Any]  # what an admin command prints


def speak(settings: Settings, http_url: str) -> None:
    """Prints where everything is; on the first start also the logins of first people and devices."""
    print("\n".join(["", *address_lines(settings, http_url), ""]), flush=True)
    database = connect(settings.mongodb_uri or "", settings.mongodb_database)
    with database.client:
        is_first = not devices.vendor_exists(database, VENDOR)
    if is_first:
        try:
            print("\n".join([*first_lines(settings, http_url), ""]), flush=True)
        except PhrError as error:
            raise ServerUnavailable(f"the first people and devices could not be made: {error.detail}") from error
    print("Stop everything with Ctrl-C.", flush=True)


def address_lines(settings: Settings, http_url: str) -> list[str]:
    """The addresses; a port that is not the usual one is pointed out."""
    defaults = Settings()
    lines = [
        "The record is running.",
        f"  Pages    {http_url}{_moved(settings, defaults, 'http_port', 'PHR_HTTP_PORT')}",
        f"  API      {http_url}/docs",
    ]
    if settings.is_asked_for("mqtt_url"):
        lines.append("  MQTT     the broker of PHR_MQTT_URL")
    else:
        moved = _moved(settings, defaults, "mqtt_port", "PHR_MQTT_PORT")
        lines.append(f"  MQTT     mqtt://{_host(http_url)}:{settings.mqtt_port}{moved}")
        moved = _moved(settings, defaults, "mqtts_port", "PHR_MQTTS_PORT")
        lines.append(f"           mqtts://{_host(http_url)}:{settings.mqtts_port}{moved}   with client certificates")
    if settings.is_asked_for("mongodb_uri"):
        lines.append("  MongoDB  the database of PHR_MONGODB_URI")
    else:
        moved = _moved(settings, defaults, "mongodb_port", "PHR_MONGODB_PORT")
        lines.append(
            f"  MongoDB  mongodb://{mongod.HOST}:{settings.mongodb_port}/?replicaSet={mongod.REPLICA_SET}{moved}"
        )
    if not hops.stays_here(settings.bind) and issuer_of(settings).startswith("http://"):
        lines += [
            "  In the clear: open to a network without TLS. Set PHR_TLS_CERTIFICATE and PHR_TLS_KEY, or behind a",
            "                proxy PHR_ISSUER=https://…, and keep other machines from the port of MQTT.",
        ]
    return [*lines, f"  Data     {settings.data_dir}"]


def first_lines(settings: Settings, http_url: str) -> list[str]:
    """Makes the first people and devices and tells their logins; nobody can ask for these a second time."""
    clinic, _, team = DEMO_TEAM.partition("/")
    _admin(settings, "organisation", "create", clinic, "--name", "Demo Clinic")
    _admin(settings, "organisation", "team", clinic, team, "--name", "Demo Team")
    doctor = _admin(settings, "doctor", "create", "--name", "Demo Doctor", "--organisation", "Demo Clinic")
    _admin(settings, "organisation", "member", clinic, doctor["person_id"], "--role", "doctor")
    _admin(settings, "organisation", "join", clinic, team, doctor["person_id"])
    operator = _admin(settings, "operator", "create", "--name", "Demo Operator")
    citizen = _admin(settings, "person", "create", "--demo", "--name", "Demo Citizen", "--birth-date", "1960-05-17")
    vendor = _admin(settings, "vendor", "create", VENDOR)
    app = ("--public", "--grant", "authorization_code", "--redirect-uri", BACK_TO, "--scope", SCOPE)
    client = _admin(settings, "client", "create", "--name", "First look", *app)
    person = citizen["person_id"]
    made = [_admin(settings, "device", "create", VENDOR, name, "--person", person) for name in DEVICES]
    return [
        "First start: these logins are shown once.",
        f"  citizen  person_id {person}",
        f"           login {citizen['login']}  password {citizen['password']}",
        f"  app      client_id {client['client_id']}",
        f"  doctor   login {doctor['login']}  password {doctor['password']}",
        f"           second factor {doctor['second_factor']['uri']}",
        f"  operator login {operator['login']}  password {operator['password']}",
        f"           second factor {operator['second_factor']['uri']}",
        f"  vendor   {vendor['vendor']}  client_id {vendor['client_id']}  client_secret {vendor['client_secret']}",
        f"           MQTT user {vendor['mqtt_username']}  password {vendor['mqtt_password']}",
        *(f"  device   MQTT user {one['mqtt_username']}  password {one['mqtt_password']}" for one in made),
        *_key_lines(settings),
        "",
        *_next_lines(settings, http_url, client["client_id"], made[0]),
    ]


def _key_lines(settings: Settings) -> list[str]:
    """Where the master key was made; nothing where the operator keeps it."""
    if settings.master_key is not None:
        return []
    return [
        f"  Keep a copy of {settings.data_dir / master_keys.FILE} apart from the database: nothing opens without it."
    ]


def _next_lines(settings: Settings, http_url: str, client_id: str, cuff: Printed) -> list[str]:
    host, command = _host(http_url), _command(settings)
    reading = (
        '{"readings":[{"metric":"blood-pressure","t":"\'$(date -Iseconds)\'","unit":"mm[Hg]",'
        '"value":{"systolic":128,"diastolic":82}}]}'
    )
    return [
        "Try it from another shell in this directory. Publish a reading (mosquitto_pub is in mosquitto-clients):",
        f"  mosquitto_pub -h {host} -p {settings.mqtt_port} -q 1 \\",
        f"    -u {cuff['mqtt_username']} -P '{cuff['mqtt_password']}' \\",
        f"    -t phr/v1/{cuff['device']}/readings -m '{reading}'",
        "Read it back. A browser opens: log in as the citizen, and allow it:",
        f"  TOKEN=$(python3 examples/log_in.py {http_url} {client_id})",
        f'  curl -s -H "Authorization: Bearer $TOKEN" {http_url}/v1/people/me/series/blood-pressure',
        "Fill the record with homes full of devices:",
        f"  {command} simulate --people 5 --days 7 --speed 0",
    ]


def _admin(settings: Settings, *argv: str) -> Printed:
    """One admin command, as the operator would type it. Raises ServerUnavailable where it fails."""
    printed, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
        status = admin.main(list(argv), settings)
    if status != 0:
        raise ServerUnavailable(f"admin {' '.join(argv[:2])}: {complaint.getvalue().strip()}")
    answer: Printed = json.loads(printed.getvalue())
    return answer


def _moved(settings: Settings, defaults: Settings, name: str, variable: str) -> str:
    usual, used = getattr(defaults, name), getattr(settings, name)
    if usual == used or settings.is_asked_for(name):
        return ""
    return f"   ({usual} is taken; {variable} names another)"


def _host(http_url: str) -> str:
    return http_url.partition("://")[2].rpartition(":")[0]


def _command(settings: Settings) -> str:
    """How to type a command so that it finds this family."""
    python = ".venv/bin/python app.py"
    is_usual = settings.data_dir.resolve() == (Path.cwd() / ".phr").resolve()
    return python if is_usual else f"PHR_DATA_DIR={settings.data_dir} {python}"
