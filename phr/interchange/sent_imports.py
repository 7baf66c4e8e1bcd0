"""Imports whose files were sent over the API, done by whoever has time: a scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from phr.database import Database
from phr.formats.local_time import find_zone
from phr.interchange import formats, importing, imports, uploads
from phr.interchange.formats import Wish
from phr.interchange.importing import Clock, Into, Paused
from phr.interchange.imports import Import
from phr.recording import Recorder

MOST_ATTEMPTS = 20  # a file that ends its process each time must not do so for ever


def do_one(database: Database, recorder: Recorder, clock: Clock, is_leaving: Callable[[], bool]) -> bool:
    """Takes one in, or back, whole; True where it found one. It is left where it is when ``is_leaving``."""
    one = imports.claim_next(database, clock())
    if one is None:
        return False

    def tell(_: Import) -> None:
        if is_leaving():
            raise Paused

    into = Into(database, recorder, one.person, one.author, clock, tell)
    try:
        if one.attempts > MOST_ATTEMPTS:
            one = replace(one, problem=("import-failed", "it was tried often enough; nothing of it is kept"))
        if one.attempts > MOST_ATTEMPTS or one.state in ("broken", "taking-back"):
            importing.finish_back(into, one, "the file is broken")
        else:
            _take_in(into, one)
    except Paused:
        return False
    uploads.remove(database, one.id)
    return True


def _take_in(into: Into, one: Import) -> None:
    zone = one.wish.get("zone")
    wish = Wish(zone=find_zone(zone, "/zone") if zone else None, mapping=one.wish.get("mapping"))
    with uploads.opened(into.database, one.person, one.id) as file:
        importing.carry_on(into, one, formats.find_format(one.format), file, wish)
