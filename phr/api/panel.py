"""A doctor's people, those who need attention first, with the reasons; and what the last seven days brought."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import msgspec
from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.alerts import store
from phr.api.deciding import access, caller, returns, takes
from phr.api.installation import database
from phr.api.shapes import At, On, Words
from phr.auth.scopes import by_category
from phr.clock import now_ms, rfc3339
from phr.errors import InputInvalid
from phr.panel import needs, rows
from phr.panel.needs import GROUPS, Need, Order
from phr.panel.rows import Row
from phr.people import directory, people
from phr.people.access import Resident, record_shown, residents
from phr.people.organisations import Member

blueprint = Blueprint("panel", __name__)

PROFILE = "profile"
ABOUT, ABOUT_SUMMARY = "GET panel", "GET panel/summary"
MOST, WEEK_MS = 200, 7 * 86_400_000
_NOBODY = Row("", (), ())


class PanelQuery(Schema):
    """``name``: a part of the name, its pinyin or its initials (王芳, 芳, wangf, WF); of whom one sees the profile."""

    name = fields.String(load_default=None, validate=validate.Length(1, 64))
    need = fields.String(load_default=None, validate=validate.OneOf(GROUPS))
    programme = fields.String(load_default=None, validate=validate.Length(1, 64))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, MOST))
    cursor = fields.String(load_default=None, validate=validate.Length(1, 512))


class NeedTold(TypedDict):
    code: str
    group: str
    words: Words


class ResidentTold(TypedDict):
    """``name``, ``birth_on``, ``sex``: for who may see the profile; ``cursor``: goes on behind this resident."""

    person: str
    cursor: str
    name: str | None
    birth_on: On | None
    sex: str | None
    programmes: list[str]
    needs: list[NeedTold]


class PanelTold(TypedDict):
    residents: list[ResidentTold]
    total: int
    counts: dict[str, int]
    next_cursor: str | None


WeekTold = TypedDict(
    "WeekTold", {"from": At, "alerts": int, "by_level": dict[str, int], "seen_by_somebody": int, "ended": int}
)


class SummaryTold(TypedDict):
    residents: int
    counts: dict[str, int]
    needs: dict[str, int]
    week: WeekTold


@dataclass(frozen=True, slots=True)
class _Seen:
    """A resident as the caller may see them."""

    person: str
    resident: Resident
    needs: tuple[Need, ...]
    programmes: tuple[str, ...]
    order: Order

    @property
    def place(self) -> tuple[Order, str]:
        return self.order, self.person

    def has(self, group: str | None, programme: str | None) -> bool:
        return (group is None or any(one.kind.group == group for one in self.needs)) and (
            programme is None or programme in self.programmes
        )

    @property
    def shown(self) -> tuple[str, ...]:
        """The categories of what is told of them."""
        told = {category for one in self.needs for category in one.categories}
        told |= {PROFILE} if PROFILE in self.resident.sight else set()
        return tuple(sorted(told | ({"care"} if self.programmes else set())))


@blueprint.get("/v1/panel")
@access("organisation.read")
@takes(PanelQuery, location="query")
@returns()
def show_panel(member: Member, query: dict[str, Any]) -> PanelTold:
    """Whoever lets the caller, or a team of theirs, look after them. Each who is shown stands in their own access log.

    The order and the counts are made of what the caller may see of each. ``cursor`` of one goes on behind them.
    """
    now = now_ms()
    everybody = _seen(member, now)
    wanted = [one for one in everybody if one.has(query["need"], query["programme"])]
    if query["name"]:
        visible = {one.person for one in wanted if PROFILE in one.resident.sight}
        named = set(directory.find_by_name(database(), query["name"], visible))
        wanted = [one for one in wanted if one.person in named]
    wanted.sort(key=lambda one: one.place)
    after = _place(query["cursor"]) if query["cursor"] else None
    ahead = wanted if after is None else [one for one in wanted if one.place > after]
    page = ahead[: query["limit"]]
    shown = {one.person: (one.resident, one.shown) for one in page}
    written = record_shown(database(), caller(), shown, ABOUT, now)
    known = people.find_many(database(), [one.person for one in page])
    body: PanelTold = {
        "residents": [_json(one, known) for one in page],
        "total": len(everybody),
        "counts": _counts(everybody),
        "next_cursor": _cursor(page[-1]) if len(ahead) > len(page) else None,
    }
    written.result()
    return body


@blueprint.get("/v1/panel/summary")
@access("organisation.read")
@returns()
def show_summary(member: Member) -> SummaryTold:
    """How many need what, and the alerts of the last seven days, of residents whose alerts the caller may see.

    Nobody is named, and so nobody's access log has it.
    """
    now = now_ms()
    everybody = _seen(member, now)
    sights = {one.person: one.resident.sight for one in everybody}
    week = store.since(database(), sights, now - WEEK_MS)
    seen = [one for one in week if sights[one.person].sees(one.categories, one.measured_ms)]
    return {
        "residents": len(everybody),
        "counts": _counts(everybody),
        "needs": dict(sorted(Counter(code for one in everybody for code in {need.code for need in one.needs}).items())),
        "week": {
            "from": rfc3339(now - WEEK_MS),
            "alerts": len(seen),
            "by_level": {str(level): sum(one.level == level for one in seen) for level in (1, 2, 3, 4)},
            "seen_by_somebody": sum(bool(one.acknowledged) for one in seen),
            "ended": sum(not one.is_open for one in seen),
        },
    }


def _seen(member: Member, now: int) -> list[_Seen]:
    categories = tuple(sorted({PROFILE, "care"} | {one for some in by_category("read").values() for one in some}))
    found = residents(database(), caller(), categories, now)
    known = rows.of_organisation(database(), member.organisation)
    everybody = []
    for person, resident in found.items():
        row = known.get(person, _NOBODY)
        told = needs.seen(row.needs, resident.sight.periods) if row.needs else []
        programmes = row.programmes if "care" in resident.sight else ()
        everybody.append(_Seen(person, resident, tuple(told), programmes, needs.order(told)))
    return everybody


def _counts(everybody: Iterable[_Seen]) -> dict[str, int]:
    """How many residents have a need of each group."""
    found = Counter(group for one in everybody for group in {need.kind.group for need in one.needs})
    return {group: found[group] for group in GROUPS}


def _json(one: _Seen, known: Mapping[str, people.Person]) -> ResidentTold:
    person = known.get(one.person)
    is_named = person is not None and PROFILE in one.resident.sight
    return {
        "person": one.person,
        "cursor": _cursor(one),
        "name": person.name if person and is_named else None,
        "birth_on": person.birth_on.isoformat() if person and is_named and person.birth_on else None,
        "sex": person.sex if person and is_named else None,
        "programmes": list(one.programmes),
        "needs": [
            {"code": need.code, "group": need.kind.group, "words": {"zh": need.zh, "en": need.en}} for need in one.needs
        ],
    }


def _cursor(one: _Seen) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(one.place)).decode().rstrip("=")


def _place(cursor: str) -> tuple[Order, str]:
    try:
        return msgspec.json.decode(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=tuple[tuple[int, ...], str]
        )
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise InputInvalid("cursor is not one that this list gave", "/cursor") from error
