"""Every index of the record, made at start; each store knows its own."""

from __future__ import annotations

from phr.database import Database
from phr.intake import claims, devices, entered, held, inbox, rejections
from phr.notices import outbox
from phr.people import access, grants, people
from phr.readings import store
from phr.timeline import entries

STORES = (access, claims, devices, entered, entries, grants, held, inbox, outbox, people, rejections, store)


def ensure_indexes(database: Database) -> None:
    """Makes what is missing; what is there stays. Safe from several processes at once."""
    for one in STORES:
        one.ensure_indexes(database)
