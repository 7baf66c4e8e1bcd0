"""How much a vendor sent and what became of it, hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import MomentField
from phr.clock import DAY_MS, HOUR_MS, At, now_ms, rfc3339
from phr.errors import InputInvalid
from phr.intake import vendor_hours
from phr.intake.vendor_hours import VendorHour

blueprint = Blueprint("vendor_statistics", __name__)

LONGEST_MS = 31 * DAY_MS


class Counts(TypedDict):
    """Messages, and what became of their readings; ``rejected``: by code."""

    messages: int
    stored: int
    duplicate: int
    corrected: int
    held: int
    rejected_count: int
    rejected: dict[str, int]


class HourTold(Counts):
    hour: At


StatisticsTold = TypedDict("StatisticsTold", {"from": At, "to": At, "total": Counts, "hours": list[HourTold]})


class StatisticsQuery(Schema):
    from_ = MomentField(data_key="from", load_default=None)
    to = MomentField(load_default=None)


@blueprint.get("/v1/vendor/statistics")
@access("vendor.read")
@takes(StatisticsQuery, location="query")
@returns()
def show_statistics(vendor: str, query: dict[str, Any]) -> StatisticsTold:
    """Whole UTC hours that touch [from, to); the last 24 hours where nothing is said."""
    first_ms, end_ms = span_of(query)
    hours = vendor_hours.between(database(), vendor, first_ms, end_ms)
    return {
        "from": rfc3339(first_ms),
        "to": rfc3339(end_ms),
        "total": counts_of(total_of(hours)),
        "hours": [{"hour": rfc3339(one.start_ms), **counts_of(one)} for one in hours],
    }


def span_of(query: dict[str, Any]) -> tuple[int, int]:
    """The first and the end of the whole hours that a query asks for. Raises InputInvalid."""
    to_ms = query["to"].t_ms if query["to"] else now_ms()
    from_ms = query["from_"].t_ms if query["from_"] else to_ms - DAY_MS
    if not 0 < to_ms - from_ms <= LONGEST_MS:
        raise InputInvalid("from is before to, and at most 31 days before it", "/from")
    return from_ms // HOUR_MS * HOUR_MS, -(-to_ms // HOUR_MS) * HOUR_MS


def total_of(hours: Iterable[VendorHour]) -> VendorHour:
    """The sum of hours."""
    sums: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for one in hours:
        sums.update({name: getattr(one, name) for name in vendor_hours.COUNTED})
        rejected.update(one.rejected or {})
    return replace(VendorHour(0), **sums, rejected=rejected)


def counts_of(hour: VendorHour) -> Counts:
    """As it is told."""
    rejected = dict(hour.rejected or {})
    return {
        "messages": hour.messages,
        "stored": hour.stored,
        "duplicate": hour.duplicate,
        "corrected": hour.corrected,
        "held": hour.held,
        "rejected_count": sum(rejected.values()),
        "rejected": rejected,
    }
