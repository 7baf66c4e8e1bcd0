"""A person's profile."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, expected_version, returns, takes
from phr.api.installation import database
from phr.api.shapes import At, On
from phr.clock import now_ms, rfc3339
from phr.people import guardians, people
from phr.people.people import Person
from phr.readings import rezoning

blueprint = Blueprint("people", __name__)


class ProfilePatch(Schema):
    name = fields.String(allow_none=True, validate=validate.Length(1, 200))
    birth_date = fields.Date(allow_none=True, attribute="birth_on")
    sex = fields.String(allow_none=True, validate=validate.OneOf(("female", "male", "other", "unknown")))
    timezone = fields.String(validate=validate.Length(1, 64))


class ZoneTold(TypedDict):
    since: At | None
    timezone: str


class ProfileTold(TypedDict):
    id: str
    name: str | None
    birth_date: On | None
    sex: str | None
    timezone: str
    timezones: list[ZoneTold]
    roles: list[str]
    organisation: str | None
    consent_withdrawn: bool
    died_on: On | None


@blueprint.get("/v1/people/<person>")
@access("profile.read", by_period=True)
@returns()
def show_person(person: str) -> Answer[ProfileTold]:
    found = people.require(database(), person)
    return Answer(_profile(found), version=found.seq)


@blueprint.patch("/v1/people/<person>")
@access("profile.write")
@takes(ProfilePatch)
@returns()
def change_person(person: str, body: dict[str, Any]) -> Answer[ProfileTold]:
    """A new timezone holds from now on; the zones before stay as history."""
    seq = expected_version(people.require(database(), person).seq)
    zone = body.pop("timezone", None)
    change = people.Change(fields=body, zone=people.ZonePeriod(now_ms(), zone) if zone else None)
    changed = people.patch(database(), person, change, seq)
    if "birth_on" in body:
        guardians.settle(database(), changed)
    rezoning.settle(database(), changed, now_ms())
    return Answer(_profile(changed), version=changed.seq)


def _profile(person: Person) -> ProfileTold:
    return {
        "id": person.id,
        "name": person.name,
        "birth_date": person.birth_on.isoformat() if person.birth_on else None,
        "sex": person.sex,
        "timezone": person.zones[-1].zone,
        "timezones": [
            {"since": None if period.since_ms is None else rfc3339(period.since_ms), "timezone": period.zone}
            for period in person.zones
        ],
        "roles": list(person.roles),
        "organisation": person.organisation,
        "consent_withdrawn": person.consent_withdrawn,
        "died_on": person.died_on.isoformat() if person.died_on else None,
    }
