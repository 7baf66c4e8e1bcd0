"""A record with something in every place where a person can leave a row; and how to look for what is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import encode

from ops import snapshot
from phr.auth import (
    browsers,
    codes,
    device_codes,
    known_devices,
    links,
    page_drafts,
    page_sessions,
    tickets,
    wechat_people,
)
from phr.auth.codes import Login, NewCode
from phr.auth.device_codes import NewWaiting
from phr.auth.links import NewLink
from phr.auth.page_drafts import Draft
from phr.auth.page_sessions import Tokens
from phr.auth.tokens import issuer_of
from phr.auth.ways import Proof
from phr.clock import now_ms, rfc3339
from phr.database import Database
from phr.erasure import erasing
from phr.erasure.erasing import House
from phr.intake import commands
from phr.intake.commands import NewCommand
from phr.people import joining, logins, passkeys, second_factors
from phr.people.access import Caller
from phr.people.grants import grant_of
from phr.people.joining import Invitation
from phr.people.passkeys import Passkey
from phr.readings import folding
from phr.timeline import consent_papers, files
from phr.vocabulary.metrics import vocabulary
from tests.cast import T0, Cast, a_note
from tests.timeline.papers import PNG

CLINIC = "社区卫生服务中心"
DAILY = {"kind": "lesson", "rrule": "FREQ=DAILY", "starts_on": "2026-01-01", "times": ["08:00"]}
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Life:
    cast: Cast
    house: House

    @property
    def person(self) -> str:
        return self.cast.owner

    @property
    def database(self) -> Database:
        return self.cast.database


def lived(cast: Cast) -> Life:
    """By the API where there is a way, by rows of the right shape where only other roles write them."""
    database, owner = cast.database, cast.owner
    fields = {"roles": ["doctor"], "organisation": CLINIC}
    database["people"].update_one({"_id": cast.doctor}, {"$set": fields})
    _measured(cast)
    _told(cast)
    _written_for_others(cast)
    logins.create(database, "wang.fang", "a password", owner)
    passkeys.add(database, Passkey(owner, b"credential", b"key", 0), T0)
    second_factors.enrol(database, owner, T0)
    second_factors.begin(database, owner, now_ms())
    joining.invite(database, Invitation("", owner, "clinic", cast.doctor, False), now_ms())
    tickets.issue(database, Caller(owner, "app", frozenset(), None, "person"), owner, T0)
    _let_an_app_in(database, owner)
    _signed_on_paper(cast)
    commands.add(database, NewCommand(device="acme/cuff-1", code="sync-now", args={}, life_s=3_600), T0)
    _by_hand(database, owner)
    return Life(cast, house_of(cast))


def house_of(cast: Cast) -> House:
    settings = cast.installation.settings
    return House(settings.data_dir, issuer_of(settings), cast.installation.rings.access, 30, 15)


def erased(life: Life, at_ms: int = T0) -> None:
    """From the due day to the certificate."""
    due_ms = at_ms + 8 * 86_400_000
    while erasing.note_one(life.database, life.house, at_ms):
        pass
    while erasing.do_one(life.database, life.house, due_ms):
        due_ms += erasing.QUIET_MS


def naming(database: Database, text: str) -> dict[str, int]:
    """How many documents of which collections hold the text, in a key, a value or a name."""
    found = {}
    for name in snapshot.names(database):
        count = sum(text.encode() in encode(row) for row in database[name].find())
        if count:
            found[name] = count
    return found


def files_with(directory: Path, text: str) -> set[str]:
    return {
        str(one.relative_to(directory))
        for one in directory.rglob("*")
        if one.is_file() and text.encode() in one.read_bytes()
    }


def _signed_on_paper(cast: Cast) -> None:
    """The consent to the relative's grant, taken down by an organisation, with a scan."""
    taken = {"how": "sms-reply", "by": cast.doctor, "organisation": "other"}
    cast.database["grants"].update_one({"grantee": cast.relative}, {"$set": {"assisted": taken}})
    row = cast.database["grants"].find_one({"grantee": cast.relative})
    assert row
    consent_papers.keep(cast.database, grant_of(row), PNG, T0)


