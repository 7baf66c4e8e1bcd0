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
from phr.telemetry import readiness, reports

blueprint = Blueprint("operators", __name__)


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
    states = {"mongodb": "up"} | {name: "down" if name in faults else "up" for name in ("mqtt", "ingest", "scheduler")}
    if faults:
        detail = "; ".join(f"{name}: {sentence}" for name, sentence in faults.items())
        return problem(503, "server-unavailable", detail, {"dependencies": states, "faults": faults})
    return {"status": "ok", "dependencies": states}
