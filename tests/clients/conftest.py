from __future__ import annotations

import fcntl

import pytest

from tests.cast import cast
from tests.clients.describing import CLIENT
from tests.clients.phone import node

__all__ = ["cast"]


@pytest.fixture(scope="session")
def built() -> None:
    """The client's modules, compiled; of several processes that test, one does it."""
    with (CLIENT / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node("make", "-s", "-C", "../..", "clients/miniprogram/.built/.ready")