def _measured(cast: Cast) -> None:
    def pressure(t_ms: int, systolic: int, **more: Any) -> dict[str, Any]:
        value = {"systolic": systolic, "diastolic": 125}
        return {"metric": "blood-pressure", "t": rfc3339(t_ms, 480), "unit": "mm[Hg]", "value": value} | more

    now = now_ms()
    path = "/v1/people/{owner}/readings"
    impossible = pressure(now + 10 * HOUR_MS, 128)
    by_device = {"device": "acme/cuff-1", "readings": [pressure(now, 185), impossible]}
    assert cast.send(cast.owner, "POST", path, json=by_device).json["stored"] == 1  # type: ignore[index]
    by_hand = {"readings": [pressure(now - HOUR_MS, 150, id="h1")]}
    answer = cast.send(cast.owner, "POST", path, json=by_hand, headers={"Idempotency-Key": "once"})
    assert answer.json["stored"] == 1  # type: ignore[index]
    folding.fold_some(cast.database, vocabulary().metrics, lambda _: lambda _t: 480, now + HOUR_MS)
    cast.send(cast.owner, "GET", "/v1/people/{owner}/series/blood-pressure?resolution=month")


def _let_an_app_in(database: Database, owner: str) -> None:
    at = now_ms()
    browsers.begin(database, Proof(owner, ("pwd",)), at)
    page_sessions.begin(database, owner, Tokens("access", at, "refresh"), at, work=None)
    typed = Draft("doctor", owner, f"/app/people/{owner}", f"/app/people/{owner}/referrals", [("question", "头晕")])
    page_drafts.keep(database, typed, at)
    known_devices.remember(database, "cookie", owner, at)
    wechat_people.begin(database, "cookie", "/oauth/authorize", at, owner)
    asked = {"client_id": "app", "redirect_uri": "https://app.example/cb", "challenge": "x", "scope": "profile.read"}
    codes.keep(database, "code", NewCode(login=Login(owner, at, ("pwd",)), **asked), at)
    device_codes.keep(database, NewWaiting("device", "BCDF-GHJK", "app", "profile.read"), at)
    waiting = device_codes.find(database, "device", at)
    assert waiting is not None
    device_codes.decide(database, waiting.id, Login(owner, at, ("pwd",)), is_allowed=True)
    links.begin(database, links.new_id(), NewLink(owner, "app", "profile.read", at, ("pwd",)), at)


def _told(cast: Cast) -> None:
    path = "/v1/people/{owner}/entries"
    assert cast.send(cast.owner, "POST", path, json=a_note(id="n1")).status_code == 201
    cast.send(cast.owner, "PATCH", f"{path}/n1", json={"text": "头痛"}, headers={"If-Match": '"1"'})
    by_clinic = {"how": "professional", "organisation": CLINIC}
    for one in ("d1", "d2"):
        body = {"kind": "document", "id": one, "text": "出院小结", "effective_at": "2020", "words": "x"}
        body |= {"provenance": by_clinic} if one == "d2" else {}
        who = cast.doctor if one == "d2" else cast.owner
        cast.database["grants"].update_many({"grantee": cast.doctor}, {"$set": {"categories": ["*"]}})
        cast.database["grants"].update_many({"grantee": cast.doctor}, {"$set": {"verbs": ["read", "write"]}})
        assert cast.send(who, "POST", path, json=body).status_code == 201
        files.keep(cast.database, cast.owner, one, b"x" * 300_000, CLINIC if one == "d2" else None)
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/reminders", json=DAILY).status_code == 201
    announced = cast.send(cast.owner, "POST", "/v1/people/{owner}/imports", json={"format": "apple-health"})
    place = f"/v1/people/{{owner}}/imports/{announced.json['id']}"  # type: ignore[index]
    cast.send(cast.owner, "PUT", f"{place}/content?from=0", data=b"<x>")


def _written_for_others(cast: Cast) -> None:
    """The owner writes a note for the stranger, who has let them."""
    grant = {"_id": "g-other", "person": cast.stranger, "grantee": cast.owner, "kind": "relative", "purpose": "family"}
    grant |= {"categories": ["*"], "verbs": ["read", "write"], "from_ms": 0}
    cast.database["grants"].insert_one(grant)
    answer = cast.send(cast.owner, "POST", f"/v1/people/{cast.stranger}/entries", json=a_note(id="for-them"))
    assert answer.status_code == 201
    answer = cast.send(cast.owner, "POST", f"/v1/people/{cast.stranger}/reminders", json=DAILY)
    assert answer.status_code == 201
    cast.database["reminder_occurrences"].insert_one({"_id": "o2", "person": cast.stranger, "by": cast.owner})
    bucket = {"_id": f"{cast.stranger}:weight:1:hand", "p": cast.stranger, "l": [{"k": "void", "a": cast.owner}]}
    cast.database["readings"].insert_one(bucket)


