"""For operators: is the process alive, can the house serve."""

from __future__ import annotations

from typing import Any

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

blueprint = Blueprint("operators", __name__)
_WATCHED = ("mqtt", "ingest", "scheduler", "migrations")


@blueprint.get("/healthz")
@returns()
def show_health() -> dict[str, str]:
    return {"status": "ok"}


@blueprint.get("/readyz")
def show_readiness() -> Response | dict[str, Any]:
    try:
        ping(database())
    except ServerUnavailable:
        detail = "MongoDB does not answer; check PHR_MONGODB_URI and that it runs"
        return problem(503, "server-unavailable", detail, {"dependencies": {"mongodb": "down"}})
    faults = readiness.faults(reports.all_reports(database()), now_ms())
    if behind := _behind():
        faults["migrations"] = behind
    states = {"mongodb": "up"} | {name: "down" if name in faults else "up" for name in _WATCHED}
    if faults:
        detail = "; ".join(f"{name}: {sentence}" for name, sentence in faults.items())
        return problem(503, "server-unavailable", detail, {"dependencies": states, "faults": faults})
    return {"status": "ok", "dependencies": states}


def _behind() -> str | None:
    if reason := restores.under_way(database()):
        return reason
    try:
        names = [step.name for step in pending(database())]
    except ServerUnavailable as newer:
        return newer.detail
    return f"{', '.join(names)} has not run; run `python app.py migrate`" if names else None
