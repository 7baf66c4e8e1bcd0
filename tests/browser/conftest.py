from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.house import Somebody
from tests.real.installation import Installation, installed


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's; it downloads nothing."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: sudo apt-get install -y chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def doctor(house: Installation) -> Somebody:
    """Another one for each test: a code of a second factor is good once."""
    return Somebody.doctor(house)


@pytest.fixture
def citizen(house: Installation, doctor: Somebody) -> Somebody:
    """Whose family doctor is the doctor's team."""
    return Somebody.citizen(house, "王芳")
