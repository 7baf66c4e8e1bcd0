"""Registers devices whole: device, claim code and MQTT login, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

from phr.database import Database
from phr.errors import InputInvalid
from phr.formats import all_formats
from phr.intake import claim_codes, devices, models, mqtt_logins
from phr.intake.devices import MAPPED, NewDevice
from phr.intake.mqtt_logins import Credential
from phr.passwords import new_password

MOST = 1_000


class EnrolledTold(TypedDict):
    """Told once."""

    device: str
    mqtt_username: str
    mqtt_password: str
    claim_code: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What is told once: only hashes of the last two are kept."""

    device: str
    mqtt_username: str
    mqtt_password: str
    claim_code: str

    def as_json(self) -> EnrolledTold:
        return {
            "device": self.device,
            "mqtt_username": self.mqtt_username,
            "mqtt_password": self.mqtt_password,
            "claim_code": self.claim_code,
        }


def enrol(
    database: Database,
    drafts: Sequence[NewDevice],
    now_ms: int,
    before: Callable[[Sequence[Enrolled]], None] = lambda _: None,
) -> list[Enrolled]:
    """All of the devices (of one vendor, 1,000 at most) or none; ``before`` may keep what is told before it is stored.

    A device without a format has its model's. Raises InputInvalid, NotFound (vendor, person, mapping), AlreadyThere.
    """
    if not 0 < len(drafts) <= MOST:
        raise InputInvalid(f"1 to {MOST} devices at once")
    whole = with_formats(database, drafts)
    made = [
        Enrolled(
            f"{one.vendor}/{one.name}",
            mqtt_logins.mqtt_username(one.vendor, one.name),
            new_password(),
            claim_codes.new_claim_code(),
        )
        for one in whole
    ]
    logins = [_login(draft, one) for draft, one in zip(whole, made, strict=True)]
    before(made)
    devices.create_devices(
        database,
        whole,
        now_ms,
        codes=[one.claim_code for one in made],
        also=lambda session: mqtt_logins.put(database, logins, session),
    )
    return made


def check_format(name: str | None, vendor: str) -> None:
    """Raises InputInvalid for a name that is no format and no mapping of this vendor's."""
    known = [one.name for one in all_formats()]
    if name is None or name in known or name.startswith(f"{MAPPED}{vendor}/"):
        return
    raise InputInvalid(f"{name} is not a format; there are {', '.join(known)}", "/format")


def with_formats(database: Database, drafts: Sequence[NewDevice]) -> list[NewDevice]:
    """The drafts, each with its own format or its model's. Raises InputInvalid."""
    wanted = {draft.model for draft in drafts if draft.model}
    known = models.find_many(database, drafts[0].vendor, wanted) if wanted else {}
    return [_with_format(draft, known) for draft in drafts]


def _with_format(draft: NewDevice, known: dict[str, models.Model]) -> NewDevice:
    check_format(draft.format, draft.vendor)
    if draft.model is None:
        return draft
    if draft.model not in known:
        raise InputInvalid(f"{draft.model} is not a model of {draft.vendor}", "/model")
    return replace(draft, format=draft.format or known[draft.model].format)


def _login(draft: NewDevice, one: Enrolled) -> Credential:
    digest = mqtt_logins.password_hash(one.mqtt_password)
    return Credential(username=one.mqtt_username, password_hash=digest, vendor=draft.vendor, device=draft.name)
