"""Makes the people, devices and logins of simulated homes; asked again for a seed, it gives the same homes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ingest import broker, credentials
from ops import administration
from ops.administration import Operator
from phr import clock
from phr.config import Settings
from phr.database import Database
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.passwords import new_password
from phr.people.people import NewPerson
from simulator.home import VENDOR, ZONE, Device, Home, Provision, device_name
from simulator.resident import resident_of

_OWN_LOGIN_UP_TO = 10  # homes; above, all devices speak through their vendor's cloud
_BATCH = 100  # homes a transaction: at most six devices each, and the stores take 1,000

# ref -> (MQTT user name, password)
_Logins = dict[str, tuple[str, str]]


def provisioner(settings: Settings) -> Provision:
    """Makes homes in the running installation. Raises ServerUnavailable."""
    operator = Operator(settings, administration.open_record(settings), clock.now_ms())
    return lambda people, seed: homes(operator, people, seed)


def homes(operator: Operator, people: int, seed: int) -> list[Home]:
    """Homes of demo people with working logins (new passwords at each call). Raises ServerUnavailable."""
    if not devices.vendor_exists(operator.database, VENDOR):
        devices.create_vendor(operator.database, VENDOR, operator.now_ms)
    owners: dict[int, str] = {}
    for first in range(1, people + 1, _BATCH):
        owners |= _owners(operator, seed, range(first, min(first + _BATCH, people + 1)))
    refs = [ref for number in owners for ref in _refs(seed, number)]
    logins = _own_logins(refs) if people <= _OWN_LOGIN_UP_TO else _cloud_login(refs)
    _store(operator.database, logins)
    credentials.sync(operator.database, operator.settings.data_dir)
    return [_home(seed, number, owner, logins) for number, owner in owners.items()]


def _owners(operator: Operator, seed: int, numbers: Sequence[int]) -> dict[int, str]:
    """Home number -> person, made with their devices where they are not there yet."""
    first_refs = {number: _refs(seed, number)[0] for number in numbers}
    there = devices.find_many(operator.database, first_refs.values())
    owners = {number: there[ref].bindings[0].person for number, ref in first_refs.items() if ref in there}
    for number in numbers:
        if number not in owners:
            owners[number] = administration.create_person(operator, _draft(seed, number))["person_id"]
    new = [number for number in numbers if first_refs[number] not in there]
    drafts = [draft for number in new for draft in _device_drafts(seed, number, owners[number])]
    if drafts:
        devices.create_devices(operator.database, drafts, operator.now_ms)
    return {number: owners[number] for number in numbers}


def _draft(seed: int, number: int) -> NewPerson:
    return NewPerson(
        zone=ZONE,
        name=_name(seed, number),
        birth_on=date(1940 + (seed * 31 + number * 17) % 50, 1 + number % 12, 1 + number % 28),
        sex="female" if number % 2 else "male",
        is_demo=True,
    )


def _device_drafts(seed: int, number: int, person: str) -> list[NewDevice]:
    return [
        NewDevice(vendor=VENDOR, name=ref.partition("/")[2], bindings=(("", person),)) for ref in _refs(seed, number)
    ]


def _refs(seed: int, number: int) -> list[str]:
    return [f"{VENDOR}/{device_name(seed, number, kind)}" for kind in resident_of(seed, number).kinds()]


def _own_logins(refs: Sequence[str]) -> _Logins:
    names = {ref: broker.mqtt_username(VENDOR, ref.partition("/")[2]) for ref in refs}
    return {ref: (name, new_password(16)) for ref, name in names.items()}


def _cloud_login(refs: Sequence[str]) -> _Logins:
    login = (broker.mqtt_username(VENDOR), new_password(16))
    return dict.fromkeys(refs, login)


def _store(database: Database, logins: _Logins) -> None:
    names = {username: ref.partition("/")[2] for ref, (username, _) in logins.items()}
    rows = [
        credentials.Credential(
            username=username,
            password_hash=broker.password_hash(password),
            vendor=VENDOR,
            device=None if username == VENDOR else names[username],
        )
        for username, password in sorted(set(logins.values()))
    ]
    credentials.put_credentials(database, rows)


def _home(seed: int, number: int, person: str, logins: _Logins) -> Home:
    kinds = resident_of(seed, number).kinds()
    own = tuple(Device(ref, *logins[ref], kind) for ref, kind in zip(_refs(seed, number), kinds, strict=True))
    return Home(person, _name(seed, number), own)


def _name(seed: int, number: int) -> str:
    return f"Demo {seed}-{number}"
