"""Which source of a metric is believed first where two measure the same thing at the same time."""

from __future__ import annotations

from typing import Any, TypedDict

from flask import Blueprint
from marshmallow import Schema, fields, validate

from phr.api.deciding import Answer, access, expected_version, returns, takes
from phr.api.installation import database
from phr.api.series import metric_of
from phr.errors import InputInvalid
from phr.readings import priorities
from phr.readings.priorities import Priorities
from phr.readings.ranking import HAND
from phr.recording import rankings
from phr.vocabulary.metric import Metric
from phr.vocabulary.sources import categories

blueprint = Blueprint("sources", __name__)

MOST = 100
LONGEST = 100  # vendor and device are slugs of 32 and 64


class OrderShape(Schema):
    sources = fields.List(
        fields.String(validate=validate.Length(1, LONGEST)), required=True, validate=validate.Length(max=MOST)
    )


class RankedTold(TypedDict):
    """``rank``: the lower, the sooner it is believed; of sources of equal rank the one with more readings."""

    source: str
    category: str | None
    rank: int


class SourcesTold(TypedDict):
    """``sources``: the person's own order, of sources and categories; ``usual``: that of categories where it ends.

    ``all_count``: every source counts, there is nothing to choose.
    """

    person: str
    metric: str
    all_count: bool
    sources: list[str]
    usual: list[str]
    order: list[RankedTold]


class AllSourcesCount(InputInvalid):
    """Of spot measurements every one counts: there is nothing to choose."""

    code = "all-sources-count"


@blueprint.get("/v1/people/<person>/sources/<metric>")
@access("readings.read")
@returns()
def show_sources(person: str, metric: str) -> Answer[SourcesTold]:
    measured = metric_of(metric)
    return _answer(person, measured, priorities.find(database(), person, measured.key))


@blueprint.put("/v1/people/<person>/sources/<metric>")
@access("readings.write")
@takes(OrderShape)
@returns()
def put_sources(person: str, metric: str, body: dict[str, Any]) -> Answer[SourcesTold]:
    """``sources``: devices and categories, believed in this order before all others; none: the usual order."""
    measured = metric_of(metric)
    if measured.merge_sources:
        raise AllSourcesCount(f"all sources of {measured.key} count; there is nothing to choose")
    _check(person, measured, body["sources"])
    version = expected_version(priorities.find(database(), person, measured.key).version)
    return _answer(person, measured, priorities.put(database(), person, measured.key, body["sources"], version))


def _check(person: str, metric: Metric, sources: list[str]) -> None:
    known = {*priorities.sources_of(database(), person, metric.key), *categories().by_slug}
    for number, name in enumerate(sources):
        if name not in known:
            raise InputInvalid(f"{name!r} is neither a source of this metric nor a category", f"/sources/{number}")
        if name in sources[:number]:
            raise InputInvalid(f"{name!r} is named twice", f"/sources/{number}")


def _answer(person: str, metric: Metric, own: Priorities) -> Answer[SourcesTold]:
    sources = priorities.sources_of(database(), person, metric.key)
    ranking = rankings.ranking(database(), person, metric.key, sources)
    category_of = {HAND: HAND, **ranking.category_of}
    ordered = sorted(sources, key=lambda source: (ranking.rank(source), source))
    body: SourcesTold = {
        "person": person,
        "metric": metric.key,
        "all_count": metric.merge_sources,
        "sources": list(own.sources),
        "usual": list(ranking.usual),
        "order": [{"source": one, "category": category_of.get(one), "rank": ranking.rank(one)} for one in ordered],
    }
    return Answer(body, version=own.version)
