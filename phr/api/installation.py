"""What the views of one application share: settings, the database, the protector of its routes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app
from pymongo.errors import PyMongoError

from phr.auth.keys import Key, Rings
from phr.auth.protector import Protector, Validator
from phr.auth.rates import Ahead
from phr.auth.revocations import Revocations
from phr.auth.tokens import issuer_of
from phr.care.rules import rules
from phr.config import Settings
from phr.database import Database, connect
from phr.errors import SettingInvalid
from phr.live.hub import Hub
from phr.notices import wechat_templates
from phr.notices.outbox import Notice
from phr.people import keyring, master_keys
from phr.recording import Recorder
from phr.syncing import Item
from phr.telemetry.reports import Reporter
from phr.telemetry.tally import Tally
from phr.timeline import words

NAME = "phr"
LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Installation:
    """Connects to the database at the first request, in the process that serves it: a client must not cross a fork."""

    settings: Settings
    issuer: str
    rings: Rings
    _database: Database | None = None
    tally: Tally = field(default_factory=Tally)
    rates_ahead: Ahead = field(default_factory=Ahead)
    _reporter: Reporter | None = None
    _hub: Hub | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _of_thread: threading.local = field(default_factory=threading.local)
    protector: Protector = field(init=False)

    def __post_init__(self) -> None:
        self.protector = Protector(Validator(self.issuer, self.rings.access, Revocations(self.database)))

    @property
    def key(self) -> Key:
        """The one that signs access tokens now."""
        return self.rings.access.current

    def database(self) -> Database:
        with self._lock:
            if self._database is None:
                assert self.settings.mongodb_uri is not None  # checked by ``install``
                self._database = connect(self.settings.mongodb_uri, self.settings.mongodb_database)
            return self._database

    def recorder(self) -> Recorder:
        """The door in; one a thread, since it remembers devices and people without a lock."""
        found: Recorder | None = getattr(self._of_thread, "recorder", None)
        if found is None:
            found = self._of_thread.recorder = Recorder(self.database(), rules())
        return found

    def hub(self, render: Callable[[Item | Notice], dict[str, Any]]) -> Hub:
        """The streams of this process."""
        database = self.database()
        with self._lock:
            if self._hub is None:
                self._hub = Hub(database, render, self.protector.validator.revocations.has)
            return self._hub

    def report(self, now_ms: int, *, is_forced: bool = False) -> None:
        """Writes down what this process counted, where it is time to. All API processes add to one report."""
        if self._reporter is None:
            self._reporter = Reporter(self.database(), "api", "all", self.tally)
        if is_forced or self._reporter.is_due(now_ms):
            try:
                self._reporter.write(now_ms)
            except PyMongoError as error:
                LOG.warning("figures not written: %s", type(error).__name__)


def install(app: Flask, settings: Settings, database: Database | None) -> Installation:
    """Gives the application its installation.

    Raises SettingInvalid without a database to connect to and for templates of WeChat that are none, DataFileInvalid
    where a rule contradicts itself.
    """
    if database is None and settings.mongodb_uri is None:
        raise SettingInvalid("PHR_MONGODB_URI is not set and no family is running here; start one with `make run`")
    rules()
    wechat_templates.of(settings)
    words.dictionary()  # not in somebody's first search
    keyring.use(master_keys.load(settings))
    made = Installation(settings, issuer_of(settings), Rings(settings), database)
    app.extensions[NAME] = made
    return made


def installation() -> Installation:
    """The installation of the application that serves the current request."""
    found: Installation = current_app.extensions[NAME]
    return found


def database() -> Database:
    return installation().database()
