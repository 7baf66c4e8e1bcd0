"""Keeps the embedded broker's files up with what is stored: logins that the API gave out, ended ones, revocations."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from ingest import credentials
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database, connect
from phr.errors import PhrError
from phr.intake import mqtt_logins

LOOKS_EVERY_S = 0.5
RESTS_MS = 30_000  # after a restart of the broker: who gives out logins one by one must not end it each time
WRITES_EVERY_MS = 6 * 3_600_000  # certificates and lists of revoked ones get old by themselves

log = logging.getLogger(__name__)


class Keeper:
    """Looks at one small document; a change of it makes the files anew."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._seen: int | None = None
        self._written_ms = 0
        self._rests_until_ms = 0

    def keep_one(self, now: int) -> bool:
        """True where the files were made anew. Raises PyMongoError, ServerUnavailable; then nothing is seen."""
        if now < self._rests_until_ms:
            return False
        mqtt_logins.end_overdue(self._database, now)
        number = mqtt_logins.last_number(self._database)
        if number == self._seen and now - self._written_ms < WRITES_EVERY_MS:
            return False
        if credentials.sync(self._database, self._settings.data_dir):
            self._rests_until_ms = now + RESTS_MS
        self._seen, self._written_ms = number, now
        return True


@contextmanager
def keeping(settings: Settings) -> Iterator[None]:
    """A thread that keeps while the block runs; nothing where the broker is somebody else's."""
    if settings.is_asked_for("mqtt_url"):
        yield
        return
    is_over = threading.Event()
    thread = threading.Thread(target=_keep, args=(settings, is_over), name="logins", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(5.0)


def _keep(settings: Settings, is_over: threading.Event) -> None:
    database = connect(settings.mongodb_uri or "", settings.mongodb_database, server_selection_timeout_s=2.0)
    keeper = Keeper(database, settings)
    with database.client:
        while not is_over.wait(LOOKS_EVERY_S):
            try:
                keeper.keep_one(now_ms())
            except (PyMongoError, PhrError, OSError) as error:
                log.warning("logins not brought to the broker: %s", type(error).__name__)
                is_over.wait(5.0)
