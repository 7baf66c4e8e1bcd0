"""The mini-program asks what the API describes, and what it takes for granted of the house is so."""

from __future__ import annotations

import importlib
import os
import pkgutil
from typing import Any

import pytest
from flask import Flask

import phr
from phr import errors
from phr.api.openapi import described
from phr.auth.scopes import people_scopes
from phr.intake.owner import CONSENT_WITHDRAWN
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.units import limit_in
from tests.cast import Cast
from tests.clients.describing import DESCRIBED, operations, typescript
from tests.clients.phone import exported

# RFC 6749, 5.2, and what the token end point answers besides.
OF_OAUTH = {"invalid_grant", "invalid_client", "unauthorized_client", "invalid_scope", "temporarily_unavailable"}
PART = ("key", "isNeeded", "decimals", "low", "high")
OWN = {"unreachable", "answer-unreadable", "app-fault", "wechat-login-failed"}


@pytest.fixture
def app(cast: Cast) -> Flask:
    return cast.http.application


def test_what_the_client_sends_is_what_the_api_describes(app: Flask) -> None:
    made = typescript(described(app))
    if os.environ.get("WRITE_DESCRIBED"):
        DESCRIBED.write_text(made, encoding="utf-8")
    assert len(operations()) > 10
    assert made == DESCRIBED.read_text(encoding="utf-8"), "run it again with WRITE_DESCRIBED=1"


def test_program_asks_for_the_scopes_of_its_operations_and_for_no_others(app: Flask, built: None) -> None:
    asked = set(exported("settings", "settings.scopes"))
    paths = described(app)["paths"]
    needed = [
        {name for one in paths[path][method.lower()].get("security", []) for name in one["token"]}
        for method, _, path in (name.partition(" ") for name in operations())
    ]
    assert [some for some in needed if some and not some & asked] == []
    # What a value means hangs on the profile and on diagnoses; see phr/api/overview.py.
    assert asked <= set().union(*needed) | {"conditions.read", "profile.read"}
    assert asked <= set(people_scopes())


def test_limits_at_the_keys_are_those_of_the_vocabulary(built: None) -> None:
    forms = exported("entering", "FORMS")
    assert len(forms) == 6
    for form in forms:
        metric = vocabulary().metrics[form["metric"]]
        units = {one.code: one for one in metric.units}
        assert form["hasMeal"] == ("meal" in metric.context)
        for unit in form["units"]:
            parts = [tuple(part[name] for name in PART) for part in unit["parts"]]
            assert parts == fields(metric, units[unit["code"]]), form["metric"]


def test_every_problem_that_has_words_is_one_that_can_happen(built: None) -> None:
    told = set(exported("words/zh", "zh.problems"))
    for one in pkgutil.walk_packages(phr.__path__, "phr."):
        if one.name != "phr.api.wsgi":  # begins to serve
            importlib.import_module(one.name)
    codes = {one.code for one in every(errors.PhrError)} | {CONSENT_WITHDRAWN}
    assert told - OF_OAUTH - OWN - codes == set()
    assert told >= OF_OAUTH | OWN


def fields(metric: Any, unit: Any) -> list[tuple[str, bool, int, float, float]]:
    """As the client has them: of each field its limits in the unit as sent."""
    parts = [(one.key, one.metric, one.required) for one in metric.components if one.key != "mean"]
    found = []
    for key, name, needed in parts or [("", metric.key, True)]:
        of = vocabulary().metrics[name]
        its = next((one for one in of.units if one.code == unit.code), of.unit)
        low, high = (limit_in(of, its, limit) for limit in (of.bounds.low, of.bounds.high))
        found.append((key, needed, its.decimals, low, high))
    return found


def every(kind: type[errors.PhrError]) -> list[type[errors.PhrError]]:
    return [kind, *(one for below in kind.__subclasses__() for one in every(below))]
