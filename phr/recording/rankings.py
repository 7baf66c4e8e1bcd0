"""Puts together which source is believed first: the person's own order, the usual one, the devices' categories."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from phr.database import Database
from phr.intake import models
from phr.readings import priorities
from phr.readings.ranking import RankBy, Ranking, alike
from phr.vocabulary.metric import Metric
from phr.vocabulary.sources import categories


def of_metric(database: Database, person: str, metric: Metric) -> RankBy:
    """The ranking of the person's sources of one metric; of a single source no more is asked."""
    if metric.merge_sources:
        return alike

    @cache
    def found() -> Ranking:
        sources = priorities.sources_of(database, person, metric.key)
        return ranking(database, person, metric.key, sources) if len(sources) > 1 else Ranking(is_alone=True)

    return found


def ranking(database: Database, person: str, metric: str, sources: list[str]) -> Ranking:
    own = priorities.find(database, person, metric).sources
    return Ranking(own, categories().order(metric), models.categories_of(database, sources))


def of_person(database: Database, person: str) -> Callable[[str], Ranking]:
    """The ranking of any metric, read when it is first asked for."""

    @cache
    def ranking_of(key: str) -> Ranking:
        return ranking(database, person, key, priorities.sources_of(database, person, key))

    return ranking_of
