import pytest

from phr.people import logins
from tests.cast import Cast, cast
from tests.security.browser import CHEAP, Browser, a_browser

__all__ = ["cast"]


@pytest.fixture
def browser(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Of the owner; passwords are hashed cheaply."""
    monkeypatch.setattr(logins, "HASHER", CHEAP)
    return a_browser(cast)
