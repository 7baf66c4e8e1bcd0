"""Where each reading of a batch belongs: into whose record, among the held ones and why, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from phr.formats.phr_v1 import encode_item
from phr.intake.device import Device
from phr.intake.device_clock import Timed, as_told, has_own_time, on_true_time, shifted
from phr.intake.held import HeldRow
from phr.intake.owner import Found, Owner, Sender
from phr.intake.registry import Registry
from phr.readings.store import Arrival
from phr.recording.delivery import Delivery, Verdict
from phr.vocabulary.reading import AT_ARRIVAL, Rejection, Run

_IMPOSSIBLE = "a time that can't be: ahead of now, before the birth, or before the device was made"


@dataclass(slots=True)
class Sorted:
    """The readings of a batch, each where it belongs."""

    arrivals: list[Arrival] = field(default_factory=list)
    verdict_of: list[int] = field(default_factory=list)  # arrival -> delivery
    held: list[HeldRow] = field(default_factory=list)
    ahead: dict[str, list[int]] = field(default_factory=dict)  # device -> its own times that were held as ahead
    overtaken: list[str] = field(default_factory=list)  # keys of held rows whose readings are stored now


def sort(registry: Registry, deliveries: Sequence[Delivery], verdicts: Sequence[Verdict]) -> Sorted:
    """Where each reading belongs; what is held or refused is counted in the verdicts."""
    registry.refresh()
    known = registry.load({one.device for one in deliveries})
    sorted_ = Sorted()
    for number, (delivery, verdict) in enumerate(zip(deliveries, verdicts, strict=True)):
        device = known[delivery.device]
        owner = Owner(_sender(delivery), device, registry)
        for run in delivery.decoded.runs:
            for timed in _on_true_time(run, delivery, device):
                for found, part in owner.split(timed.run):
                    _place(sorted_, delivery, verdict, number, _unless_lost(found, timed), part)
        for one in delivery.decoded.quarantined:
            run = _on_true_time(one.run, delivery, device)[0].run
            _quarantine(sorted_, verdict, delivery, owner, run, one.rejection)
    return sorted_


def held_rows(delivery: Delivery, person: str | None, reason: Any, run: Run, detail: str = "") -> list[HeldRow]:
    """The item keeps the device's own time, so that a re-send is the same row whatever is known of the clock."""
    told = as_told(run)
    return [
        HeldRow(
            device=delivery.device,
            person=person,
            reason=reason,
            metric=run.metric.key,
            slot=run.slot,
            t_ms=t,
            item=encode_item(told, index),
            arrived_at_ms=delivery.arrived_at_ms,
            detail=detail,
        )
        for index, t in enumerate(run.t)
    ]


def _place(  # noqa: PLR0913, PLR0917 - the part and everything it came with
    sorted_: Sorted, delivery: Delivery, verdict: Verdict, number: int, found: Found, part: Run
) -> None:
    if found.refused:
        verdict.rejected.append(Rejection(part.path, *found.refused, count=len(part)))
    elif found.reason and delivery.batch:
        verdict.rejected.append(Rejection(part.path, found.reason, _IMPOSSIBLE, count=len(part)))
    elif found.reason:
        verdict.held += len(part)
        if found.reason == "ahead-of-clock":
            sorted_.ahead.setdefault(delivery.device, []).extend(t - part.clock_offset_ms for t in part.t)
        sorted_.held += held_rows(delivery, found.person, found.reason, part)
    else:
        assert found.person
        sorted_.arrivals.append(
            Arrival(
                found.person,
                delivery.device,
                part,
                delivery.origin,
                delivery.arrived_at_ms,
                delivery.decoded.sent_at_ms,
                delivery.batch,
            )
        )
        sorted_.verdict_of.append(number)


def _quarantine(  # noqa: PLR0913, PLR0917
    sorted_: Sorted, verdict: Verdict, delivery: Delivery, owner: Owner, run: Run, rejection: Rejection
) -> None:
    """Outside the physical bounds: a rejection for the device, a held reading for its owner."""
    found, part = owner.split(run)[0]
    if found.refused:
        rejection = Rejection(rejection.path, *found.refused)
    elif not delivery.batch:
        sorted_.held += held_rows(delivery, found.person, "out-of-bounds", part, rejection.detail)
    verdict.rejected.append(rejection)


def _sender(delivery: Delivery) -> Sender:
    return Sender(delivery.device, delivery.person, delivery.decoded.device, delivery.arrived_at_ms, delivery.is_given)


def _on_true_time(run: Run, delivery: Delivery, device: Device | None) -> list[Timed]:
    if not has_own_time(run):
        at_ms = delivery.arrived_at_ms if delivery.measured_at_ms is None else delivery.measured_at_ms
        return [Timed(replace(run, t=[at_ms if t == AT_ARRIVAL else t for t in run.t]))]
    if delivery.shift_ms is not None:
        return [Timed(shifted(run, delivery.shift_ms))]
    return on_true_time(run, device.clock, delivery.arrived_at_ms) if device else [Timed(run)]


def _unless_lost(found: Found, timed: Timed) -> Found:
    return found._replace(reason="clock-wrong") if timed.is_lost and found.person and not found.reason else found
