"""The device that measured what has to be measured again says so: at once, and without a value."""

from __future__ import annotations

from collections.abc import Sequence

from phr.database import Database
from phr.intake import commands, devices
from phr.intake.commands import MEASURE_AGAIN, NewCommand
from phr.vocabulary.alert import Alert

LIFE_S = 600  # our own choice: later than that it is another measurement


def ask(database: Database, alerts: Sequence[Alert], now_ms: int) -> None:
    """Each device that its person has now, once for a reading. Safe to repeat."""
    known = devices.find_many(database, {one.device for one in alerts}) if alerts else {}
    asked = {
        f"again:{one.key}": NewCommand(device=one.device, code=MEASURE_AGAIN, args={}, life_s=LIFE_S)
        for one in alerts
        if one.device in known and one.person in known[one.device].holders_at(now_ms)
    }
    if asked:
        commands.add_once(database, asked, now_ms)
