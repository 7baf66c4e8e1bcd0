"""When each device was last heard, by a payload or as ``online``: the one mark of it.

A small document of its own, so that hearing a device does not change the device.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from pymongo import UpdateOne, WriteConcern

from phr.database import Database

WRITTEN_EVERY_MS = 60_000
REMEMBERED = 20_000

_QUICK = WriteConcern(w=1, j=False)


class Sightings:
    """Writes at most once a minute for each device; one a worker, used from one thread."""

    def __init__(self, database: Database, remembered: int = REMEMBERED) -> None:
        self._database = database
        self._written: OrderedDict[str, int] = OrderedDict()
        self._remembered = remembered

    def saw(self, heard: Iterable[tuple[str, int]]) -> None:
        """Registered devices and the instants at which they were heard."""
        latest: dict[str, int] = {}
        for device, at_ms in heard:
            latest[device] = max(at_ms, latest.get(device, at_ms))
        due = {one: at_ms for one, at_ms in latest.items() if at_ms - self._last(one) >= WRITTEN_EVERY_MS}
        if not due:
            return
        note(self._database, due)
        for device, at_ms in due.items():
            self._written[device] = at_ms
            self._written.move_to_end(device)
        while len(self._written) > self._remembered:
            self._written.popitem(last=False)

    def _last(self, device: str) -> int:
        return self._written.get(device, -WRITTEN_EVERY_MS)


def note(database: Database, seen: Mapping[str, int]) -> None:
    """When registered devices were heard; an earlier instant than the last changes nothing."""
    writes = [UpdateOne({"_id": one}, {"$max": {"at_ms": at_ms}}, upsert=True) for one, at_ms in seen.items()]
    if writes:
        database["device_sightings"].with_options(write_concern=_QUICK).bulk_write(writes, ordered=False)


def last_seen(database: Database, devices: Iterable[str]) -> dict[str, int]:
    """When those of the devices that were ever heard were heard last; up to a minute behind while they send."""
    rows = database["device_sightings"].find({"_id": {"$in": list(devices)}})
    return {row["_id"]: int(row["at_ms"]) for row in rows}
