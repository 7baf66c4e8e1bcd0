"""What an archive tells beside the record: who may see it, who looked, the person's devices, plans and forms.

For its reader alone. Grants, log, devices and plans are of this installation and its people, so that an import passes
them over, and the record that it makes is equal without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from phr.database import Database
from phr.intake import devices
from phr.intake.device import Device
from phr.people import access, granting, grants
from phr.people.access_lines import Line
from phr.people.grants import Grant
from phr.plans import known, plans, targets, tasks, versions, visits
from phr.plans.versions import Version
from phr.timeline import consent_papers
from phr.timeline.consent_papers import Paper
from phr.timeline.whole import SELF

CONSENTS = "informative/consents"  # /GRANT/SHA256
GRANTS, LOG, DEVICES = "informative/grants.jsonl", "informative/access-log.jsonl", "informative/devices.jsonl"
CARE = "informative/care.jsonl"
OF_CARE = (known.COLLECTION, targets.COLLECTION, plans.COLLECTION, visits.COLLECTION, tasks.COLLECTION)

Told = dict[str, Any]


def told_of(database: Database, person: str, now_ms: int) -> Iterator[tuple[str, Iterator[Told]]]:
    """Each file's name and its lines, in a fixed order."""
    yield GRANTS, (_grant(database, one, now_ms) for one in granting.of_person(database, person))
    yield LOG, (_line(one) for one in access.lines(database, person))
    yield DEVICES, (_device(one, person) for one in devices.of_person(database, person))
    yield CARE, (_cared(what, one) for what in OF_CARE for one in versions.all_of(database, what, person))


def papers_of(database: Database, person: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each paper that shows a consent which staff took down."""
    for one in granting.of_person(database, person):
        for paper in consent_papers.of_grant(database, person, one.id) if one.assisted else []:
            yield f"{CONSENTS}/{one.id}/{paper.sha256}", consent_papers.pieces(database, paper)


def _grant(database: Database, one: Grant, now_ms: int) -> Told:
    names = ("kind", "grantee", "purpose", "from_ms", "until_ms", "data_from_ms", "data_until_ms", "revoked_at_ms")
    told: Told = {"id": one.id, "state": one.state(now_ms)} | {name: getattr(one, name) for name in names}
    told |= {"categories": sorted(one.categories), "verbs": sorted(one.verbs)}
    told |= {name: _self(getattr(one, name), one.person) for name in ("proposed_by", "accepted_by", "revoked_by")}
    told |= {"said": grants.told(database, one), "accepted_at_ms": one.accepted_at_ms}
    papers = consent_papers.of_grant(database, one.person, one.id) if one.assisted else []
    told |= {"assisted": dict(one.assisted or {}), "papers": [_paper(each) for each in papers]}
    return _plain(told)


def _paper(one: Paper) -> Told:
    return {"at_ms": one.at_ms, "media_type": one.media_type, "sha256": one.sha256}


def _line(one: Line) -> Told:
    names = ("at_ms", "role", "client_id", "act", "grant", "verb", "about", "outcome")
    told: Told = {name: getattr(one, name) for name in names}
    return _plain(told | {"who": _self(one.who, one.person), "categories": list(one.categories)})


def _device(one: Device, person: str) -> Told:
    """With when it was the person's; whose it was else is theirs."""
    own = [binding for binding in one.bindings if binding.person == person]
    had: Sequence[Told] = [
        _plain({"slot": binding.slot, "since_ms": binding.since_ms, "until_ms": binding.until_ms}) for binding in own
    ]
    made_on = one.made_on.isoformat() if one.made_on else None
    return _plain({"device": one.ref, "model": one.model, "made_on": made_on, "had": had})


def _cared(what: str, one: Version) -> Told:
    """Every version of each plan, target, form and task."""
    told: Told = {"what": what, "name": one.name, "version": one.version, "at_ms": one.at_ms}
    return told | {"by": _self(one.by, one.person), "said": dict(one.body)}


def _self(who: str | None, person: str) -> str | None:
    return SELF if who == person else who


def _plain(told: Told) -> Told:
    """What has no value is left out."""
    return {name: value for name, value in told.items() if value not in (None, "", {}, [])}
