"""The end of a record: asked for by who owns it, taken back while there is time, certified."""

from __future__ import annotations

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields

from phr.api.deciding import access, caller, returns, shape_faults, takes
from phr.api.installation import database, installation
from phr.clock import now_ms
from phr.erasure import asking, erasures
from phr.erasure.certificate import By
from phr.erasure.erasures import AskedTold, ErasureTold

blueprint = Blueprint("erasure", __name__)


class Confirmation(Schema):
    confirm = fields.String(required=True)


@blueprint.delete("/v1/people/<person>")
@access("erasure.write")
@takes(Confirmation, "query")
@returns(status=202)
def ask_for_erasure(person: str, query: dict[str, str]) -> AskedTold:
    """``confirm`` repeats the person's id, "me" does not do. The receipt shows the certificate when nobody is left."""
    with shape_faults():
        if query["confirm"] != person:
            raise ValidationError({"confirm": ["say the id of the record that is to be erased"]})
    by: By = "owner" if caller().subject == person else "guardian"
    asked, receipt = asking.ask(database(), person, by, installation().settings.erasure_days, now_ms())
    return {**asked.as_json(), "receipt": receipt}


@blueprint.get("/v1/people/<person>/erasure")
@access("erasure.write")
@returns()
def show_erasure(person: str) -> ErasureTold:
    return erasures.find(database(), person).as_json()


@blueprint.delete("/v1/people/<person>/erasure")
@access("erasure.write")
@returns(status=204)
def cancel_erasure(person: str) -> None:
    asking.cancel(database(), person, now_ms())


@blueprint.get("/v1/erasures/<receipt>")
@returns()
def show_certificate(receipt: str) -> ErasureTold:
    """Open to who has the receipt: there is nobody any more who could log in."""
    return erasures.find_by_receipt(database(), receipt).as_json()
