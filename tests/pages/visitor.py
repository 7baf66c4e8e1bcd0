"""Somebody at a browser: follows the pages, logs in, fills in forms; keeps cookies as a browser does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import Client, TestResponse

from phr.people import logins
from tests.cast import Cast

PASSWORD = "correct horse"


@dataclass
class Visitor:
    cast: Cast
    browser: Client
    app: Any

    @classmethod
    def of(cls, cast: Cast, app: Any) -> Visitor:
        if not cast.database["logins"].find_one({"person": cast.owner}):
            logins.create(cast.database, "owner", PASSWORD, cast.owner)
        return cls(cast, Client(app), app)

    @property
    def issuer(self) -> str:
        return self.cast.installation.issuer

    def another(self) -> Visitor:
        """The same house seen from another browser."""
        return Visitor(self.cast, Client(self.app), self.app)

    def get(self, path: str, **more: Any) -> TestResponse:
        """Without following; an address in full is taken by its path."""
        return self.browser.get(_path(path), base_url=self.issuer, **more)

    def post(self, path: str, **form: Any) -> TestResponse:
        """A form without the sign that it is a page's own."""
        return self.browser.post(_path(path), base_url=self.issuer, data=form)

    def send(self, page: TestResponse, path: str | None = None, /, **form: Any) -> TestResponse:
        """Sends a form of the page."""
        token = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert token, page.text
        return self.post(path or page.request.full_path, form_token=token[1], **form)

    def to_login(self, place: str = "/app/today") -> TestResponse:
        """The login's page, as one comes to it from this place."""
        answer = self.get(f"/app/login?next={place}")
        assert answer.status_code == 303, answer.text
        return self.get(answer.location)

    def typed(self, page: TestResponse, login: str = "owner", password: str = PASSWORD) -> TestResponse:
        """The answer that leads back to the pages, after the login at its page."""
        answer = self.send(page, step="log-in", way="password", login=login, password=password, code="")
        assert answer.status_code == 303, answer.text
        return self.get(answer.location)

    def log_in(self, login: str = "owner", place: str = "/app/today") -> TestResponse:
        """What the browser is sent on to once it is logged in."""
        back = self.typed(self.to_login(place), login)
        assert back.status_code == 303, back.text
        return self.get(back.location)


def _path(address: str) -> str:
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")
