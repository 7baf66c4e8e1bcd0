"""What the ingest worker remembers of devices and people, and how it hears that one changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from phr.database import Database
from phr.intake import devices
from phr.intake.device import Device
from phr.people import numbers, people
from phr.people.people import Person

T = TypeVar("T")


class Registry:
    """A bounded memory of devices and people, one a process, used from one thread.

    ``refresh`` forgets what has changed; what is not remembered is read on demand. That something does not exist is
    remembered too, and forgotten when it is created, since creation raises the registry number like any change.
    """

    def __init__(self, database: Database, capacity: int = 20_000) -> None:
        # Majority: a worker must never act on a binding that a failover takes back.
        self._database = database.with_options(read_concern=ReadConcern("majority"))
        self._devices: _Memory[Device] = _Memory(capacity)
        self._people: _Memory[Person] = _Memory(capacity)
        with self._session() as session:
            self._seen = numbers.last_number(self._database, session)

    def refresh(self) -> None:
        """Forgets devices and people changed since the last call; one read of one small document when nothing was.

        The number is read before the changed ids: a change that commits in between has a higher number and is found
        (again) by the next call, so none is missed.
        """
        with self._session() as session:
            number = numbers.last_number(self._database, session)
            if number == self._seen:
                return
            self._devices.forget(numbers.changed_ids(self._database, "devices", self._seen, session))
            self._people.forget(numbers.changed_ids(self._database, "people", self._seen, session))
            self._seen = number

    def device(self, ref: str) -> Device | None:
        """The device "vendor/device", None where there is none."""
        return self._devices.one(ref, self._read_devices)

    def person(self, person_id: str) -> Person | None:
        return self._people.one(person_id, self._read_people)

    def load(self, refs: Iterable[str]) -> dict[str, Device | None]:
        """All these devices, and everybody bound to them into memory: at most two queries."""
        found = self._devices.get(refs, self._read_devices)
        self.people({binding.person for one in found.values() if one for binding in one.bindings})
        return found

    def people(self, person_ids: Iterable[str]) -> dict[str, Person | None]:
        """All these people, at most one query."""
        return self._people.get(person_ids, self._read_people)

    def _session(self) -> ClientSession:
        return self._database.client.start_session(causal_consistency=True)

    def _read_devices(self, refs: list[str]) -> dict[str, Device]:
        return devices.find_many(self._database, refs)

    def _read_people(self, person_ids: list[str]) -> dict[str, Person]:
        return people.find_many(self._database, person_ids)


class _Memory(Generic[T]):
    """The most recently used things by id; None stands for "there is none"."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._things: OrderedDict[str, T | None] = OrderedDict()

    def one(self, key: str, read: Callable[[list[str]], dict[str, T]]) -> T | None:
        if key not in self._things:
            return self.get([key], read)[key]
        self._things.move_to_end(key)
        return self._things[key]

    def get(self, ids: Iterable[str], read: Callable[[list[str]], dict[str, T]]) -> dict[str, T | None]:
        things, found, unknown = self._things, dict[str, T | None](), list[str]()
        for one in ids:
            if one in things:
                found[one] = things[one]
                things.move_to_end(one)
            else:
                unknown.append(one)
        fresh = read(unknown) if unknown else {}
        for one in unknown:
            found[one] = things[one] = fresh.get(one)
        while len(things) > self._capacity:
            things.popitem(last=False)
        return found

    def forget(self, ids: Iterable[str]) -> None:
        for one in ids:
            self._things.pop(one, None)
