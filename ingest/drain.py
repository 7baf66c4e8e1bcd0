"""`app.py ingest drain SLOT`: retires a slot, so that the broker hands it no share of the messages any more."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial

from ingest import slots, worker
from ingest.consumer import parse_url
from ingest.emptiness import QUIET_MS
from ingest.orphans import Orphans
from ingest.verdicts import VerdictPublisher
from phr import clock, database
from phr.care.rules import rules
from phr.config import Settings
from phr.errors import ServerUnavailable
from phr.people import keyring, master_keys
from phr.recording import Recorder


def main(argv: Sequence[str], settings: Settings) -> int:
    """Empties the slot's session into the database, ends it, strikes out the lease; prints how many messages it held.

    1 when told to stop before the session was empty: nothing is lost, it can be drained again. Raises SettingInvalid;
    ServerUnavailable also where a live worker holds the slot.
    """
    slot = _parser().parse_args(argv).slot
    mongodb_uri, mqtt_url, group = worker.needed(settings)
    keyring.use(master_keys.load(settings))
    connection = database.connect(mongodb_uri, settings.mongodb_database, retries_writes=False)
    database.ping(connection)
    address = parse_url(mqtt_url)
    if not slots.seize(connection, slot, clock.now_ms()):
        raise ServerUnavailable(f"a live worker holds slot {slot}; stop it first")
    drainer = worker.Worker(
        Recorder(connection, rules()),
        worker.session(address, group, slot, drains=True),
        VerdictPublisher(address, f"phr-verdicts-{slot}"),
        worker.Lease(connection, slot),
        Orphans(connection, slot, partial(worker.session, address, group, drains=True)),
    )
    drainer.stopping.listen()
    try:
        count = drainer.drain(QUIET_MS / 1000)
        if count is not None:
            slots.forget(connection, slot)
            print(json.dumps({"slot": slot, "messages": count}))
    finally:
        slots.release(connection, slot)  # changes nothing where it was struck out
    return 0 if count is not None else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py ingest", description="without arguments: one worker")
    tasks = parser.add_subparsers(required=True, metavar="TASK")
    drain = tasks.add_parser("drain", help="retire a slot whose worker is stopped and will not come back")
    drain.add_argument("slot", type=int, choices=range(slots.MOST_WORKERS), metavar="SLOT", help="0 is the first")
    return parser
