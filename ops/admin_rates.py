"""`admin vendor rate`, `admin device rate`: how much one may send a minute, shown or set."""

from __future__ import annotations

import argparse
from typing import Any

from ops.administration import Operator, Printed
from phr.intake import limits
from phr.intake.policy import Limits


def add(verbs: Any, *, is_device: bool) -> None:
    """Adds the command to the verbs of `admin vendor` or `admin device`."""
    command: argparse.ArgumentParser = verbs.add_parser("rate")
    command.set_defaults(run=_rate)
    command.add_argument("vendor")
    if is_device:
        command.add_argument("device")
    command.add_argument("--messages", type=int, metavar="PER_MIN", help="0: nothing is taken")
    command.add_argument("--readings", type=int, metavar="PER_MIN")
    command.add_argument("--reset", action="store_true", help="what holds for everybody holds again")


def _rate(operator: Operator, wished: argparse.Namespace) -> Printed:
    """What is not named stays; with nothing named it is shown."""
    name = f"{wished.vendor}/{wished.device}" if "device" in wished else wished.vendor
    before = Limits() if wished.reset else limits.of(operator.database, name)
    wanted = Limits(wished.messages, wished.readings)
    if wished.reset or wanted != Limits():
        limits.set_limits(operator.database, name, wanted.over(before))
    held = limits.of(operator.database, name)
    return {"name": name, "messages_per_min": held.messages_per_min, "readings_per_min": held.readings_per_min}
