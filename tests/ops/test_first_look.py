"""The first five minutes: the citizen of the first start logs in with a browser, and the example gets a token."""

from __future__ import annotations

import dataclasses
import io
import re
import runpy
import threading
import webbrowser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from ops import welcome
from phr.config import Settings
from phr.database import Database
from phr.people import logins
from tests.cast import Cast, cast
from tests.conftest import Broker
from tests.security.browser import CHEAP, Browser

__all__ = ["cast"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "log_in.py"
SHOWN = re.compile(r"citizen  person_id (\S+)\n +login (\S+)  password (\S+)\n  app      client_id (\S+)")


@pytest.fixture
def shown(
    settings: Settings, database: Database, broker: Broker, mongod: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """What the first start says of the citizen: id, login, password; and the id of the app."""
    monkeypatch.setattr(logins, "HASHER", CHEAP)
    changes = {"mongodb_uri": mongod, "mongodb_database": database.name, "data_dir": broker.data_dir}
    text = "\n".join(welcome.first_lines(dataclasses.replace(settings, **changes), "http://127.0.0.1:8080"))
    found = SHOWN.search(text)
    assert found, text
    return found.groups()


@pytest.mark.parametrize("step", ["allow", "deny"])
def test_citizen_logs_in_and_the_example_prints_a_token(
    shown: tuple[str, ...],
    cast: Cast,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: str,
) -> None:
    person, login, password, client_id = shown
    browser = Browser(cast, None, cast.http.application.test_client(), login, password)  # type: ignore[arg-type]
    issuer, going = cast.installation.issuer, []

    def go(address: str) -> None:
        page = browser.log_in(browser.http.get(address.removeprefix(issuer)))
        answer = browser.send(page, step=step)
        with urlopen(answer.location, timeout=30) as told:
            assert b"close this window" in told.read()

    def opened(address: str) -> bool:
        going.append(threading.Thread(target=go, args=(address,)))
        going[0].start()
        return True

    def asked(address: str, body: bytes, timeout: int) -> io.BytesIO:
        answer = cast.http.post(urlsplit(address).path, data=body, content_type="application/x-www-form-urlencoded")
        assert (answer.status_code, timeout > 0) == (200, True), answer.text
        return io.BytesIO(answer.data)

    monkeypatch.setattr(webbrowser, "open", opened)
    example: dict[str, Any] = runpy.run_path(str(EXAMPLE))
    example["main"].__globals__["urlopen"] = asked
    status = example["main"](issuer, client_id)
    going[0].join(30)
    token = capsys.readouterr().out.strip()
    assert (status, bool(token)) == ((0, True) if step == "allow" else (1, False))
    if token:
        seen: Any = cast.http.get("/v1/people/me", headers={"Authorization": f"Bearer {token}"}).json
        assert seen["id"] == person
