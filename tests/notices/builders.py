"""Notices to test with."""

from __future__ import annotations

from collections.abc import Iterable

from phr.database import Database
from phr.notices import outbox
from phr.notices.outbox import Raising
from phr.vocabulary.alert import Alert


def raise_notices(database: Database, alerts: Iterable[Alert]) -> int:
    """A notice for each alert, told; how many are new."""
    return outbox.raise_all(database, map(Raising, alerts))
