from __future__ import annotations

import pytest
from flask import Flask

from pages.application import create
from pages.mounting import mounted
from tests.cast import Cast, cast
from tests.pages.visitor import Visitor


@pytest.fixture
def visitor(cast: Cast, application: Flask) -> Visitor:
    """Somebody at a browser that knows nobody yet; they have the owner's password."""
    return Visitor.of(cast, mounted(application, lambda: create(application)))


__all__ = ["cast"]
