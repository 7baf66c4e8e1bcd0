"""A person's own second factor (TOTP): set up with an authenticator app, confirmed, removed. For the person alone."""

from __future__ import annotations

import base64
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, caller, returns, takes
from phr.api.installation import database
from phr.api.shapes import Base64
from phr.auth import enrolling
from phr.auth.enrolling import Who
from phr.clock import now_ms
from phr.errors import AccessDenied

blueprint = Blueprint("second_factor", __name__)


class CodeBody(Schema):
    """``code``: six digits, as the app shows them now."""

    code = fields.String(required=True, validate=validate.Length(6, 16))


class BegunTold(TypedDict):
    """``picture``: a PNG in base64."""

    uri: str
    picture: Base64


class RecoveryTold(TypedDict):
    recovery_codes: list[str]


@blueprint.post("/v1/people/<person>/second-factor")
@access("logins.write")
@returns(status=201)
def begin_factor(person: str) -> BegunTold:
    """``uri`` as an app reads it, and ``picture``, its QR code: PNG in base64. It counts from ``confirm`` on."""
    uri = enrolling.begin(database(), _who(person), now_ms())
    return {"uri": uri, "picture": base64.b64encode(enrolling.picture(uri)).decode()}


@blueprint.post("/v1/people/<person>/second-factor/confirm")
@access("logins.write")
@takes(CodeBody)
@returns()
def confirm_factor(person: str, body: dict[str, Any]) -> RecoveryTold:
    """The recovery codes, which are shown once."""
    codes = enrolling.confirm(database(), _who(person), body["code"], now_ms())
    return {"recovery_codes": list(codes)}


@blueprint.delete("/v1/people/<person>/second-factor")
@access("logins.write")
@returns(status=204)
def remove_factor(person: str) -> None:
    enrolling.remove(database(), _who(person), now_ms())


def _who(person: str) -> Who:
    """The person themselves. Raises AccessDenied for anybody else."""
    who = caller()
    if who.subject != person or who.act is not None:
        raise AccessDenied("a second factor is the person's own")
    return Who(person, "mfa" in who.amr)
