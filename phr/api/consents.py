"""Consents to processing: each given, refused and withdrawn on its own, in one request either way."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from phr.api import recency
from phr.api.deciding import access, caller, returns, takes
from phr.api.grant_shapes import TextSeen, consent_of
from phr.api.installation import database, installation
from phr.clock import now_ms, rfc3339
from phr.erasure import asking
from phr.errors import AccessDenied
from phr.intake import devices
from phr.people import access as deciding
from phr.people import processing
from phr.people.access import REFUSED, Ask
from phr.people.grants import ERASURE
from phr.people.people import STORE
from phr.people.processing import Decision

blueprint = Blueprint("consents", __name__)

KEEP, LOCK, ERASE = "keep", "lock", "erase"


class DecisionBody(Schema):
    """``stored``: what becomes of what is stored when "store" is withdrawn; locked, if nothing is said."""

    consent = fields.Boolean(required=True, truthy={True}, falsy={False})
    text = fields.Nested(TextSeen)
    stored = fields.String(validate=validate.OneOf((KEEP, LOCK, ERASE)))

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("consent") and "text" not in data:
            raise ValidationError({"text": ["consent is given to a text that was shown"]})
        if data.get("consent") and "stored" in data:
            raise ValidationError({"stored": ["only a withdrawal says what becomes of what is stored"]})


@blueprint.get("/v1/people/<person>/consents")
@access("consents.read")
@returns()
def list_consents(person: str) -> dict[str, Any]:
    """The present decision on each topic, on each vendor whose device the person has or had."""
    vendors = sorted({one.ref.partition("/")[0] for one in devices.of_person(database(), person)})
    return {"consents": [_json(one) for one in processing.decided(database(), person, vendors)]}


@blueprint.get("/v1/people/<person>/consents/<topic>")
@access("consents.read")
@returns()
def show_consent(person: str, topic: str) -> dict[str, Any]:
    return {"topic": topic, "decisions": [_json(one) for one in processing.history(database(), person, topic)]}


@blueprint.put("/v1/people/<person>/consents/<topic>")
@access("consents.write")
@takes(DecisionBody)
@returns()
def decide_consent(person: str, topic: str, body: dict[str, Any]) -> dict[str, Any]:
    now, who = now_ms(), caller()
    if body["consent"]:
        return _json(processing.give(database(), person, topic, consent_of(who, body["text"]), now))
    stored = body.get("stored", LOCK) if topic == STORE else KEEP
    if stored == ERASE:
        _hold_to_erasure(person, now)
    refused = _json(processing.refuse(database(), person, topic, who.subject, now))
    if stored == LOCK:
        processing.lock(database(), person)
    if stored == ERASE:
        by = "owner" if who.subject == person else "guardian"
        days = installation().settings.erasure_days
        asked, receipt = asking.ask(database(), person, by, days, now)
        return refused | {"erasure": asked.as_json() | {"receipt": receipt}}
    return refused | {"stored": stored}


def _hold_to_erasure(person: str, now: int) -> None:
    """Raises LoginTooOld; AccessDenied, logged, for one who may not end the record."""
    who = caller()
    if "erasure.write" not in who.scopes:
        raise AccessDenied(REFUSED)
    recency.hold_to(database(), who, now)
    deciding.may(database(), who, Ask(person, "write", (ERASURE,), f"PUT consents/{STORE} erase"), now)


def _json(one: Decision) -> dict[str, Any]:
    return {
        "topic": one.topic,
        "state": one.state,
        "by": one.by,
        "at": None if one.at_ms is None else rfc3339(one.at_ms),
        "text": {"version": one.text.version, "language": one.text.language} if one.text else None,
    }
