"""For operators: is the process alive, can the house serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from flask import Blueprint, Response

from phr.api.deciding import returns
from phr.api.installation import database
from phr.api.problems import problem
from phr.clock import now_ms
from phr.database import ping
from phr.errors import ServerUnavailable
from phr.migrations import restores
from phr.migrations.migrate import pending
from phr.telemetry import readiness, reports
from phr.telemetry.reports import Report

blueprint = Blueprint("operators", __name__)
WATCHED = ("mqtt", "ingest", "scheduler", "migrations")


class HealthTold(TypedDict):
    status: Literal["ok"]


class ReadinessTold(HealthTold):
    dependencies: dict[str, Literal["up", "down"]]


@blueprint.get("/healthz")
@returns()
def show_health() -> HealthTold:
    return {"status": "ok"}


@blueprint.get("/readyz")
def show_readiness() -> Response | ReadinessTold:
    try:
        ping(database())
    except ServerUnavailable:
        detail = "MongoDB does not answer; check PHR_MONGODB_URI and that it runs"
        return problem(503, "server-unavailable", detail, {"dependencies": {"mongodb": "down"}})
    faults = faults_of(reports.all_reports(database()))
    states: dict[str, Literal["up", "down"]] = {name: "down" if name in faults else "up" for name in WATCHED}
    states = {"mongodb": "up", **states}
    if faults:
        detail = "; ".join(f"{name}: {sentence}" for name, sentence in faults.items())
        return problem(503, "server-unavailable", detail, {"dependencies": states, "faults": faults})
    return {"status": "ok", "dependencies": states}


def faults_of(found: Sequence[Report]) -> dict[str, str]:
    """{dependency of WATCHED: what is wrong with it, in one sentence}; empty where all is well."""
    behind = _behind()
    return readiness.faults(found, now_ms()) | ({"migrations": behind} if behind else {})


def _behind() -> str | None:
    if reason := restores.under_way(database()):
        return reason
    try:
        names = [step.name for step in pending(database())]
    except ServerUnavailable as newer:
        return newer.detail
    return f"{', '.join(names)} has not run; run `python app.py migrate`" if names else None
