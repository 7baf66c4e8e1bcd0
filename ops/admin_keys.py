"""`admin keys rotate`: a new master key in use, while everybody works."""

from __future__ import annotations

import argparse
from typing import Any

from ops.administration import Operator, Printed
from phr.people import keyring, master_keys


def add(things: Any) -> None:
    """The verb of ``keys``."""
    verbs = things.add_parser("keys", help="the master key that wraps all data keys").add_subparsers(required=True)
    rotate = verbs.add_parser(
        "rotate",
        help="wraps every data key with a new master key; with PHR_MASTER_KEY, with the first of the keys it holds",
    )
    rotate.set_defaults(run=_rotate)


def _rotate(operator: Operator, _wished: argparse.Namespace) -> Printed:
    """{"master": id, "rewrapped", "file"}: broken off, the next run goes on with the key that is in front.

    Our own file gets a new key in front once every data key is wrapped by the one that is there.
    """
    given = master_keys.load(operator.settings)
    if given.path is not None and not keyring.count_older(operator.database):
        master_keys.put_in_front(given.path, master_keys.new_text())
    rewrapped = 0
    while done := keyring.rewrap_some(operator.database):
        rewrapped += done
    return {"master": given.newest.id, "rewrapped": rewrapped, "file": str(given.path) if given.path else None}
