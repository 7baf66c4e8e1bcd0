"""`python app.py audit verify`: says whether the access log is as it was written, and names what is not."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from ops import administration
from phr import memory
from phr.audit import days, verifying
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database


def main(argv: Sequence[str], settings: Settings) -> int:
    """Prints what was found as JSON; exit status 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="app.py audit", description="The access log: is it as it was written?")
    verify = parser.add_subparsers(required=True, metavar="VERB").add_parser("verify")
    verify.add_argument("--person", metavar="ID", help="of this person alone")
    asked = parser.parse_args(argv)
    found: list[Any] = []

    def run(database: Database) -> dict[str, Any]:
        memory.settle()
        report = verifying.verify(database, days.house(settings), now_ms(), asked.person)
        found.extend(report.faults)
        return {
            "lines": report.lines,
            "unlinked": report.unlinked,
            "chains": report.chains,
            "days": report.days,
            "faults": [one.as_json() for one in report.faults],
        }

    return administration.printing(settings, run) or int(bool(found))
