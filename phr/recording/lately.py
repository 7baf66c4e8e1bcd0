"""A person's readings of the last days as rules see them: those that count where several devices measure the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from phr.care.observation import Observation
from phr.database import Database
from phr.people.people import Person
from phr.readings import series
from phr.readings.columns import ABSENT
from phr.readings.columnwise import EXTRA_KEYS
from phr.readings.raw import Lane
from phr.readings.raw_rows import Rows
from phr.readings.series import End, Wish
from phr.readings.track import Resolution
from phr.recording import rankings
from phr.vocabulary.metric import Metric
from phr.vocabulary.reading import DURATION
from phr.vocabulary.sight import ALL, Period

MOST_READINGS = 200_000  # two a second for a day


def readings(
    database: Database, person: Person, metric: Metric, between: tuple[int, int], within: Period = ALL
) -> list[Observation]:
    """With low <= t < high, in order of time; of more than ``MOST_READINGS`` the first.

    ``within``: of those in a period of data.
    """
    lane = Lane(database, person.id, metric, person.offset_min_at)
    wish = Wish(
        start=End(between[0]), end=End(between[1]), resolution=Resolution.RAW, limit=MOST_READINGS, within=within
    )
    found = series.read(lane, wish, rankings.of_metric(database, person.id, metric))
    assert isinstance(found.found, Rows)
    rows, counted = found.found, found.counted
    columns = {name: column.tolist() for name, column in rows.values.items() if name != DURATION}
    devices, units, seqs = rows.devices(), rows.units().tolist(), rows.seq.tolist()
    return [
        _observation(
            Observation(
                person=person.id,
                metric=metric,
                device=devices[index],
                seq=seqs[index],
                t_ms=t,
                values={name: column[index] for name, column in columns.items() if column[index] != ABSENT},
                unit=metric.unit_by_name.get(units[index]) if units[index] else None,
            ),
            rows.extras.get(index),
        )
        for index, t in enumerate(rows.t.tolist())
        if counted is None or counted[index]
    ]


def _observation(plain: Observation, extra: Mapping[str, Any] | None) -> Observation:
    """With what only some readings have."""
    if not extra:
        return plain
    flag, quality, context = (extra.get(EXTRA_KEYS[name]) for name in ("flag", "quality", "context"))
    return replace(plain, flag=flag, quality=quality, context=context)
