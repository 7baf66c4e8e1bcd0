"""The short way for the plain points of Open mHealth: one number, its time, and nothing else in the body.

Most points are such. What a schema measures, in which units and within which bounds is looked up once; a body that is
in any way more, or in which anything is wrong, is left to the long way (``openmhealth``), which knows every case and
every error. Both give the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from phr.formats.building import MAX_PERIOD_MS, ItemRefused
from phr.formats.openmhealth_bodies import Body
from phr.formats.openmhealth_time import read_time_frame
from phr.formats.plain_number import PlainNumber, plain_number
from phr.vocabulary.metric import Metric, ValueType
from phr.vocabulary.metrics import Vocabulary
from phr.vocabulary.reading import DURATION, Run


@dataclass(frozen=True, slots=True)
class Plain:
    """What the only field of a plain body is."""

    name: str
    metric: Metric
    has_period: bool
    numbers: Mapping[str, PlainNumber]  # by the unit as the schema writes it


def plain_of(schema: Body, vocabulary: Vocabulary) -> Plain | None:
    """None: no body of this schema is plain."""
    part = schema.parts[0]
    metric = vocabulary.get(part.metric)
    if metric is None or part.plain is None or not part.is_required or part.within or part.covers_period:
        return None
    if metric.value_type not in (ValueType.NUMBER, ValueType.INTERVAL):
        return None
    known = {name: metric.unit_by_name[name] for name in part.units if name in metric.unit_by_name}
    return Plain(
        part.plain,
        metric,
        metric.value_type is ValueType.INTERVAL,
        {name: plain_number(metric, unit) for name, unit in known.items()},
    )


def read_plain(plain: Plain, body: Any, path: str, modality: str | None) -> Run | None:
    """The run of a plain body; None: go the long way."""
    try:
        pair, frame = body[plain.name], body["effective_time_frame"]
        number, value = plain.numbers[pair["unit"]], pair["value"]
        if len(body) != 2:
            return None
        start_ms, end_ms, offset_min = read_time_frame(frame)
        stored = number.stored(value)
    except (KeyError, TypeError, OverflowError, ItemRefused):
        return None
    if stored is None or (end_ms is not None) != plain.has_period:
        return None
    run = Run(plain.metric, "", number.unit, offset_min, [start_ms], {"": [stored]}, f"{path}/{plain.name}")
    if end_ms is not None:
        length_ms = end_ms - start_ms
        if length_ms > MAX_PERIOD_MS:
            return None
        if length_ms:
            run.values[DURATION] = [length_ms]
    if modality is not None:
        run.extras[0] = {"context": {"modality": modality}}
    return run
