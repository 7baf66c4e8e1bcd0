"""What a metric is: its names, its units, its bounds and how dense it comes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ValueType(StrEnum):
    """The shape a value has. One shape per type, described in docs/payload.md."""

    NUMBER = "number"  # a JSON number at an instant
    INTERVAL = "interval"  # a JSON number over a period: `t` to `end`
    COMPONENTS = "components"  # an object of numbers that are one measurement (blood pressure)
    EVENT = "event"  # something happened at `t`; optionally a code
    CODED = "coded"  # one code out of a list
    EPISODE = "episode"  # a period with stages inside (sleep)
    SAMPLED = "sampled"  # a waveform or a train of intervals in one item (ECG, R-R)
    COMPONENT = "component"  # never a reading by itself: part of another metric
    AGGREGATE = "aggregate"  # never a reading: computed from readings
    DERIVED = "derived"  # never a reading: computed from other metrics


_NO_READINGS = (ValueType.COMPONENT, ValueType.AGGREGATE, ValueType.DERIVED)


class Summary(StrEnum):
    """What a day of readings is boiled down to."""

    MEAN = "mean"
    SUM = "sum"
    LAST = "last"
    COUNT = "count"


class Density(StrEnum):
    """The fastest rate at which a metric comes; it sets the span of its buckets (phr.readings.spans)."""

    SECOND = "second"
    MINUTE = "minute"
    DAILY = "daily"
    RARE = "rare"
    WAVEFORM = "waveform"


@dataclass(frozen=True, slots=True)
class Unit:
    """An accepted unit: canonical = value * factor + offset."""

    code: str  # UCUM where UCUM has one
    aliases: tuple[str, ...]
    factor: float
    offset: float
    decimals: int  # the finest step a device states in this unit

    @property
    def label(self) -> str:
        """What a person reads: the code, or its first alias where UCUM writes for machines (mm[Hg], Cel)."""
        is_for_machines = self.code in ("Cel", "1") or not set("[]{}").isdisjoint(self.code)
        return self.aliases[0] if is_for_machines and self.aliases else self.code


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits in the canonical unit, both ends allowed."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Enough:
    """How much there must be before a period is judged. Source as given."""

    days: int  # how long a period must be
    coverage: float  # the share of its hours (of a dense metric, else of its days) that must have readings
    source: str


@dataclass(frozen=True, slots=True)
class Component:
    key: str  # "systolic"
    metric: str  # "systolic-bp"
    required: bool
    bounds: Bounds
    published: Bounds | None
    unit: Unit | None = None  # its own fixed unit, whatever the reading's is (pulse: /min); None: the reading's


@dataclass(frozen=True, slots=True, repr=False)
class Metric:
    """One thing that is measured. Numbers are kept as integers: canonical value * 10**stored_decimals."""

    key: str
    zh: str
    en: str
    group: str
    value_type: ValueType
    loinc: str | None
    loinc_status: str  # "S" | "S1" | "G" | "NONE", explained at the head of metrics.toml
    units: tuple[Unit, ...]  # the first is canonical; empty where the value has no unit
    bounds: Bounds | None  # physical: outside is quarantined
    published: Bounds | None  # outside (but inside bounds) is stored as suspect
    decimals: int  # to show
    stored_decimals: int  # to keep
    components: tuple[Component, ...]
    codes: tuple[str, ...]  # allowed codes of events, coded values and stages
    context: tuple[str, ...]  # known context fields; others are kept as they come
    density: Density
    summary: Summary
    merge_sources: bool  # True: spot measurements of all sources count; False: one source per segment, never added
    day_of: str  # "start" | "end": which end of a period names its day
    use_instead: tuple[str, ...]  # for what is never a reading: the metrics to send
    omh: str | None
    ieee1752: str | None
    healthkit: str | None
    health_connect: str | None
    gatt: str | None
    fhir_category: str | None
    notes: str
    unit_by_name: dict[str, Unit]  # every code and alias
    loinc_alt: str | None = None  # other codes in words
    enough: Enough | None = None  # None: no source says how much is enough
    # Computed once, since every reading goes through them.
    scale: int = field(init=False)  # 10**stored_decimals
    is_reading: bool = field(init=False)  # False for components, aggregates and derived values: refused as readings

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", 10**self.stored_decimals)
        object.__setattr__(self, "is_reading", self.value_type not in _NO_READINGS)

    def __repr__(self) -> str:
        return f"Metric({self.key!r})"

    @property
    def unit(self) -> Unit | None:
        """The canonical unit."""
        return self.units[0] if self.units else None
