"""`admin device qr`: a new claim code for a device, as a picture for its box."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import segno

from ops.administration import Operator, Printed
from phr.intake import claims

MODULE_PX = 8  # a dot of the picture; at 300 dpi a code of 41 dots with its margin is 3.3 cm wide


def add(verbs: Any) -> None:
    """Adds the command to the verbs of `admin device`."""
    command: argparse.ArgumentParser = verbs.add_parser("qr")
    command.set_defaults(run=_print_code)
    command.add_argument("vendor")
    command.add_argument("device")
    command.add_argument("--out", required=True, type=Path, metavar="FILE")


def text_of(ref: str, code: str) -> str:
    """What the picture says: the two fields of a claim."""
    return f"phr:claim?{urlencode({'device': ref, 'code': code}, safe='/:')}"


def _print_code(operator: Operator, wished: argparse.Namespace) -> Printed:
    """Codes are stored as hashes only, so an old one can't be drawn: it is replaced, and no longer opens anything."""
    ref = f"{wished.vendor}/{wished.device}"
    code = claims.renew_code(operator.database, ref)
    segno.make(text_of(ref, code), error="m", micro=False).save(str(wished.out), kind="png", scale=MODULE_PX)
    return {"device": ref, "claim_code": code, "file": str(wished.out)}
