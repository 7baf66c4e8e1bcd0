"""The signed certificate of an erasure: what was removed, what stays and why, and when the last backup expires."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from joserfc import jws

from phr.auth.keys import ALGORITHM, Key
from phr.clock import DAY_MS, At, On, rfc3339, to_datetime
from phr.erasure.archive import Archive
from phr.people.access_lines import LEAST_KEPT_DAYS

TYPE = "erasure-certificate+json"
By = Literal["owner", "guardian", "operator"]


class ArchiveTold(TypedDict):
    """What an organisation has to keep, and until when."""

    archive: str
    organisation: str
    versions_of_entries: int
    until: On


class LogKeptTold(TypedDict):
    kept_as: str
    until: On


class StatementTold(TypedDict):
    """``removed``: rows, by collection."""

    issuer: str
    record: str
    asked_at: At
    asked_by: By
    key_destroyed_at: At
    erased_at: At
    removed: dict[str, int]
    archives: list[ArchiveTold]
    access_log: LogKeptTold
    last_backup_expires_on: On


class CertificateTold(TypedDict):
    """The statement, and the same as a JWS (RFC 7515) that /oauth/jwks.json checks."""

    certificate: StatementTold
    jws: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What there is to certify."""

    issuer: str
    person: str
    asked_at_ms: int
    asked_by: By
    closed_at_ms: int  # when the person's key was destroyed
    removed: Mapping[str, int]  # rows, by collection
    archives: Sequence[Archive]
    backup_kept_days: int


def issue(key: Key, done: Done, now_ms: int) -> CertificateTold:
    """The signed certificate."""
    statement: StatementTold = {
        "issuer": done.issuer,
        "record": done.person,
        "asked_at": rfc3339(done.asked_at_ms),
        "asked_by": done.asked_by,
        "key_destroyed_at": rfc3339(done.closed_at_ms),
        "erased_at": rfc3339(now_ms),
        "removed": {name: count for name, count in sorted(done.removed.items()) if count},
        "archives": [
            {
                "archive": one.id,
                "organisation": one.organisation,
                "versions_of_entries": one.versions,
                "until": to_datetime(one.until_ms).date().isoformat(),
            }
            for one in done.archives
        ],
        "access_log": {
            "kept_as": "who did what kind of thing and when, under a name that nothing links to the record",
            "until": to_datetime(now_ms + LEAST_KEPT_DAYS * DAY_MS).date().isoformat(),
        },
        "last_backup_expires_on": to_datetime(now_ms + done.backup_kept_days * DAY_MS).date().isoformat(),
    }
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
    payload = json.dumps(statement, ensure_ascii=False, sort_keys=True).encode()
    return {"certificate": statement, "jws": jws.serialize_compact(header, payload, key)}
