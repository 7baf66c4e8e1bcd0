"""Readings on their way in: a run of them that share metric, slot, unit and offset, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from phr.vocabulary.metric import Metric, Unit

# The column of a period's length (`end` - `t`), beside the value columns.
DURATION = "_duration"
# The instant of a reading whose payload states none because the device just measured it; the arrival replaces it.
AT_ARRIVAL = -(2**63)


@dataclass(slots=True)
class Run:
    """One or more readings of one metric from one slot, in the order they were sent.

    A single reading is a run of one; a `series` is a run of many. Columns have equal length:
    ``t``       instants, milliseconds since 1970
    ``values``  one list per component key ("" for plain numbers): canonical value * metric.scale as int, None where the
    ``seq``     the item's `seq`; None means all zero
                component is absent. Periods have one more column, DURATION, in milliseconds. Events, coded values,
                episodes and sampled values have no number.
    ``extras``  what only some items have, by index: "context" (dict), "flag" ("below-range" | "above-range"),
                "quality" ("suspect"), "sent" (the value as sent where unit and canonical value do not give it back),
                "value" (the structured value of events, codes, episodes, samples), "id" (client-made)
    ``paths``   JSON pointer of each item in the payload; None: ``path`` + "/values/" + index of ``positions``
    """

    metric: Metric
    slot: str
    unit: Unit | None
    offset_min: int | None  # None: the instant is known, where the person was is not
    t: list[int]
    values: dict[str, list[int | None]]
    path: str
    device: str | None = None  # where one payload speaks for several devices: the one this run is from
    seq: list[int] | None = None
    extras: dict[int, dict[str, Any]] = field(default_factory=dict)
    positions: Sequence[int] | None = None  # for a series with gaps: index in `values` of each reading
    clock_offset_ms: int = 0  # what was added to the times that the device stated

    def __len__(self) -> int:
        return len(self.t)

    def pointer(self, index: int) -> str:
        """The JSON pointer of one reading in its payload."""
        if self.positions is not None:
            return f"{self.path}/values/{self.positions[index]}"
        return self.path


def picked(run: Run, indices: Sequence[int]) -> Run:
    """The run with only these of its readings."""
    return replace(
        run,
        t=[run.t[i] for i in indices],
        values={name: [column[i] for i in indices] for name, column in run.values.items()},
        seq=None if run.seq is None else [run.seq[i] for i in indices],
        extras={new: run.extras[i] for new, i in enumerate(indices) if i in run.extras},
        positions=None if run.positions is None else [run.positions[i] for i in indices],
    )


def later_value(value: Any, by_ms: int) -> Any:
    """A structured value with the instants inside it, a night's stages, so much later; any other as it is."""
    if not (isinstance(value, dict) and "stages" in value):
        return value
    return value | {"stages": [one | {name: one[name] + by_ms for name in ("t", "end")} for one in value["stages"]]}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one item was not taken. ``count`` items share it (a whole series can)."""

    path: str
    code: str
    detail: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item outside the physical bounds: not in the timeline, visible to its owner, also a rejection."""

    run: Run
    rejection: Rejection


@dataclass(slots=True)
class Decoded:
    """What a payload says, before anybody asks whose it is."""

    runs: list[Run] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    payload_id: str | None = None
    sent_at_ms: int | None = None
    device: str | None = None  # the device the payload says it speaks for, as written
