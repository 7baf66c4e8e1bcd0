"""Drafts of the console's forms: kept as they are typed, shown to who typed them, dropped once they are sent."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, abort, current_app, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from pages import sittings
from pages.house import house
from pages.records import profile_of
from phr.auth import page_drafts
from phr.auth.page_drafts import Draft
from phr.auth.page_sessions import CLINIC, Session
from phr.clock import now_ms
from phr.people import people

blueprint = Blueprint("drafts", __name__)

LONGEST_PATH = 512


class _Typed(msgspec.Struct):
    """A form of a page: both are paths. Without values nothing is typed in it any more."""

    page: str
    form: str
    values: list[tuple[str, str | tuple[str, bool]]]  # by field; of what is ticked: whether


@blueprint.post("/app/drafts")
def keep() -> Response:
    sitting = _at_work()
    if sitting is None:
        abort(404)
    try:
        typed = msgspec.json.decode(request.get_data(), type=_Typed)
    except msgspec.DecodeError:
        abort(400)
    if len(typed.page) > LONGEST_PATH or len(typed.form) > LONGEST_PATH or not sittings.is_here(typed.page):
        abort(400)
    draft = Draft(sitting.person, _owner(typed.form, sitting), typed.page, typed.form, typed.values)
    if typed.values:
        page_drafts.keep(house().database(), draft, now_ms())
    else:
        page_drafts.drop(house().database(), sitting.person, typed.form)
    return Response(status=204)


@blueprint.post("/app/drafts/drop")
def drop_page() -> Answer:
    """Nothing of what is half written on a page is wanted any more."""
    page_drafts.drop_page(house().database(), sittings.require().person, request.form.get("page", ""))
    return redirect("/app/panel", 303)


@blueprint.after_app_request
def drop_sent(answer: Response) -> Response:
    """What was taken is no draft any more; no form has to think of it."""
    is_taken = answer.status_code < 400 and not sittings.is_to_log_in(answer)
    sitting = _at_work() if request.method == "POST" and is_taken else None
    if sitting is not None:
        page_drafts.drop(house().database(), sitting.person, request.path)
    return answer


@blueprint.app_template_global("half_written_here")
def of_this_page() -> list[dict[str, Any]]:
    sitting = _at_work()
    if sitting is None:
        return []
    found = page_drafts.of_page(house().database(), sitting.person, request.path, now_ms())
    return [{"form": one.form, "values": one.values} for one in found]


def waiting() -> list[dict[str, str]]:
    """The pages where something half written waits for who is at work; those of residents with their names."""
    sitting = _at_work()
    if sitting is None:
        return []
    found = page_drafts.pages(house().database(), sitting.person, now_ms())
    return [
        {"page": page, "name": "" if owner == sitting.person else profile_of(owner).get("name") or owner}
        for page, owner in found
    ]


def _at_work() -> Session | None:
    sitting = sittings.find()
    return sitting if sitting is not None and sitting.work == CLINIC else None


def _owner(form: str, sitting: Session) -> str:
    """Whose record a form is about; who fills it in where it is about nobody's. Ends in 404 for no form of ours."""
    try:
        _, named = current_app.url_map.bind("").match(form, method="POST")
    except HTTPException:
        abort(404)
    person = str(named.get("person", "me"))
    if person == "me":
        return sitting.person
    if not people.is_there(house().database(), person):
        abort(404)
    return person
