"""Every route with who would be let in, for suites that no new route may escape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from marshmallow import Schema
from werkzeug.test import TestResponse

from phr.auth.scopes import scopes
from phr.people import organisations, people
from tests.cast import Cast, a_clinic, a_person


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    rule: str
    told: dict[str, Any]  # what stands above its view (phr.api.deciding)

    def __str__(self) -> str:
        return f"{self.method} {self.rule}"

    @property
    def places(self) -> list[str]:
        """Names in its path but the person."""
        return [name for name in re.findall(r"<(?:\w+:)?(\w+)>", self.rule) if name != "person"]

    @property
    def of(self) -> str:
        """Whose its scope is; "nobody" for a route without a guard of ours."""
        scope = scopes().get(str(self.told.get("scope", "")).split(" | ")[0])
        return scope.of if scope else "nobody"

    def schema(self, location: str) -> Schema | None:
        found: type[Schema] | None = self.told.get(location)
        return found() if found else None

    def path(self, person: str = "me", **places: str) -> str:
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda one: ({"person": person} | places).get(one[1], "x"), self.rule)


def routes(app: Flask) -> list[Route]:
    found = [
        Route(method, rule.rule, app.view_functions[rule.endpoint].__dict__)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    return sorted(found, key=lambda one: (one.rule, one.method))


@dataclass(frozen=True, slots=True)
class Caller:
    """One with a record, a vendor and a job of their own, and no part in anybody else's: a token for any route."""

    cast: Cast
    person: str
    tokens: dict[str, str]

    def ask(self, route: Route, path: str, **request: Any) -> TestResponse:
        token = self.tokens.get(route.of)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.cast.http.open(path, method=route.method, headers=headers | request.pop("headers", {}), **request)


def a_caller(cast: Cast) -> Caller:
    everything = " ".join(scopes())
    (officer,) = a_clinic(cast.database, organisations.OFFICER)
    person, client = people.create(cast.database, a_person(name="eve")).id, cast.vendor.client_id
    operator = people.create(cast.database, a_person(roles=(people.OPERATOR,))).id
    tokens = {
        "person": cast.token(person, everything),
        "vendor": cast.token(client, everything, client_id=client, vendor="acme"),
        "organisation": cast.token(officer, everything),
        "installation": cast.token(operator, everything, amr=("pwd", "mfa")),
    }
    return Caller(cast, person, tokens)
