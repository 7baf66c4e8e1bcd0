"""What a person leaves where others need it: another name for them in the access log and in records of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pymongo import ReplaceOne

from phr.audit import chains
from phr.database import Database, Document
from phr.people.access_lines import LOG, Line, key_of, renamed

ROWS_AT_ONCE = 1_000


def others_of(database: Database, person: str) -> list[str]:
    """The people whose records the person was in, by the access log."""
    found = database[LOG].distinct("person", {"who": person, "outcome": "allowed"})
    return sorted(one for one in found if one != person)


def rename(database: Database, person: str, others: list[str], alias: str) -> None:
    """The alias instead of the person wherever a row stays. Safe to repeat.

    Lines about their own record say from then on who did what kind of thing and when, no more, and go when the law no
    longer wants them; lines about others' records stay those people's.
    """
    about_them: Document = {"person": person}
    while database[LOG].find_one(about_them, {"_id": 1}) or database[chains.CHAINS].find_one(about_them, {"_id": 1}):
        _rename_lines(database, about_them, lambda line: replace(line, person=alias, about="", grant=None))
        chains.rename(database, person, alias)  # what was linked in between is found in the next round
    _rename_lines(database, {"who": person}, lambda line: replace(line, who=alias))
    database["emergencies"].update_many({"doctor": person}, {"$set": {"doctor": alias}})
    database["emergencies"].update_many({"closed_by": person}, {"$set": {"closed_by": alias}})
    for name in ("entries", "entry_history"):
        wrote: Document = {"person": {"$in": others}, "author.subject": person}
        database[name].update_many(wrote, {"$set": {"author.subject": alias}})
    for name, field in (("imports", "author"), ("imports", "taken_back.by"), ("exports", "author"), ("restamps", "by")):
        database[name].update_many({"person": {"$in": others}, field: person}, {"$set": {field: alias}})
    for name, field in (("reminders", "source"), ("reminder_occurrences", "by")):
        database[name].update_many({"person": {"$in": others}, field: person}, {"$set": {field: alias}})
    for field in ("proposed_by", "accepted_by", "revoked_by", "assisted.by", "assisted.witness"):
        database["grants"].update_many({field: person}, {"$set": {field: alias}})
    for name in ("processing_consents", "consent_papers"):
        database[name].update_many({"by": person}, {"$set": {"by": alias}})
    database["alerts"].update_many(
        {"person": {"$in": others}, "acknowledged.by": person},
        {"$set": {"acknowledged.$[one].by": alias}},
        array_filters=[{"one.by": person}],
    )
    database["alerts"].update_many({"person": {"$in": others}, "ended.by": person}, {"$set": {"ended.by": alias}})
    for field in ("emergency", "low_glucose", "crisis"):  # nobody is called who is not there
        database["alert_contacts"].update_many({field: person}, {"$pull": {field: person}})
    database["contracts"].update_many({"made_by": person}, {"$set": {"made_by": alias}})
    for other in others:
        acted = {"_id": {"$gte": f"{other}:", "$lt": f"{other};"}, "l.a": person}
        database["readings"].update_many(acted, {"$set": {"l.$[one].a": alias}}, array_filters=[{"one.a": person}])


def _rename_lines(database: Database, wanted: Document, change: Callable[[Line], Line]) -> None:
    """One that is linked meanwhile is looked at again: the guard is the row as it was."""
    key = key_of(database)
    while rows := list(database[LOG].find(wanted).limit(ROWS_AT_ONCE)):
        changes = [ReplaceOne({"_id": row["_id"], "open": row.get("open")}, renamed(key, row, change)) for row in rows]
        database[LOG].bulk_write(changes, ordered=False)
