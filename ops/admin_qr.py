"""`admin device qr`: a new claim code for a device, as a picture for its box."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ops.administration import Operator, Printed
from phr.intake import claim_codes, claims


def add(verbs: Any) -> None:
    """Adds the command to the verbs of `admin device`."""
    command: argparse.ArgumentParser = verbs.add_parser("qr")
    command.set_defaults(run=_print_code)
    command.add_argument("vendor")
    command.add_argument("device")
    command.add_argument("--out", required=True, type=Path, metavar="FILE")


def _print_code(operator: Operator, wished: argparse.Namespace) -> Printed:
    """Codes are stored as hashes only, so an old one can't be drawn: it is replaced, and no longer opens anything."""
    ref = f"{wished.vendor}/{wished.device}"
    code = claims.renew_code(operator.database, ref)
    wished.out.write_bytes(claim_codes.picture(ref, code))
    return {"device": ref, "claim_code": code, "file": str(wished.out)}
