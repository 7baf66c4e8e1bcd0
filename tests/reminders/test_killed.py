"""Four schedulers at once, killed in turn wherever they are: each reminder is told once, and none is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess

from phr.database import Database, connect
from phr.reminders import claiming, schedules
from phr.reminders.reminder import part_of
from tests.ops.running import wait_until
from tests.reminders.builders import ms
from tests.reminders.conftest import House

COUNT, SCHEDULERS, DEATHS, BATCH = 400, 4, 6, 10
EIGHT = ms("2026-11-23T08:00:00+08:00")
FASTER = 60  # how much faster their clock goes, so that leases of the dead, and of the slow, run out
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


def _tell(uri: str, name: str, began: float) -> None:
    database = connect(uri, name)
    while True:
        claiming.claim_some(database, EIGHT + int((time.monotonic() - began) * 1000 * FASTER), BATCH)


def _many_of(database: Database, row_id: str) -> None:
    row = schedules.row_of(database, row_id)
    ids = [f"r-{number:024x}" for number in range(COUNT)]
    database["reminders"].insert_many([row | {"_id": one, "part": part_of(one)} for one in ids])
    database["reminders"].delete_one({"_id": row_id})


def test_schedulers_that_are_killed_in_turn_lose_and_double_nothing(house: House, mongod: str) -> None:
    _many_of(house.database, house.put(window_min=240).id)
    arguments = (mongod, house.database.name, time.monotonic())
    living: list[BaseProcess] = []

    def told() -> int:
        return house.database["notices"].count_documents({})

    def start() -> None:
        living.append(_context.Process(target=_tell, args=arguments, daemon=True))
        living[-1].start()

    try:
        for _ in range(SCHEDULERS):
            start()
        for death in range(DEATHS):
            wait_until(lambda death=death: told() > death * COUNT // DEATHS, "nothing is told")  # type: ignore[misc]
            os.kill(living[0].pid or 0, signal.SIGKILL)
            living.pop(0).join()
            start()
        is_due = {"due_ms": {"$lte": EIGHT + 3_600_000}}
        wait_until(lambda: house.database["reminders"].count_documents(is_due) == 0, "some are due for ever")
    finally:
        for one in living:
            one.kill()
            one.join()
    rows = list(house.database["reminder_occurrences"].find())
    assert len({row["reminder"] for row in rows}) == len(rows) == told() == COUNT
    assert {row["state"] for row in rows} == {"sent"}
