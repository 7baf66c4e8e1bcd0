"""The side line sends commands while the broker answers earlier ones, and neither waits for the other."""

from __future__ import annotations

import secrets
import threading

from ingest.consumer import parse_url
from ingest.watch import Watch
from phr.telemetry.tally import Tally
from tests.ingest.running import WAIT_S, Plant, wait_until

COMMANDS = 2_000


def test_commands_are_sent_while_answers_come(plant: Plant) -> None:
    watch = Watch(parse_url(plant.broker.url), plant.group, f"{plant.group}-{secrets.token_hex(3)}", Tally())
    watch.start()
    names = [f"c{number}" for number in range(COMMANDS)]
    taken: list[str] = []

    def work() -> None:
        for name in names:
            wait_until(lambda name=name: watch.send(name, f"phr/v1/{plant.vendor}/d1/commands", b"{}", 60))
            taken.extend(watch.take_sent())

    thread = threading.Thread(target=work, daemon=True)
    try:
        wait_until(watch._client.is_connected)
        thread.start()
        thread.join(WAIT_S)
        assert not thread.is_alive(), f"stuck after {len(taken)} commands"
        wait_until(lambda: taken.extend(watch.take_sent()) or len(taken) == COMMANDS)
        assert sorted(taken) == sorted(names)
    finally:
        watch.close()
