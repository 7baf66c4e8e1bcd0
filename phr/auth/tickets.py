"""Tickets for streams: what a browser, whose EventSource sends no headers, shows in the URL once and within 30 s."""

from __future__ import annotations

import secrets
from datetime import timedelta

from phr.auth.protector import TokenInvalid
from phr.clock import to_datetime, to_ms
from phr.database import Database, Document
from phr.passwords import hash_of
from phr.people.access import Caller

TICKETS = "stream_tickets"
LIFE_S = 30
REFUSED = "the ticket is not valid here, or no longer"


def issue(database: Database, caller: Caller, person: str, now_ms: int) -> str:
    """A ticket that stands for the caller, for this person's stream; only its hash is kept."""
    ticket = secrets.token_urlsafe(32)
    row: Document = {
        "_id": hash_of(ticket),
        "person": person,
        "subject": caller.subject,
        "client_id": caller.client_id,
        "scopes": sorted(caller.scopes),
        "act": caller.act,
        "kind": caller.kind,
        "until_ms": caller.until_ms,
        "token_ids": sorted(caller.token_ids),
        "ends_at": to_datetime(now_ms) + timedelta(seconds=LIFE_S),
    }
    database[TICKETS].insert_one(row)
    return ticket


def redeem(database: Database, ticket: str, now_ms: int) -> tuple[Caller, str]:
    """Who the ticket stands for, and whose stream it opens; it is worth nothing afterwards. Raises TokenInvalid."""
    row = database[TICKETS].find_one_and_delete({"_id": hash_of(ticket)})
    if row is None or to_ms(row["ends_at"]) <= now_ms:
        raise TokenInvalid(REFUSED)
    scopes, ids = frozenset(row["scopes"]), frozenset(row.get("token_ids", ()))
    caller = Caller(row["subject"], row["client_id"], scopes, row["act"], row["kind"], row["until_ms"], ids)
    return caller, row["person"]


def ensure_indexes(database: Database) -> None:
    database[TICKETS].create_index("ends_at", name="expiry", expireAfterSeconds=60)
