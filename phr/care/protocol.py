"""What a protocol of measuring is: which metrics it takes, over which days, and what it makes of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from phr.care.source import Source
from phr.clock import DAY_MS, MINUTE_MS
from phr.vocabulary.metric import Metric, Unit

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Readings of one metric that count, in order of time, in columns of equal length.

    ``values`` are in the canonical unit by component, "" for a plain number, NaN where there is none.
    """

    t: Ints  # ms since 1970
    offsets: Ints  # minutes from UTC that the person's clock had
    values: Mapping[str, Floats]
    units: Objects  # codes as sent; None: canonical
    contexts: Objects  # what is known of how it was measured, by name; None: nothing
    of_other_sources: int = 0  # readings left out since another source counts at their time

    @property
    def local_ms(self) -> Ints:
        """On the person's clock."""
        found: Ints = self.t + self.offsets * MINUTE_MS
        return found

    @property
    def day(self) -> Ints:
        """Local days since 1970-01-01."""
        found: Ints = self.local_ms // DAY_MS
        return found

    def where(self, chosen: Bools) -> Measured:
        values = {name: column[chosen] for name, column in self.values.items()}
        return Measured(
            self.t[chosen],
            self.offsets[chosen],
            values,
            self.units[chosen],
            self.contexts[chosen],
            self.of_other_sources,
        )


@dataclass(frozen=True, slots=True)
class Days:
    """Local days since 1970-01-01, first and last included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Basis:
    """What a result rests on."""

    n: int  # readings that it is made of
    days: int  # local days that they are of
    coverage: float  # the share of what the protocol asks for that is there, from 0 to 1
    left_out: Mapping[str, int]  # readings that are not in it, by why
    is_enough: bool | None  # to judge by; None: no source says how much is


@dataclass(frozen=True, slots=True)
class Protocol:
    """``report`` gives a dataclass of plain values; it gets readings of these days, of all of its metrics."""

    name: str
    zh: str
    en: str
    metrics: tuple[str, ...]
    report: Callable[[Mapping[str, Measured], Days], Any]
    meant_for: str
    sources: tuple[Source, ...]  # documents of sources.toml (phr.care.files.cited)
    lengths: Sequence[int]  # over how many days it can be
    usual_length: int
    reviewed_by: str = ""  # empty until a clinician signs


def by_unit(found: Measured, metric: Metric) -> Iterator[tuple[Bools, Floats, Unit]]:
    """Which plain numbers came in a unit, what all of them are as stated in it, and the unit; for each unit.

    70 mg/dL is kept as 3.89 mmol/L and yet no less than 3.9: what is stated is compared with ``limit_in`` that unit.
    """
    values = found.values[""]
    for code in set(found.units.tolist()):
        unit = metric.unit_by_name.get(code or "", metric.units[0])
        is_canonical = unit.factor == 1 and unit.offset == 0
        stated = values if is_canonical else np.round((values - unit.offset) / unit.factor, unit.decimals)
        yield found.units == code, stated, unit


def date_of(day: int) -> date:
    return date.fromordinal(_EPOCH_ORDINAL + day)


def mean(values: Floats) -> float | None:
    """None of nothing."""
    return float(values.mean()) if values.size else None


def rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def told(**left_out: int) -> dict[str, int]:
    """Why how many readings are left out, without the reasons that left out none."""
    return {why.replace("_", "-"): count for why, count in left_out.items() if count}
