"""How a person wants to be told: by which channels of which kind, when not, how much is said, and how often.

Collection ``notice_preferences``: _id  the person     kinds, quiet, details, digest_at, version
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from phr.database import DURABLE, Database, Document
from phr.errors import InputInvalid, VersionConflict
from phr.notices.addresses import CHANNELS
from phr.notices.outbox import Notice

PREFERENCES = "notice_preferences"
KINDS = ("alert", "reminder", "lesson", "account")
DAY_MIN = 24 * 60
_BEGINS = {"alert-": "alert", "reminder-lesson": "lesson", "reminder-": "reminder", "lesson": "lesson"}


@dataclass(frozen=True, slots=True)
class Preferences:
    """``kinds``: channels by kind, every channel where a kind is not named; ``quiet``, ``digest_at``: minutes of the
    person's day; ``details``: the channels that may say what a notice is about.
    """

    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quiet: tuple[int, int] | None = None
    details: tuple[str, ...] = ()
    digest_at: int | None = None
    version: int = 0

    def wants(self, kind: str, channel: str) -> bool:
        return channel in self.kinds.get(kind, tuple(CHANNELS))


def kind_of(notice: Notice) -> str:
    """What a notice is for who chooses channels."""
    if notice.metric:
        return "alert"
    return next((kind for begin, kind in _BEGINS.items() if notice.rule.startswith(begin)), "account")


def checked(wanted: Preferences) -> Preferences:
    """Raises InputInvalid, naming the field."""
    for kind, channels in wanted.kinds.items():
        if kind not in KINDS:
            raise InputInvalid(f"there are {', '.join(KINDS)}", f"/kinds/{kind}")
        for number, name in enumerate(channels):
            if name not in CHANNELS:
                raise InputInvalid(f"there are {', '.join(CHANNELS)}", f"/kinds/{kind}/{number}")
    for number, name in enumerate(wanted.details):
        if name not in CHANNELS or not CHANNELS[name].may_detail:
            able = ", ".join(one for one, known in CHANNELS.items() if known.may_detail)
            raise InputInvalid(f"only {able} may say what a notice is about", f"/details/{number}")
    if wanted.quiet is not None and wanted.quiet[0] == wanted.quiet[1]:
        raise InputInvalid("quiet hours end at another time than they begin", "/quiet")
    return wanted


def of(database: Database, people: Collection[str]) -> Mapping[str, Preferences]:
    """Those of them who have chosen anything."""
    return {row["_id"]: _preferences(row) for row in database[PREFERENCES].find({"_id": {"$in": list(people)}})}


def choose(database: Database, person: str, wanted: Preferences, version: int) -> Preferences:
    """Raises InputInvalid, VersionConflict where it has changed since ``version``."""
    checked(wanted)
    row: Document = {
        "kinds": {kind: list(channels) for kind, channels in wanted.kinds.items()},
        "quiet": list(wanted.quiet) if wanted.quiet else None,
        "details": list(wanted.details),
        "digest_at": wanted.digest_at,
        "version": version + 1,
    }
    rows = database[PREFERENCES].with_options(write_concern=DURABLE)
    if version == 0:
        is_done = rows.update_one({"_id": person}, {"$setOnInsert": row}, upsert=True).upserted_id is not None
    else:
        is_done = bool(rows.replace_one({"_id": person, "version": version}, row).matched_count)
    if not is_done:
        raise VersionConflict("it has changed since you read it; read it again")
    return of(database, [person])[person]


def _preferences(row: Document) -> Preferences:
    return Preferences(
        {kind: tuple(channels) for kind, channels in row["kinds"].items()},
        (row["quiet"][0], row["quiet"][1]) if row["quiet"] else None,
        tuple(row["details"]),
        row["digest_at"],
        row["version"],
    )
