"""`admin erase PERSON`: an erasure asked for on somebody's behalf, looked at, or taken back."""

from __future__ import annotations

import argparse
from typing import Any

from ops.admin_archive import record
from ops.administration import Operator, Printed
from phr.erasure import asking, erasures


def add(things: Any) -> None:
    command = things.add_parser("erase", help="everything of a person goes after the days of PHR_ERASURE_DAYS")
    command.set_defaults(run=_run)
    command.add_argument("person")
    wish = command.add_mutually_exclusive_group(required=True)
    wish.add_argument("--reason", help="who wants it and what proved it; stands in the access log until the erasure")
    wish.add_argument("--show", action="store_true", help="how far it is, and the certificate")
    wish.add_argument("--cancel", action="store_true", help="takes it back, while there is time")


def _run(operator: Operator, wished: argparse.Namespace) -> Printed:
    if wished.show:
        return {**erasures.find(operator.database, wished.person).as_json()}
    if wished.cancel:
        record(operator, wished.person, "write", "erasure taken back")
        asking.cancel(operator.database, wished.person, operator.now_ms)
        return {"person_id": wished.person, "state": "kept"}
    record(operator, wished.person, "write", f"erasure: {wished.reason}")
    days = operator.settings.erasure_days
    asked, receipt = asking.ask(operator.database, wished.person, "operator", days, operator.now_ms)
    return {**asked.as_json(), "receipt": receipt}
