"""The browsers where a code by phone does, because their person has logged in there before: seen, and forgotten."""

from __future__ import annotations

from typing import TypedDict

from flask import Blueprint

from phr.api.deciding import access, returns
from phr.api.installation import database
from phr.api.shapes import At
from phr.auth import known_devices
from phr.auth.known_devices import Known
from phr.clock import now_ms, rfc3339

blueprint = Blueprint("known_browsers", __name__)


class BrowserTold(TypedDict):
    """``name``, ``system``: as the browser says of itself; ``until``: it is forgotten then, unless it is used."""

    browser: str
    name: str | None
    system: str | None
    first_used_at: At | None
    used_at: At | None
    until: At


class BrowsersTold(TypedDict):
    browsers: list[BrowserTold]


@blueprint.get("/v1/people/<person>/known-browsers")
@access("logins.read")
@returns()
def list_browsers(person: str) -> BrowsersTold:
    """Those that were used last come first."""
    return {"browsers": [_told(one) for one in known_devices.of_person(database(), person, now_ms())]}


@blueprint.delete("/v1/people/<person>/known-browsers/<browser>")
@access("logins.write")
@returns(status=204)
def forget_browser(person: str, browser: str) -> None:
    """A code by phone opens nothing there from now on. Who is logged in there stays so: that is a link's to end."""
    known_devices.forget(database(), person, browser)


def _told(one: Known) -> BrowserTold:
    return {
        "browser": one.id,
        "name": one.name,
        "system": one.system,
        "first_used_at": None if one.first_ms is None else rfc3339(one.first_ms),
        "used_at": None if one.used_ms is None else rfc3339(one.used_ms),
        "until": rfc3339(one.until_ms),
    }
