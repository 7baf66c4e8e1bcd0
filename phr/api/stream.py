"""A stream of what changes in a record, as it lands: server-sent events, for apps and browsers that are open."""

from __future__ import annotations

import os
import socket
from typing import Any, ClassVar, TypedDict

from flask import Blueprint, Response, g, request
from marshmallow import Schema, fields, validate

from phr import syncing
from phr.api.changes import item_json
from phr.api.deciding import access_by_category, caller, returns, speaks, takes
from phr.api.installation import database, installation
from phr.api.overview import notice_json
from phr.auth import tickets
from phr.clock import now_ms
from phr.errors import InputInvalid, PhrError, ServerUnavailable
from phr.live.stream import HEAD, Stream
from phr.notices.outbox import Notice
from phr.people.access import Ask
from phr.syncing import LONGEST_CURSOR, Cursor, Item, Reader
from phr.vocabulary.sight import Sight

blueprint = Blueprint("stream", __name__)

MOST_BEHIND = 500  # changes that a stream catches up with; who is further behind pages through them


class TooFarBehind(PhrError):
    """The stream is not for catching up: read the changes first, and come back with their cursor."""

    code: ClassVar[str] = "too-far-behind"
    status: ClassVar[int] = 409


class StreamQuery(Schema):
    since = fields.String(load_default=None, validate=validate.Length(1, LONGEST_CURSOR))
    ticket = fields.String(load_default=None)


class TicketTold(TypedDict):
    """``expires_in``: seconds."""

    ticket: str
    expires_in: int


@blueprint.post("/v1/people/<person>/stream-ticket")
@access_by_category("read", by_period=True)
@returns(status=201)
def issue_ticket(person: str, sight: Sight) -> TicketTold:  # noqa: ARG001
    return {"ticket": tickets.issue(database(), caller(), person, now_ms()), "expires_in": tickets.LIFE_S}


@blueprint.get("/v1/people/<person>/stream")
@access_by_category("read", has_tickets=True, by_period=True)
@takes(StreamQuery, location="query")
@speaks(gives="text/event-stream")
def open_stream(person: str, sight: Sight, query: dict[str, Any]) -> Response:
    """Last-Event-ID (or ``since``): a cursor of this stream or of ``changes``, to go on from; none: from now on."""
    cursor = _cursor(Reader(person, sight, now_ms()), request.headers.get("Last-Event-ID") or query["since"])
    line = g.permission.line
    g.permission.finish()  # before anything is sent
    ask = Ask(person, "read", line.categories, line.about, is_partial=True, by_period=True)
    connection = _taken_over()
    connection.sendall(HEAD)
    connection.setblocking(False)
    grants = frozenset(line.grant.split(",")) if line.grant else frozenset()
    installation().hub(_told).join(Stream(connection, caller(), ask, sight, cursor, grants))
    return Response()  # to nobody


def _told(one: Item | Notice) -> dict[str, Any]:
    return {"kind": "notice", **notice_json(one)} if isinstance(one, Notice) else {**item_json(one)}


def _cursor(reader: Reader, since: str | None) -> Cursor:
    if since is None:
        return syncing.latest(database(), reader)
    if len(since) > LONGEST_CURSOR:
        raise InputInvalid("since is not one that was given", "/since")
    cursor = syncing.resumed(database(), reader, since)
    if cursor.phase != "changes" or syncing.is_behind(database(), cursor, MOST_BEHIND):
        raise TooFarBehind("read the changes first, and open the stream with their next_since")
    return cursor


def _taken_over() -> socket.socket:
    """The request's connection. The server goes on with the end of a closed pipe in its place, and answers that."""
    served: socket.socket | None = request.environ.get("gunicorn.socket")
    if served is None:
        raise ServerUnavailable("this server can't keep a stream open")
    connection = socket.socket(fileno=os.dup(served.fileno()))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), served.fileno())
    return connection
