"""A person's own readings taken out, given back or moved to whose they are, by keys or a range, with a reason."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr import amending
from phr.amending import Way
from phr.api.deciding import access, caller, returns, takes
from phr.api.installation import database, installation
from phr.api.shapes import MomentField
from phr.clock import now_ms
from phr.errors import InputInvalid
from phr.people.access import Ask, may
from phr.readings.void import Act, Done, Source, Wanted
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("voiding", __name__)

MOST_KEYS = 1_000
LONGEST_RANGE_MS = 366 * 86_400_000


class KeyBody(Schema):
    t = MomentField(required=True)
    seq = fields.Integer(load_default=0, validate=validate.Range(0, 2**31 - 1))


class VoidBody(Schema):
    metric = fields.String(required=True, validate=validate.Length(1, 64))
    device = fields.String(required=True, validate=validate.Length(1, 200))
    reason = fields.String(required=True, validate=validate.Length(1, 200))
    keys = fields.List(fields.Nested(KeyBody), load_default=None, validate=validate.Length(1, MOST_KEYS))
    from_ = MomentField(load_default=None, data_key="from")
    to = MomentField(load_default=None)


class MoveBody(VoidBody):
    person = fields.String(required=True, validate=validate.Length(1, 64))


class DoneTold(TypedDict):
    """``readings``: how many are now as they were to be; ``changed``: those that were not so before."""

    readings: int
    changed: int


@blueprint.post("/v1/people/<person>/readings/void")
@access("readings.write")
@takes(VoidBody)
@returns()
def void_readings(person: str, body: dict[str, Any]) -> DoneTold:
    return _answer(amending.take_out(database(), source_of(person, body), _wanted(body), _act(body)))


@blueprint.post("/v1/people/<person>/readings/restore")
@access("readings.write")
@takes(VoidBody)
@returns()
def restore_readings(person: str, body: dict[str, Any]) -> DoneTold:
    return _answer(amending.give_back(database(), source_of(person, body), _wanted(body), _act(body)))


@blueprint.post("/v1/people/<person>/readings/move")
@access("readings.write")
@takes(MoveBody)
@returns()
def move_readings(person: str, body: dict[str, Any]) -> DoneTold:
    """The caller must be allowed to write into both records, and to read this one: moving shows what is moved."""
    act, way = _act(body), Way(source_of(person, body), _wanted(body), body["person"])
    if way.to == person:
        raise InputInvalid("they are this person's already", "/person")
    about = "POST readings/move"
    may(database(), caller(), Ask(person, "read", ("readings",), about), act.now_ms)
    may(database(), caller(), Ask(way.to, "write", ("readings",), about), act.now_ms)
    return _answer(amending.move(installation().recorder(), database(), way, act))


def source_of(person: str, body: dict[str, Any]) -> Source:
    """Raises InputInvalid for a metric that is none."""
    metric = vocabulary().metrics.get(body["metric"])
    if metric is None:
        raise InputInvalid("no such metric", "/metric")
    return Source(person, metric, body["device"])


def _wanted(body: dict[str, Any]) -> Wanted:
    begin, end = body["from_"], body["to"]
    if body["keys"] is not None and begin is None and end is None:
        return Wanted(frozenset((key["t"].t_ms, key["seq"]) for key in body["keys"]))
    if body["keys"] is not None or begin is None or end is None:
        raise InputInvalid("say which readings: keys, or from and to", "/keys")
    if not 0 < end.t_ms - begin.t_ms <= LONGEST_RANGE_MS:
        raise InputInvalid("a range ends after it begins, and is at most 366 days long", "/to")
    return Wanted(None, (begin.t_ms, end.t_ms))


def _act(body: dict[str, Any]) -> Act:
    return Act(caller().act or caller().subject, body["reason"], now_ms())


def _answer(done: Done) -> DoneTold:
    return {"readings": len(done.keys), "changed": done.changed}