def _by_hand(database: Database, owner: str) -> None:
    device, at = "acme/cuff-1", datetime.now(UTC)
    nobodys = {"device": device, "person": None, "reason": "unbound", "metric": "weight", "slot": "", "t_ms": T0}
    nobodys |= {"item": "{}", "arrived_at_ms": T0, "detail": ""}
    rows: dict[str, list[dict[str, Any]]] = {
        "held": [{"_id": f"{device}::1"} | nobodys],
        "processing_consents": [{"_id": "pc1", "person": owner, "topic": "research", "state": "refused", "by": owner}],
        "emergencies": [{"_id": "e1", "person": owner, "doctor": "d" * 20}],
        "emergency_exclusions": [{"_id": f"{owner}:clinic", "person": owner, "organisation": "clinic"}],
        "contracts": [{"_id": "k1", "person": owner, "made_by": owner, "grant": "none"}],
        "members": [
            {"_id": f"clinic:{owner}", "person": owner, "organisation": "clinic", "role": "nurse", "until_ms": None}
        ],
        "team_members": [{"_id": f"clinic/a:{owner}", "person": owner, "team": "clinic/a", "until_ms": None}],
        "restamps": [{"_id": f"{device}:{owner}:2", "person": owner, "by": owner, "at_ms": T0}],
        "rejections": [{"_id": "r1", "vendor": "acme", "device": device, "received_at_ms": T0, "payload": b"{}"}],
        "claims": [{"_id": "c1", "person": owner, "device": device}],
        "claim_tries": [{"_id": f"caller:{owner}", "at": [at]}],
        "slot_proposals": [{"_id": "s1", "device": device, "slot": "B", "by": owner, "person": "x"}],
        "device_status": [{"_id": device, "state": "online"}],
        "device_sightings": [{"_id": device, "at_ms": T0}],
        "clock_samples": [{"_id": device, "s": []}],
        "reminder_occurrences": [{"_id": "o1", "person": owner, "by": owner}],
        "exports": [{"_id": "x1", "person": owner, "author": owner}],
        "entry_imports": [{"_id": f"{owner}:i", "person": owner}],
        "landings": [{"b": [f"{owner}:weight:1:{device}", "another:1"], "v": [1, 1], "at": at}],
        "priorities": [{"_id": f"{owner}:heart-rate", "p": owner, "sources": [device]}],
        "hours": [{"_id": f"{owner}:heart-rate:2026-11:{device}", "p": owner}],
        "views": [{"_id": f"{owner}:weight:2026:", "p": owner}],
        "known": [{"_id": f"{owner}:facts", "person": owner}],
        "plans": [{"_id": f"{owner}:pl1", "person": owner, "state": "ended"}],
        "visits": [{"_id": f"{owner}:v1", "person": owner, "plan": "pl1"}],
        "care_tasks": [{"_id": f"{owner}:referral-v1", "person": owner, "state": "closed"}],
        "alert_contacts": [{"_id": owner, "emergency": [], "low_glucose": [], "crisis": [], "version": 1}],
        "alert_snoozes": [{"_id": f"{owner}:r:{owner}", "person": owner, "who": owner, "rule": "r", "until_ms": T0}],
        "panel_rows": [{"_id": f"clinic:{owner}", "person": owner, "organisation": "clinic", "sealed": b""}],
        "panel_due": [{"_id": owner, "due_ms": T0}],
        "deliveries": [{"_id": "a1|k1", "person": owner, "notice": "k1", "channel": "email", "address": "a1"}],
        "notice_addresses": [{"_id": "a1", "person": owner, "channel": "email", "state": "disabled", "sealed": b""}],
        "address_proofs": [{"_id": "a1", "person": owner, "name": "proof:1", "sealed": b"", "tries_left": 5}],
        "notice_preferences": [{"_id": owner, "version": 1}],
        "wechat_allowances": [{"_id": f"{owner}:t", "person": owner, "template": "t", "left": 1, "is_banned": False}],
        "learners": [{"_id": owner, "v": 0, "due_ms": T0}],
        "lessons": [{"_id": f"{owner}:token", "person": owner, "due_ms": T0, "v": 1, "sealed": b""}],
        "withdrawals": [{"_id": f"{owner}:acme", "person": owner, "vendor": "acme", "wanted": "locked", "due_ms": T0}],
        "watches": [{"_id": owner, "m": ["weight"], "news": 1}],
        "targets": [{"_id": f"{owner}:metric.weight", "person": owner}],
    }
    for name, some in rows.items():
        database[name].insert_many(some)
