"""What a vendor tells its devices: a code and neutral words."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import one_of
from phr.clock import At, now_ms, rfc3339
from phr.intake import commands
from phr.intake.commands import LONGEST_LIFE_S, SHORTEST_LIFE_S, NewCommand

blueprint = Blueprint("vendor_commands", __name__)
DAY_S = 86_400


class CommandBody(Schema):
    code = fields.String(required=True, validate=validate.OneOf(sorted(commands.CODES)))
    args = fields.Dict(keys=fields.String(), load_default=dict)
    life_s = fields.Integer(load_default=DAY_S, strict=True, validate=validate.Range(SHORTEST_LIFE_S, LONGEST_LIFE_S))


class CommandTold(TypedDict):
    id: str
    device: str
    code: Annotated[str, one_of(*sorted(commands.CODES))]
    expires_at: At


@blueprint.post("/v1/vendor/devices/<device>/commands")
@access("vendor.write")
@takes(CommandBody)
@returns(status=202)
def send_command(vendor: str, device: str, body: dict[str, Any]) -> CommandTold:
    draft = NewCommand(device=f"{vendor}/{device}", code=body["code"], args=body["args"], life_s=body["life_s"])
    made = commands.add(database(), draft, now_ms())
    return {"id": made.id, "device": made.device, "code": made.code, "expires_at": rfc3339(made.expires_at_ms)}
