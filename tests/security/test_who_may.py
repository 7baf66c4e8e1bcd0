"""Every route, asked by every member of the cast under every state of a grant, against a table that a person can read.

The table is ``who_may.txt``; its head says what the letters mean. A route without a row fails, and so does a row
without a route. To see a change as a whole, write the table anew (WRITE_WHO_MAY=1) and read what git says of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response

from phr.api import deciding
from phr.auth.protector import Validator
from phr.auth.scopes import scopes
from phr.clock import now_ms
from phr.people import access, access_lines, grants, keyring, organisations, people
from phr.people.grants import FAMILY_DOCTOR, GUARDIAN, PROXY, RELATIVE, SPECIALIST, NewGrant
from phr.people.organisations import Member
from tests.cast import T0, Cast, a_grant, a_person, cast

__all__ = ["cast"]

TABLE = Path(__file__).with_name("who_may.txt")
SHOWN, CUT, REFUSED, UNKNOWN = "+", "~", "-", "?"
BY_STATUS = {401: UNKNOWN, 403: REFUSED}
LATER = 2**53
NOW = now_ms()

# A grant of each state, made of one that is live.
STATES: dict[str, Callable[[NewGrant], NewGrant | None]] = {
    "none": lambda _: None,
    "proposed": lambda one: replace(one, awaits=one.person, proposed_by=one.grantee, proposed_at_ms=LATER),
    "declined": lambda one: one,  # and then declined
    "revoked": lambda one: one,  # and then revoked
    "expired": lambda one: replace(one, until_ms=T0),
    "future": lambda one: replace(one, from_ms=LATER),
    "live": lambda one: one,
    "other category": lambda one: replace(one, categories=("profile",)),
    "other verb": lambda one: replace(one, verbs=("read",)),
    "period of data": lambda one: replace(one, verbs=("read",), data_from_ms=0, data_until_ms=T0),
}
NEVER = ("none", "proposed", "declined", "revoked", "expired", "future")
KINDS = (RELATIVE, FAMILY_DOCTOR, SPECIALIST, PROXY, GUARDIAN)
# Routes on whom the category profile is the right one are asked with another.
OTHER_CATEGORY = {"profile": "readings"}


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    rule: str
    scope: str | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def verb(self) -> str | None:
        return self.scope.rpartition(".")[2] if self.scope else None

    def path(self, person: str) -> str:
        parts = self.rule.replace("<person>", person).split("/")
        return "/".join("x" if part.startswith("<") else part for part in parts)


def routes(app: Flask) -> list[Route]:
    found = [
        Route(method, rule.rule, _scope(app.view_functions[rule.endpoint]))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return sorted(found, key=lambda one: (one.rule, one.method))


def _scope(view: Any) -> str | None:
    """What the guard wants; None where there is none, or one of its own (a broker's secret)."""
    name = view.__dict__.get("scope")
    return name if name and name.split(" | ")[0] in scopes() else None


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views are left out: what is asked is whether they would have been reached, and with what."""

    def reached(_view: Any, permission: access.Permission, _args: Any) -> Response:
        permission.finish()
        return Response(CUT if permission.sight.limited else SHOWN)

    monkeypatch.setattr(deciding, "_recorded", reached)
    monkeypatch.setattr(
        access_lines, "append", lambda *_: None
    )  # that each try is written down is tried in test_access
    # Nothing changes while the table is made: each grant is read, and each signature checked, once.
    monkeypatch.setattr(grants, "live", cache(grants.live))
    monkeypatch.setattr(keyring, "is_destroyed", cache(keyring.is_destroyed))
    monkeypatch.setattr(Validator, "authenticate_token", cache(Validator.authenticate_token))
    monkeypatch.setattr(deciding, "now_ms", lambda: NOW)


@dataclass(frozen=True, slots=True)
class Table:
    """Tokens of everybody, by column and state; ``ask`` gives the letter of one request."""

    cast: Cast
    singles: dict[str, str]
    holders: dict[str, dict[str, str]]
    other: dict[str, str]  # whose grant is on the other category where profile is the right one

    def ask(self, route: Route, token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self.cast.http.open(route.path(self.cast.owner), method=route.method, headers=headers)
        if route.scope and scopes()[route.scope.split(" | ")[0]].of != "person":
            return BY_STATUS.get(answer.status_code, SHOWN)
        return BY_STATUS.get(answer.status_code) or answer.get_data(as_text=True)

    def row(self, route: Route) -> str:
        if route.scope is None:
            return f"{route.name:<66} open"
        singles = "".join(self.ask(route, token) for token in self.singles.values())
        held = " ".join("".join(self._held(route, kind)) for kind in self.holders)
        return f"{route.name:<66} {singles} {held}"

    def _held(self, route: Route, kind: str) -> Iterator[str]:
        for state, token in self.holders[kind].items():
            is_profile = route.scope is not None and route.scope.startswith("profile.")
            yield self.ask(route, self.other[kind] if is_profile and state == "other category" else token)


@pytest.fixture
def table(cast: Cast, decisions: None) -> Table:
    """One owner, and somebody for each kind and state of a grant."""
    wanted = [(kind, state) for kind in KINDS for state in (*STATES, "profile's other category")]
    made = people.create_many(cast.database, [a_person() for _ in range(len(wanted) + 3)])
    officer, alone, colleague = made[-1].id, made[-2].id, made[-3].id
    organisations.create(cast.database, "clinic", "社区卫生服务中心")
    for person, role in ((officer, organisations.OFFICER), (colleague, organisations.DOCTOR)):
        organisations.put_member(cast.database, Member("clinic", person, role, None), NOW)
    holders: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    other: dict[str, str] = {}
    for (kind, state), person in zip(wanted, made, strict=False):
        live = a_grant(cast.owner, person.id, kind=kind, verbs=("read", "write"))
        if state not in STATES:
            grants.create(cast.database, replace(live, categories=("readings",)))
            other[kind] = cast.token(person.id)
            continue
        if draft := STATES[state](live):
            made_one = grants.create(cast.database, draft)
            ends = {"declined": {"declined_at_ms": T0, "revoked_at_ms": T0}, "revoked": {"revoked_at_ms": T0}}
            if state in ends:
                cast.database["grants"].update_one({"_id": made_one.id}, {"$set": ends[state]})
        holders[kind][state] = cast.token(person.id)
    supported = a_grant(alone, grants.SUPPORT, kind="support", verbs=("read", "write"))
    grants.create(cast.database, supported)
    all_vendor = " ".join(name for name, one in scopes().items() if one.of == "vendor")
    client = cast.vendor.client_id
    singles = {
        "nobody": "",
        "owner": cast.token(cast.owner),
        "owner, a token without the scope": cast.token(cast.owner, "vendor.read"),
        "stranger": cast.token(cast.stranger),
        "vendor": cast.token(client, f"{all_vendor} {' '.join(scopes())}", client_id=client, vendor="acme"),
        "client": cast.token("a-client", " ".join(scopes()), client_id="a-client"),
        "operator in the owner's name, without support": cast.token(cast.owner, act="root"),
        "operator in a supported stranger's name": cast.token(alone, act="root"),
        "privacy officer": cast.token(officer, " ".join(scopes())),
        "doctor of a clinic without a grant": cast.token(colleague, " ".join(scopes())),
        "operator of the installation": cast.operator_token(),
    }
    return Table(cast, singles, holders, other)


def head(table: Table) -> str:
    lines = [
        "Who may do what to whose record: what each route answers about the owner's record.",
        "",
        f"{SHOWN} allowed   {CUT} allowed, what is given is cut down to a period   {REFUSED} refused   "
        f"{UNKNOWN} the token is none, or none for this",
        "open: answered without a token, or with a proof of its own",
        "",
        "First group, one letter each: " + "; ".join(table.singles) + ".",
        f"Then a group each for the {', '.join(table.holders)}, a letter for each state of the grant, on all",
        f"categories and both verbs where not said otherwise: {', '.join(STATES)}.",
        "A route of many categories is allowed to whoever may see (write) one of them, and keeps to those.",
        "",
        "",
    ]
    return "\n".join(lines)


def test_every_route_answers_everybody_as_the_table_says(table: Table) -> None:
    found = head(table) + "".join(f"{table.row(one)}\n" for one in routes(table.cast.http.application))
    if os.environ.get("WRITE_WHO_MAY"):
        TABLE.write_text(found, encoding="utf-8")
    said = TABLE.read_text(encoding="utf-8")
    difference = unified_diff(said.splitlines(), found.splitlines(), "the table", "the routes", lineterm="", n=0)
    assert said == found, "\n".join(difference)


def test_the_table_allows_nothing_by_a_grant_that_does_not_hold() -> None:
    """What the table may never say, whoever writes it."""
    rows = [line.split() for line in TABLE.read_text(encoding="utf-8").splitlines() if " /" in line]
    for method, rule, singles, *held in rows:
        of_owner = "<person>" in rule
        if of_owner:
            staff = SHOWN if "/contracts" in rule else REFUSED
            assert singles == f"{UNKNOWN}{SHOWN}{REFUSED * 7}{staff}{REFUSED}", f"{method} {rule}"
        if rule.startswith("/v1/operations"):
            assert singles == f"{UNKNOWN}{REFUSED * 9}{SHOWN}", f"{method} {rule}"
        if of_owner or rule.startswith(("/v1/vendor", "/v1/organisation", "/v1/operations")):
            assert len(held) == len(KINDS)
            assert {group[: len(NEVER)] for group in held} == {REFUSED * len(NEVER)}, f"{method} {rule}"


def test_every_view_about_a_person_or_a_vendor_is_guarded(cast: Cast) -> None:
    for route in routes(cast.http.application):
        if route.rule.startswith(("/v1/people/", "/v1/vendor/", "/v1/devices/", "/v1/organisation", "/v1/operations")):
            assert route.scope, route.name
