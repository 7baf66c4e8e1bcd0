"""What a device is and whose: values, and the rows that they are stored as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from phr.database import Document
from phr.intake.device_clock import Clock, Period, Removal


@dataclass(frozen=True, slots=True)
class Binding:
    """Slot -> person over [since, until); None: since ever, for ever. Slot "": only readings that name no slot."""

    slot: str
    person: str
    since_ms: int | None
    until_ms: int | None

    def covers(self, slot: str, t_ms: int) -> bool:
        return (
            self.slot == slot
            and (self.since_ms is None or self.since_ms <= t_ms)
            and (self.until_ms is None or t_ms < self.until_ms)
        )

    def overlaps(self, other: Binding) -> bool:
        """True where both are of one slot and share an instant."""
        return self.slot == other.slot and _starts_before_end(self, other) and _starts_before_end(other, self)


@dataclass(frozen=True, slots=True)
class Device:
    ref: str  # "vendor/device"
    vendor: str
    name: str
    format: str | None
    made_on: date | None
    bindings: tuple[Binding, ...]
    is_suspended: bool
    seq: int
    clock: Clock = Clock()
    model: str | None = None
    retired_at_ms: int | None = None

    @property
    def is_retired(self) -> bool:
        return self.retired_at_ms is not None

    def holders_at(self, t_ms: int) -> set[str]:
        """Who had it, or a slot of it, at an instant."""
        return {one.person for one in self.bindings if one.covers(one.slot, t_ms)}

    def owner_at(self, slot: str, t_ms: int) -> str | None:
        """The person whose reading it is: bound to this slot ("" = none named) at the time of measurement."""
        for binding in self.bindings:
            if binding.covers(slot, t_ms):
                return binding.person
        return None


def device_of(row: Document) -> Device:
    """The device that a row stores."""
    made_on = row.get("made_on")
    bindings = (
        Binding(one.get("slot") or "", one["person"], one.get("since_ms"), one.get("until_ms"))
        for one in row.get("bindings") or ()
    )
    return Device(
        ref=row["_id"],
        vendor=row["vendor"],
        name=row["name"],
        format=row.get("format"),
        made_on=date.fromisoformat(made_on) if made_on else None,
        bindings=tuple(bindings),
        is_suspended=row["is_suspended"],
        seq=row["seq"],
        clock=clock_of(row),
        model=row.get("model"),
        retired_at_ms=row.get("retired_at_ms"),
    )


def clock_of(row: Document) -> Clock:
    periods = tuple(
        Period(one["from_device_ms"], one["offset_ms"], one["learned_at_ms"], _removal_of(one.get("removed")))
        for one in row.get("clock_periods") or ()
    )
    ahead = row.get("ahead_ms")
    return Clock(periods, (ahead[0], ahead[1]) if ahead else None)


def clock_row(clock: Clock) -> Document:
    """The inverse of ``clock_of``."""
    return {"clock_periods": [_period_row(one) for one in clock.periods], "ahead_ms": list(clock.ahead_ms or ())}


def binding_row(binding: Binding) -> Document:
    return {
        "slot": binding.slot,
        "person": binding.person,
        "since_ms": binding.since_ms,
        "until_ms": binding.until_ms,
    }


def _removal_of(row: Document | None) -> Removal | None:
    return Removal(row["at_ms"], row["by"], row["why"]) if row else None


def _period_row(period: Period) -> Document:
    row = {name: getattr(period, name) for name in ("from_device_ms", "offset_ms", "learned_at_ms")}
    gone = period.removed
    return row | ({"removed": {"at_ms": gone.at_ms, "by": gone.by, "why": gone.why}} if gone else {})


def _starts_before_end(one: Binding, other: Binding) -> bool:
    return one.since_ms is None or other.until_ms is None or one.since_ms < other.until_ms
