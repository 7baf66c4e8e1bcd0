"""The cast: an owner, a relative and a doctor with grants, a stranger, a vendor; valid by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from phr.api.installation import Installation
from phr.auth import clients, scopes, tokens
from phr.auth.clients import Credentials, NewClient
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database
from phr.intake import devices
from phr.intake.devices import NewDevice
from phr.people import grants, organisations, people
from phr.people.grants import NewGrant
from phr.people.organisations import Member
from phr.people.people import NewPerson

T0 = 1_795_390_200_000  # 2026-11-23T07:30:00+08:00


def a_person(**changes: Any) -> NewPerson:
    return NewPerson(**({"zone": "Asia/Shanghai", "name": "王芳", "birth_on": date(1958, 3, 1)} | changes))


def a_grant(person: str, grantee: str, **changes: Any) -> NewGrant:
    valid = {"kind": "relative", "categories": ("*",), "verbs": ("read",), "purpose": "family", "from_ms": 0}
    return NewGrant(person=person, grantee=grantee, **(valid | changes))


def a_gift(grantee: str, kind: str = "relative", **changes: Any) -> dict[str, Any]:
    """What an owner sends who grants something."""
    return {"grantee": grantee, "kind": kind, "text": {"version": 1, "language": "zh"}} | changes


def a_clinic(database: Database, *roles: str) -> list[str]:
    """An organisation "clinic" with a team "blue" and somebody for each role; who may be in the team is."""
    organisations.create(database, "clinic", "社区卫生服务中心")
    organisations.create_team(database, "clinic", "blue", "蓝队")
    found = []
    for role in roles:
        person = people.create(database, a_person(name=f"陈 {role}")).id
        organisations.put_member(database, Member("clinic", person, role, None), T0)
        if role in organisations.PROFESSIONS:
            organisations.join_team(database, "clinic/blue", person, T0)
        found.append(person)
    return found


def a_note(**changes: Any) -> dict[str, Any]:
    return {"kind": "note", "text": "头晕", "effective_at": "2026-11-23T07:30:00+08:00"} | changes


@dataclass(slots=True)
class Cast:
    """Ids of everybody; ``send`` asks as one of them."""

    database: Database
    http: FlaskClient
    installation: Installation
    owner: str
    relative: str
    doctor: str
    stranger: str
    vendor: Credentials

    def token(self, sub: str, scope: str | None = None, **changes: Any) -> str:
        """A good token of a person with every scope on people's records."""
        claims = {
            "issuer": self.installation.issuer,
            "sub": sub,
            "client_id": "app",
            "scope": " ".join(scopes.people_scopes()) if scope is None else scope,
            "life_s": 300,
            "auth_time_s": now_ms() // 1000,
        }
        return tokens.sign(self.installation.key, tokens.Claims(**(claims | changes)), now_ms())

    def vendor_token(self, vendor: str = "acme") -> str:
        client = self.vendor.client_id
        return self.token(client, "vendor.read", client_id=client, vendor=vendor)

    def operator_token(self) -> str:
        """Of somebody new who runs the installation, with every scope, after a login with two factors."""
        operator = people.create(self.database, NewPerson(zone="Asia/Shanghai", roles=(people.OPERATOR,)))
        return self.token(operator.id, " ".join(scopes.scopes()), amr=("pwd", "otp", "mfa"))

    def send(self, who: str, method: str, path: str, **request: Any) -> TestResponse:
        """The answer to a person; "{owner}" in the path stands for the owner's id."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} | request.pop("headers", {})
        return self.http.open(path.format(owner=self.owner), method=method, headers=headers, **request)


@pytest.fixture
def cast(database: Database, application: Flask, settings: Settings) -> Cast:
    drafts = [a_person(name=name) for name in ("owner", "relative", "doctor", "stranger")]
    owner, relative, doctor, stranger = (person.id for person in people.create_many(database, drafts))
    grants.create(database, a_grant(owner, relative, verbs=("read", "write")))
    doctors = a_grant(owner, doctor, kind="family-doctor", categories=("readings",))
    grants.create(database, doctors)
    devices.create_vendor(database, "acme", T0)
    devices.create_device(database, NewDevice(vendor="acme", name="cuff-1", bindings=(("", owner),)), T0)
    vendor = clients.create(database, NewClient(name="acme", scope=["vendor.read"], vendor="acme"), T0)
    first = application.extensions.setdefault("phr of the first", application.extensions["phr"])
    installation = application.extensions["phr"] = _anew(first, settings)
    return Cast(database, application.test_client(), installation, owner, relative, doctor, stranger, vendor)


def _anew(first: Installation, settings: Settings) -> Installation:
    """As one is at its start: no counts, streams or memory of those who asked before, and nothing that a test set."""
    made = Installation(settings, first.issuer, first.rings, first.database())
    made.protector = first.protector  # the OAuth server has it too
    return made
