"""The one table of all collections: how a person's rows are found in each, or why there are none to take away.

A new store has no erasure until it stands here; a test walks the database and fails for a collection that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from phr.database import Database, Document


@dataclass(frozen=True, slots=True)
class Stay:
    """A device while it was the person's, over [since, until); None: since ever. ``is_alone``: never another's."""

    device: str
    since_ms: int | None
    until_ms: int
    is_alone: bool


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose rows are meant, and the devices that were theirs."""

    person: str
    stays: tuple[Stay, ...] = ()

    @property
    def alone(self) -> list[str]:
        """The devices that nobody else ever had."""
        return sorted({one.device for one in self.stays if one.is_alone})


NOTHING: Document = {"_id": {"$in": []}}
Find = Callable[[Database, Whose], Document]


def _where(field: str) -> Find:
    return lambda _, whose: {field: whose.person}


def _any_of(*fields: str) -> Find:
    return lambda _, whose: {"$or": [{field: whose.person} for field in fields]}


def _keyed(_: Database, whose: Whose) -> Document:
    """Rows whose _id begins with the person."""
    return {"_id": {"$gte": f"{whose.person}:", "$lt": f"{whose.person};"}}


def _of_own_devices(field: str) -> Find:
    return lambda _, whose: {field: {"$in": whose.alone}}


def _held(_: Database, whose: Whose) -> Document:
    """Their own, what they were asked about and answered, and what only their devices measured for nobody."""
    theirs = [{field: whose.person} for field in ("person", "answer.by", "proposed_to")]
    return {"$or": [*theirs, {"device": {"$in": whose.alone}, "person": None}]}


def _rejections(_: Database, whose: Whose) -> Document:
    """What their devices sent that was refused; of a shared device, what came while it was theirs too."""
    wanted: list[Document] = [_sent_by(one) for one in whose.alone]
    for one in whose.stays:
        since = {} if one.since_ms is None else {"$gte": one.since_ms}
        wanted.append(_sent_by(one.device) | {"received_at_ms": since | {"$lt": one.until_ms}})
    return {"$or": wanted} if wanted else NOTHING


def _sent_by(device: str) -> Document:
    return {"vendor": device.partition("/")[0], "device": device}


def _chunks(database: Database, whose: Whose) -> Document:
    files = database["documents.files"].find({"metadata.person": whose.person}, {"_id": 1})
    return {"files_id": {"$in": [row["_id"] for row in files]}}


# In this order: what is found by another row goes before it, the person last.
TAKEN: Mapping[str, Find] = {
    "stream_tickets": _any_of("person", "subject"),
    "grants": _any_of("person", "grantee"),
    "contracts": _where("person"),
    "consent_papers": _where("person"),
    "processing_consents": _where("person"),
    "withdrawals": _where("person"),
    "team_members": _where("person"),
    "members": _where("person"),
    "logins": _where("person"),
    "second_factors": _where("_id"),
    "second_factor_drafts": _where("_id"),
    "login_invitations": _any_of("person", "by"),
    "links": _where("person"),
    "authorization_codes": _where("person"),
    "browser_sessions": _where("person"),
    "wechat_states": _where("person"),
    "page_sessions": _where("person"),
    "page_drafts": _any_of("person", "owner"),
    "known_devices": _where("person"),
    "device_codes": _where("person"),
    "readings": _keyed,
    "hours": _keyed,
    "summaries": _keyed,
    "views": _keyed,
    "sources": _where("p"),
    "priorities": _keyed,
    "entered": _where("p"),
    "held": _held,
    "restamps": _where("person"),
    "rejections": _rejections,
    "claims": _where("person"),
    "claim_tries": lambda _, whose: {"_id": f"caller:{whose.person}"},
    "slot_proposals": _any_of("person", "by"),
    "commands": _of_own_devices("device"),
    "device_status": _of_own_devices("_id"),
    "device_sightings": _of_own_devices("_id"),
    "clock_samples": _of_own_devices("_id"),
    "emergencies": _where("person"),
    "emergency_exclusions": _where("person"),
    "import_parts": _where("person"),
    "imports": _where("person"),
    "exports": _where("person"),
    "entry_imports": _where("person"),
    "documents.chunks": _chunks,
    "documents.files": _where("metadata.person"),
    "entry_history": _where("person"),
    "entries": _where("person"),
    "lessons": _where("person"),
    "learners": _where("_id"),
    "reminder_occurrences": _where("person"),
    "reminders": _where("person"),
    "deliveries": _where("person"),
    "notice_addresses": _where("person"),
    "address_proofs": _where("person"),
    "notice_preferences": _where("_id"),
    "wechat_allowances": _where("person"),
    "notices": _where("person"),
    "alerts": _where("person"),
    "panel_rows": _where("person"),
    "panel_due": _where("_id"),
    "alert_contacts": _where("_id"),
    "alert_snoozes": _any_of("person", "who"),
    "known": _where("person"),
    "targets": _where("person"),
    "plans": _where("person"),
    "visits": _where("person"),
    "care_tasks": _where("person"),
    "watches": _where("_id"),
    "repeats": _where("person"),
    "landings": lambda _, whose: {"b": {"$regex": f"^{whose.person}:"}},
    "feed": _where("p"),
    "feed_heads": _where("_id"),
    "people": _where("_id"),
}

