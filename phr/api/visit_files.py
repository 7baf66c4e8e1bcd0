"""Forms of visits as files, one or many: what a doctor hands on without typing it twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response
from marshmallow import ValidationError, fields, validate, validates_schema

from phr.api.deciding import access, caller, speaks, takes
from phr.api.documents import LOCKED
from phr.api.grant_shapes import DATES
from phr.api.installation import database
from phr.api.visit_shapes import FormQuery, may_see
from phr.clock import now_ms
from phr.errors import AccessDenied
from phr.people import access as deciding
from phr.people import organisations, people
from phr.people.access import Ask
from phr.people.organisations import Member
from phr.plans import form_files, visits
from phr.plans.form_files import XLSX, Told, Whose
from phr.plans.visits import Visit
from phr.vocabulary.sight import is_within

blueprint = Blueprint("visit_files", __name__)

MOST = 2_000
ABOUT = "GET visits/batch/form"  # how a look in a batch stands in the access log
PROFILE = ("profile",)


class BatchQuery(FormQuery):
    """``sent``: only those that were sent on, or only those that were not."""

    from_on = fields.Date(data_key="from", required=True, validate=validate.Range(*DATES))
    to_on = fields.Date(data_key="to", required=True, validate=validate.Range(*DATES))
    sent = fields.Boolean(load_default=None)

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if "from_on" in data and "to_on" in data and data["from_on"] > data["to_on"]:
            raise ValidationError({"to": ["lies before from"]})


@blueprint.get("/v1/organisation/visits")
@access("organisation.read")
@takes(BatchQuery, location="query")
@speaks(gives="*/*")
def get_forms(member: Member, query: dict[str, Any]) -> Response:
    """The confirmed forms of one's organisation, of those residents whose record one may see; each look is logged."""
    found = visits.of_organisation(database(), member.organisation, (query["from_on"], query["to_on"]), MOST)
    wanted = [one for one in found if query["sent"] is None or query["sent"] is (one.sent is not None)]
    by_person: dict[str, list[Visit]] = {}
    for one in wanted:
        by_person.setdefault(one.person, []).append(one)
    told = [one for person, some in by_person.items() for one in _of_person(person, some)]
    told.sort(key=lambda one: (one[0].on, one[0].id))
    return answered(told, query["format"], is_many=True)


def answered(told: Sequence[Told], wanted: str, *, is_many: bool = False) -> Response:
    """The forms in the format that was asked for, as a file; a page is shown and runs nothing."""
    if wanted == "xlsx":
        headers = {"Content-Disposition": 'attachment; filename="visits.xlsx"'}
        return Response(form_files.as_sheets(told), 200, headers, content_type=XLSX)
    if wanted == "html":
        headers = {"Content-Security-Policy": f"{LOCKED}; style-src 'unsafe-inline'"}
        return Response(form_files.as_page(told), 200, headers, content_type="text/html; charset=utf-8")
    forms = [form_files.as_json(*one) for one in told]
    body = {"forms": forms} if is_many else forms[0]
    return Response(msgspec.json.encode(body), 200, content_type="application/json")


def whose_of(visit: Visit, *, is_seen: bool) -> Whose:
    """What the form says of the person; without their name and numbers for who may not see the profile."""
    doctor = people.find(database(), visit.doctor) if visit.doctor else None
    staff = (doctor.name if doctor else None, organisations.name_of(database(), visit.organisation))
    found = people.find(database(), visit.person) if is_seen else None
    if found is None:
        return Whose(None, None, None, None, *staff)
    return Whose(found.name, found.sex, found.birth_on, found.identity_number, *staff)


def _of_person(person: str, some: Sequence[Visit]) -> list[Told]:
    """Those of one resident's forms that the caller may see now."""
    categories = tuple(sorted({category for one in some for category in one.categories} | set(PROFILE)))
    try:
        permission = deciding.begin(database(), caller(), Ask(person, "read", categories, ABOUT, True), now_ms())
    except AccessDenied:
        return []
    permission.finish()
    sight = permission.sight
    name_is_seen = is_within(PROFILE, sight.periods)
    return [(one, whose_of(one, is_seen=name_is_seen)) for one in some if may_see(one, sight)]
