"""What an operator sees: how the installation fares, what comes in, devices, rejections. No value, nobody's name."""

from __future__ import annotations

from itertools import chain
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import fields, validate

from phr.api.deciding import access, returns, takes
from phr.api.installation import database, installation
from phr.api.operators import WATCHED, faults_of
from phr.api.shapes import At, PageQuery
from phr.api.vendor import DeviceTold, RejectionsQuery, shown_devices, sought_by
from phr.api.vendor_statistics import Counts, HourTold, StatisticsQuery, counts_of, span_of, total_of
from phr.clock import now_ms, rfc3339
from phr.intake import devices, rejections, vendor_hours
from phr.intake.rejections import KeptRejection
from phr.intake.vendor_hours import VendorHour
from phr.notices import deliveries
from phr.readings import folding
from phr.telemetry import readiness, reports

blueprint = Blueprint("operations", __name__)

VENDOR = r"[a-z0-9-]{1,32}\Z"


class DevicesQuery(PageQuery):
    prefix = fields.String(load_default="", validate=validate.Regexp(r"[A-Za-z0-9._:/-]{0,100}\Z"))


class AllRejectionsQuery(RejectionsQuery):
    vendor = fields.String(load_default=None, validate=validate.Regexp(VENDOR))


class IntakeQuery(StatisticsQuery):
    vendor = fields.String(load_default=None, validate=validate.Regexp(VENDOR))


class WaitingTold(TypedDict):
    channel: str
    count: int
    late_s: float


class StateTold(TypedDict):
    """``parts``: up or down, and in ``faults`` why; ``folding``: how many buckets' summaries are behind."""

    at: At
    parts: dict[str, str]
    faults: dict[str, str]
    ingest_workers: int
    handed_over: int
    folding: int
    deliveries: list[WaitingTold]


class VendorTold(Counts):
    vendor: str


IntakeTold = TypedDict(
    "IntakeTold", {"from": At, "to": At, "total": Counts, "hours": list[HourTold], "vendors": list[VendorTold]}
)


class ReasonTold(TypedDict):
    path: str
    code: str
    count: int


class RejectionTold(TypedDict):
    """``rejected``: the first hundred."""

    vendor: str
    device: str
    received_at: At
    payload_bytes: int
    rejected_count: int
    rejected: list[ReasonTold]


class RejectionsTold(TypedDict):
    rejections: list[RejectionTold]
    next_cursor: str | None


class DevicesTold(TypedDict):
    devices: list[DeviceTold]
    next_cursor: str | None


@blueprint.get("/v1/operations/state")
@access("operations.read")
@returns()
def show_state() -> StateTold:
    """How each part fares, and what waits."""
    now = now_ms()
    installation().report(now)
    found = reports.all_reports(database())
    faults, workers = faults_of(found), readiness.live(found, "ingest", now)
    return {
        "at": rfc3339(now),
        "parts": {"mongodb": "up"} | {name: "down" if name in faults else "up" for name in WATCHED},
        "faults": faults,
        "ingest_workers": len(workers),
        "handed_over": round(sum(one.levels.get("handover_messages", 0) for one in workers)),
        "folding": folding.backlog(database()),
        "deliveries": [
            {"channel": channel, "count": count, "late_s": max(0, now - first_ms) / 1000}
            for channel, (count, first_ms) in sorted(deliveries.backlog(database()).items())
        ],
    }


@blueprint.get("/v1/operations/intake")
@access("operations.read")
@takes(IntakeQuery, location="query")
@returns()
def show_intake(query: dict[str, Any]) -> IntakeTold:
    """Whole UTC hours that touch [from, to), of all vendors or of one; the last 24 hours where nothing is said."""
    first_ms, end_ms = span_of(query)
    names = [one for one in devices.vendors(database()) if query["vendor"] in (None, one)]
    of_vendors = {name: vendor_hours.between(database(), name, first_ms, end_ms) for name in names}
    by_start: dict[int, list[VendorHour]] = {}
    for hour in chain.from_iterable(of_vendors.values()):
        by_start.setdefault(hour.start_ms, []).append(hour)
    return {
        "from": rfc3339(first_ms),
        "to": rfc3339(end_ms),
        "total": counts_of(total_of(chain.from_iterable(of_vendors.values()))),
        "hours": [{"hour": rfc3339(one), **counts_of(total_of(by_start[one]))} for one in sorted(by_start)],
        "vendors": [{"vendor": name, **counts_of(total_of(hours))} for name, hours in of_vendors.items()],
    }


@blueprint.get("/v1/operations/rejections")
@access("operations.read")
@takes(AllRejectionsQuery, location="query")
@returns()
def list_rejections(query: dict[str, Any]) -> RejectionsTold:
    """Latest first: which device, where in the payload, which code. What was sent is for its vendor alone."""
    sought = sought_by(query, query["vendor"])
    page = rejections.recent(database(), query["vendor"], query["limit"], query["cursor"], sought=sought)
    return {"rejections": [_rejection(row) for row in page.rows], "next_cursor": page.next_cursor}


@blueprint.get("/v1/operations/devices")
@access("operations.read")
@takes(DevicesQuery, location="query")
@returns()
def list_devices(query: dict[str, Any]) -> DevicesTold:
    """Of all vendors, in order of their names; ``prefix``: "acme/", "acme/cuff-1". Whose they are is not told."""
    found = devices.of_all(database(), query["prefix"], query["limit"] + 1, query["cursor"] or "")
    shown = found[: query["limit"]]
    told: list[DeviceTold] = [
        {name: one[name] for name in DeviceTold.__annotations__}  # type: ignore[misc, literal-required]
        for one in shown_devices(shown)
    ]
    return {"devices": told, "next_cursor": shown[-1].ref if len(found) > len(shown) else None}


def _rejection(row: KeptRejection) -> RejectionTold:
    return {
        "vendor": row.vendor,
        "device": row.device,
        "received_at": rfc3339(row.received_at_ms),
        "payload_bytes": row.payload_bytes,
        "rejected_count": row.rejected_count,
        "rejected": [{"path": one.path, "code": one.code, "count": one.count} for one in row.rejections],
    }
