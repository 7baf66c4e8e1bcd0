"""Compares the record with what was published: readings, summaries, alerts, rejections, held, and the API's answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

from phr.clock import to_ms
from phr.config import Settings
from phr.database import Database
from phr.people import people
from phr.readings import folding, raw
from phr.readings.raw import Lane
from phr.vocabulary.metrics import vocabulary
from tests.faults.messages import Ledger, Reading, is_held, is_rejected
from tests.faults.reader import METRICS, RESOLUTIONS, Reader, periods_of

ALWAYS = (0, 10**14)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; readings. ``first_s``, ``all_s``: from the fault's end to the first and to the last one."""

    fault: str
    published: int
    stored: int
    lost: int
    doubled: int
    first_s: float = 0.0
    all_s: float = 0.0
    lost_of_acked: int = 0  # messages


class Record:
    """The record of the people of one site. ``owners``: device -> person."""

    def __init__(self, database: Database, owners: dict[str, str]) -> None:
        self._database = database
        self._owners = owners
        self._lanes = {device: [self._lane(person, key) for key in METRICS] for device, person in owners.items()}

    def stored(self, device: str) -> Counter[Reading]:
        return Counter(one for lane in self._lanes[device] for one in _readings(lane))

    def version(self) -> int:
        """Grows whenever something is stored."""
        match = {"$match": {"p": {"$in": list(self._owners.values())}}}
        found = list(self._database.readings.aggregate([match, {"$group": {"_id": None, "v": {"$sum": "$v"}}}]))
        return int(found[0]["v"]) if found else 0

    def has(self, device: str, due: set[Reading]) -> bool:
        """True once all of these are stored."""
        return due <= self.stored(device).keys()

    def row(self, fault: str, ledger: Ledger) -> Row:
        row = Row(fault, 0, 0, 0, 0)
        for device in ledger.sent:
            expected, stored = ledger.readings(device), self.stored(device)
            alien = sum(stored[one] for one in stored.keys() - expected)
            row = replace(
                row,
                published=row.published + len(expected),
                stored=row.stored + stored.total(),
                lost=row.lost + len(expected - stored.keys()),
                doubled=row.doubled + stored.total() - len(stored) + alien,
            )
        return row

    def missing(self, ledger: Ledger, device: str) -> set[int]:
        """The acknowledged messages of a device of which something is not stored."""
        stored = self.stored(device).keys()
        return {n for n in ledger.acked[device] if ledger.messages.readings(n) - stored}

    def check_api(self, ledger: Ledger, settings: Settings) -> None:
        """Every owner is given exactly what was published for them; summaries agree, behind and folded."""
        reader = Reader(self._database, settings)
        for device in ledger.sent:
            assert reader.readings(self._owners[device]) == Counter(ledger.readings(device)), f"API on {device}"
        self._check_periods(ledger, reader, "computed")
        while folding.fold_some(self._database, vocabulary().metrics, lambda _: _beijing, 2**53):
            pass
        self._check_periods(ledger, reader, "folded")

    def check_alerts(self, ledger: Ledger) -> None:
        """Each that had to rise has risen once, and no other."""
        for device, numbers in ledger.sent.items():
            due = Counter(ledger.messages.t(n) for n in numbers if ledger.messages.rises(n))
            raised = self._database.notices.find({"person": self._owners[device]})
            assert Counter(to_ms(row["measured_at"]) for row in raised) == due, f"alerts of {device} differ"

    def check_refusals(self, ledger: Ledger) -> None:
        for device, numbers in ledger.sent.items():
            assert self._database.held.count_documents({"device": device}) == sum(map(is_held, numbers))
            assert self._database.rejections.count_documents({"device": device}) == sum(map(is_rejected, numbers))

    def _lane(self, person: str, key: str) -> Lane:
        found = people.find(self._database, person)
        assert found
        return Lane(self._database, person, vocabulary().metrics[key], found.offset_min_at)

    def _check_periods(self, ledger: Ledger, reader: Reader, what: str) -> None:
        for device, metric, resolution in product(ledger.sent, METRICS, RESOLUTIONS):
            due = periods_of((one for one in ledger.readings(device) if one[0] == metric), resolution)
            found = reader.periods(self._owners[device], metric, resolution)
            assert found == due, f"{what} {resolution}s of {metric} of {device}"


def _beijing(_t_ms: int) -> int:
    return 480


def _readings(lane: Lane) -> Iterable[Reading]:
    names = METRICS[lane.metric.key]
    scale = lane.metric.scale
    for stretch in raw.read(lane, ALWAYS):
        columns = [stretch.values[name].tolist() for name in names]
        for t, *values in zip(stretch.t.tolist(), *columns, strict=True):
            yield lane.metric.key, t, tuple(value // scale for value in values)