# Collections that no row is taken from, and why.
STAYING: Mapping[str, str] = {
    "access_log": "kept under another name for as long as the law wants logs (phr.erasure.traces)",
    "access_chains": "under the same other name as the lines that are in them",
    "access_days": "signatures over ids of chains, which tell nothing of their people",
    "access_heads": "the same",
    "access_writers": "of the roles",
    "devices": "a vendor's; the person's bindings become nobody's (phr.erasure.theirs)",
    "data_keys": "a marker without the key, so that none is made again for this id",
    "effect_totals": "of at least twenty people, rounded, counted once; they name nobody",
    "erasures": "that this id was erased, and its certificate",
    "retained": "what an organisation must keep (phr.erasure.archive)",
    "arrivals": "digests of payloads and instants, for two days; they name nobody",
    "certificates": "a device's, by its name",
    "client_assertions": "digests of what clients have signed, for minutes; they name nobody",
    "clients": "of programs and vendors",
    "counters": "numbers of the installation",
    "feed_epochs": "a name of the installation",
    "passkey_challenges": "hashes of random bytes, for five minutes; they name nobody",
    "late_failures": "WeChat's numbers of messages, for an hour; they name nobody",
    "proof_counts": "counts under keyed hashes, for a day; they name nobody",
    "phone_codes": "keyed hashes of numbers, for five minutes; they name nobody",
    "login_tries": "counts under keyed hashes, for an hour; they name nobody",
    "lesson_marks": "how far the schedulers are",
    "mappings": "a vendor's",
    "migrations": "of the installation",
    "models": "a vendor's",
    "organisations": "of the installation",
    "teams": "an organisation's",
    "mqtt_credentials": "a device's or a vendor's login",
    "rate_counts": "counts under digests, for two minutes; they name nobody",
    "rejection_days": "counts of a vendor",
    "watch_marks": "a place in what has just landed",
    "article_images": "images of the installation's articles, with the operator who imported them: nobody's record",
    "article_marks": "which articles of the installation are served; it names nobody",
    "article_versions": "texts of articles as they were, with who imported and published them: nobody's record",
    "article_signatures": "a clinician's word on an article of the installation, with their name: nobody's record",
    "rule_signatures": "a clinician's word on a rule of the installation, with their name: nobody's record",
    "reminder_marks": "how far the schedulers are",
    "reminder_parts": "leases of the schedulers",
    "restores": "of the installation",
    "revoked_tokens": "ids of tokens that ended early, for a quarter of an hour; they name nobody",
    "telemetry": "counts of the roles",
    "vendor_hours": "counts of a vendor",
    "vendors": "a vendor's",
    "wechat_tokens": "of the installation, at WeChat's",
    "worker_slots": "of the roles",
}
