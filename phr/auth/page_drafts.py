"""What somebody at work has typed into a form and not sent yet: kept here, since the browsers of clinics are shared.

Collection ``page_drafts``: _id  "<person>:<form>"; person  who typed it and alone is shown it; owner  whose record it
is about, else the person; page  where the form stands; form  where it is sent to; values (sealed with the owner's
key); expires_at
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from phr.clock import to_datetime
from phr.database import Database
from phr.people import seals
from phr.people.keyring import KeyDestroyed

DRAFTS = "page_drafts"
KEPT = timedelta(days=7)  # over a week-end and a holiday


@dataclass(frozen=True, slots=True)
class Draft:
    person: str
    owner: str
    page: str  # a path
    form: str  # a path
    values: list[Any]  # as the page's script names its fields

    @property
    def id(self) -> str:
        return f"{self.person}:{self.form}"


def keep(database: Database, draft: Draft, now_ms: int) -> None:
    """In the place of what was kept of this form before. Raises KeyDestroyed."""
    row = {
        "person": draft.person,
        "owner": draft.owner,
        "page": draft.page,
        "form": draft.form,
        "values": seals.seal(database, draft.owner, _place(draft.id), draft.values),
        "expires_at": to_datetime(now_ms) + KEPT,
    }
    database[DRAFTS].replace_one({"_id": draft.id}, row, upsert=True)


def drop(database: Database, person: str, form: str) -> None:
    """It was sent, or emptied."""
    database[DRAFTS].delete_one({"_id": f"{person}:{form}"})


def drop_page(database: Database, person: str, page: str) -> None:
    """All of the person's own of a page's forms."""
    database[DRAFTS].delete_many({"person": person, "page": page})


def of_page(database: Database, person: str, page: str, now_ms: int) -> list[Draft]:
    """The person's own of the forms of a page."""
    wanted = {"person": person, "page": page, "expires_at": {"$gt": to_datetime(now_ms)}}
    found = []
    for row in database[DRAFTS].find(wanted):
        with contextlib.suppress(KeyDestroyed):  # whose erasure has begun
            values = seals.unseal(database, row["owner"], _place(row["_id"]), row["values"])
            found.append(Draft(person, row["owner"], page, row["form"], values))
    return found


def pages(database: Database, person: str, now_ms: int) -> list[tuple[str, str]]:
    """Where drafts of the person wait: (page, owner), each page once."""
    wanted = {"person": person, "expires_at": {"$gt": to_datetime(now_ms)}}
    rows = database[DRAFTS].find(wanted, {"page": 1, "owner": 1}).sort("expires_at", -1)
    return list({row["page"]: (row["page"], row["owner"]) for row in rows}.values())


def ensure_indexes(database: Database) -> None:
    database[DRAFTS].create_index([("person", 1), ("page", 1)], name="person_page")
    database[DRAFTS].create_index("owner", name="owner")
    database[DRAFTS].create_index("expires_at", name="expiry", expireAfterSeconds=0)


def _place(name: str) -> str:
    return f"{DRAFTS}:{name}"
