"""What a person leaves where others need it: another name for them in the access log and in records of others."""

from __future__ import annotations

from phr.database import Database, Document

# Network logs are kept for six months at least. Source: Cybersecurity Law of the PR China, art. 21(3).
LOGS_KEPT_DAYS = 184
_KEPT_MS = LOGS_KEPT_DAYS * 86_400_000


def others_of(database: Database, person: str) -> list[str]:
    """The people whose records the person was in, by the access log."""
    found = database["access_log"].distinct("person", {"who": person, "outcome": "allowed"})
    return sorted(one for one in found if one != person)


def rename(database: Database, person: str, others: list[str], alias: str) -> None:
    """The alias instead of the person wherever a row stays. Safe to repeat.

    Lines about their own record say from then on who did what kind of thing and when, no more, and go when the law no
    longer wants them; lines about others' records stay those people's.
    """
    log = database["access_log"]
    until = {"$toDate": {"$add": ["$at_ms", _KEPT_MS]}}
    log.update_many({"person": person}, [{"$set": {"person": alias, "about": "", "grant": None, "expires_at": until}}])
    log.update_many({"who": person}, {"$set": {"who": alias}})
    for name in ("entries", "entry_history"):
        wrote: Document = {"person": {"$in": others}, "author.subject": person}
        database[name].update_many(wrote, {"$set": {"author.subject": alias}})
    for name, field in (("imports", "author"), ("imports", "taken_back.by"), ("exports", "author"), ("restamps", "by")):
        database[name].update_many({"person": {"$in": others}, field: person}, {"$set": {field: alias}})
    for field in ("proposed_by", "accepted_by", "revoked_by"):
        database["grants"].update_many({field: person}, {"$set": {field: alias}})
    for other in others:
        acted = {"_id": {"$gte": f"{other}:", "$lt": f"{other};"}, "l.a": person}
        database["readings"].update_many(acted, {"$set": {"l.$[one].a": alias}}, array_filters=[{"one.a": person}])
