"""`admin keys rotate` and `rotate-signing`: a new master key, new keys that sign tokens, while everybody works."""

from __future__ import annotations

import argparse
from typing import Any

from ops.administration import Operator, Printed
from phr.auth.keys import Rings
from phr.config import Settings
from phr.people import keyring, kms, master_keys


def add(things: Any) -> None:
    """The verb of ``keys``."""
    verbs = things.add_parser("keys", help="the keys of the installation").add_subparsers(required=True)
    rotate = verbs.add_parser(
        "rotate",
        help="wraps every data key with a new master key; with PHR_MASTER_KEY, with the first of the keys it holds",
    )
    rotate.set_defaults(run=_rotate)
    new = verbs.add_parser("new", help="prints a new master key for PHR_MASTER_KEY, wrapped by PHR_KMS if there is one")
    new.set_defaults(alone=_new)
    signing = verbs.add_parser(
        "rotate-signing",
        help="the next keys sign tokens from now on, new ones are published as next; those before still verify",
    )
    signing.set_defaults(run=_rotate_signing)


def _new(settings: Settings) -> Printed:
    return {"key": master_keys.new_text(kms.of(settings))}


def _rotate(operator: Operator, _wished: argparse.Namespace) -> Printed:
    """{"master": id, "rewrapped", "file"}: broken off, the next run goes on with the key that is in front.

    Our own file gets a new key in front once every data key is wrapped by the one that is there.
    """
    given = master_keys.load(operator.settings)
    if given.path is not None and not keyring.count_older(operator.database):
        master_keys.put_in_front(given.path, master_keys.new_text(kms.of(operator.settings)))
    rewrapped = 0
    while done := keyring.rewrap_some(operator.database):
        rewrapped += done
    return {"master": given.newest.id, "rewrapped": rewrapped, "file": str(given.path) if given.path else None}


def _rotate_signing(operator: Operator, _wished: argparse.Namespace) -> Printed:
    """{"access_tokens", "id_tokens"}: the id of the key that signs now."""
    rings = Rings(operator.settings)
    for ring in (rings.access, rings.id_tokens):
        ring.rotate(operator.now_ms)
    return {"access_tokens": rings.access.current.kid, "id_tokens": rings.id_tokens.current.kid}
