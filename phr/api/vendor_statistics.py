"""How much a vendor sent and what became of it, hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Blueprint
from marshmallow import Schema

from phr.api.deciding import access, returns, takes
from phr.api.installation import database
from phr.api.shapes import MomentField
from phr.clock import now_ms, rfc3339
from phr.errors import InputInvalid
from phr.intake import vendor_hours
from phr.intake.vendor_hours import HOUR_MS, VendorHour

blueprint = Blueprint("vendor_statistics", __name__)

DAY_MS = 24 * HOUR_MS
LONGEST_MS = 31 * DAY_MS


class StatisticsQuery(Schema):
    from_ = MomentField(data_key="from", load_default=None)
    to = MomentField(load_default=None)


@blueprint.get("/v1/vendor/statistics")
@access("vendor.read")
@takes(StatisticsQuery, location="query")
@returns()
def show_statistics(vendor: str, query: dict[str, Any]) -> dict[str, Any]:
    """Whole UTC hours that touch [from, to); the last 24 hours where nothing is said."""
    to_ms = query["to"].t_ms if query["to"] else now_ms()
    from_ms = query["from_"].t_ms if query["from_"] else to_ms - DAY_MS
    if not 0 < to_ms - from_ms <= LONGEST_MS:
        raise InputInvalid("from is before to, and at most 31 days before it", "/from")
    first_ms, end_ms = from_ms // HOUR_MS * HOUR_MS, -(-to_ms // HOUR_MS) * HOUR_MS
    hours = vendor_hours.between(database(), vendor, first_ms, end_ms)
    shown = {"from": rfc3339(first_ms), "to": rfc3339(end_ms), "total": _counts(_total(hours))}
    return shown | {"hours": [{"hour": rfc3339(one.start_ms)} | _counts(one) for one in hours]}


def _total(hours: Iterable[VendorHour]) -> VendorHour:
    sums: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for one in hours:
        sums.update({name: getattr(one, name) for name in vendor_hours.COUNTED})
        rejected.update(one.rejected or {})
    return replace(VendorHour(0), **sums, rejected=rejected)


def _counts(hour: VendorHour) -> dict[str, Any]:
    rejected = dict(hour.rejected or {})
    counts = {name: getattr(hour, name) for name in vendor_hours.COUNTED}
    return counts | {"rejected_count": sum(rejected.values()), "rejected": rejected}
