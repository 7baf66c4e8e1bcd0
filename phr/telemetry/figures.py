"""Every figure that is counted: its name, what it tells, its label or its steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counter:
    help: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """A histogram: ``bounds`` are inclusive upper ends; what lies above the last is counted too."""

    help: str
    bounds: tuple[float, ...]


COUNTERS = {
    "messages_received": Counter("payloads taken from the broker or over HTTP", "channel"),
    "items": Counter("readings by what became of them; rejected ones are in phr_items_rejected_total", "outcome"),
    "items_rejected": Counter("rejected readings and payloads by the code of the verdict", "code"),
    "messages_limited": Counter("payloads refused before decoding because a rate was passed"),
    "verdicts": Counter("verdicts handed to the connection to the broker, or dropped because it was full", "outcome"),
    "status_messages": Counter("status messages of devices, taken or malformed", "outcome"),
    "deliveries": Counter("notices by channel and what became of them there", "channel_outcome"),
    "commands_sent": Counter("commands to devices that the broker has taken"),
}
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
HISTOGRAMS = {
    "batch_messages": Steps("messages recorded together", (1, 3, 10, 30, 100, 300, 1000, 4000)),
    "batch_write_seconds": Steps("time from a decoded batch to its readings on the journals", _SECONDS),
    "handover_to_stored_seconds": Steps("time from the socket of a worker to the journals", _SECONDS),
    "publish_to_stored_seconds": Steps(
        "time from a payload's own sent_at (by the device's clock) to the journals", (*_SECONDS, 3600.0)
    ),
    "arrival_lag_seconds": Steps(
        "arrival minus the newest measurement of a payload", (1, 10, 60, 300, 3600, 21600, 86400, 604800)
    ),
}
LEVELS = {
    "handover_messages": "messages that wait in workers' memory",
    "handover_bytes": "payload bytes that wait in workers' memory",
}
