"""A person at a browser and the app that sent them there: asks, logs in, decides, and redeems what comes back."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from phr.auth import clients
from phr.auth.clients import Credentials, NewClient
from phr.people import logins
from tests.cast import T0, Cast
from tests.security.asking import basic, post

CALLBACK = "https://app.example/cb"
VERIFIER = "a-verifier-of-at-least-forty-three-signs-as-rfc-7636-has-it"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
SCOPE = "profile.read readings.read offline_access"


def an_app(cast: Cast, **changes: Any) -> Credentials:
    """A public client, as phones have it."""
    draft = {
        "name": "Health app",
        "scope": SCOPE.split(),
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [CALLBACK],
        "is_public": True,
    }
    return clients.create(cast.database, NewClient(**(draft | changes)), T0)


@dataclass
class Browser:
    """Of the owner, whose password it knows. ``asked`` is what the app asks for."""

    cast: Cast
    app: Credentials
    http: FlaskClient
    login: str = "owner"
    password: str = "correct horse"
    code_typed: str = ""  # of a second factor
    asked: dict[str, Any] = field(default_factory=dict)

    def address(self, **changes: Any) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "xyz",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asked |= self.asked | changes
        return "/oauth/authorize?" + urlencode({k: v for k, v in asked.items() if v is not None}, doseq=True)

    def open(self, **changes: Any) -> TestResponse:
        return self.http.get(self.address(**changes))

    def send(self, page: TestResponse, address: str | None = None, **form: str) -> TestResponse:
        """Sends the page's form."""
        token = re.search(r'name="form_token" value="([^"]+)"', page.text)
        assert token, page.text
        return self.http.post(address or page.request.full_path, data={"form_token": token[1]} | form)

    def log_in(self, page: TestResponse) -> TestResponse:
        """The page that comes after the login."""
        form = {
            "way": "password",
            "login": self.login,
            "password": self.password,
            "code": self.code_typed,
            "step": "log-in",
        }
        answer = self.send(page, **form)
        return self.http.get(answer.location) if answer.status_code == 303 else answer

    def sent_back(self, **changes: Any) -> TestResponse:
        """The answer to a request that is wrong, after a login."""
        return self.log_in(self.open(**changes))

    def decide(self, step: str = "allow", **changes: Any) -> TestResponse:
        """The answer to the decision, after a login."""
        return self.send(self.log_in(self.open(**changes)), step=step)

    def code(self, **changes: Any) -> str:
        return told(self.decide(**changes))["code"]

    def redeem(self, code: str, app: Credentials | None = None, /, **changes: Any) -> TestResponse:
        app = app or self.app
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return self._token(app, form | changes)

    def refresh(self, token: str, app: Credentials | None = None, **changes: Any) -> TestResponse:
        return self._token(app or self.app, {"grant_type": "refresh_token", "refresh_token": token} | changes)

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """What the app gets when all goes well."""
        answer = self.redeem(self.code(**changes))
        assert answer.status_code == 200, answer.text
        given: dict[str, Any] = answer.json
        return given

    def _token(self, app: Credentials, form: dict[str, Any]) -> TestResponse:
        form = {name: value for name, value in form.items() if value is not None}
        if app.client_secret is None:
            return post(self.cast, "/oauth/token", None, **({"client_id": app.client_id} | form))
        return post(self.cast, "/oauth/token", basic(app.client_id, app.client_secret), **form)


def told(answer: TestResponse) -> dict[str, str]:
    """What an answer over the browser tells the app."""
    assert answer.location is not None, answer.text
    assert answer.location.startswith(CALLBACK)
    return {name: one for name, (one,) in parse_qs(urlsplit(answer.location).query, keep_blank_values=True).items()}


def a_browser(cast: Cast, app: Credentials | None = None) -> Browser:
    if not cast.database["logins"].find_one({"person": cast.owner}):
        logins.create(cast.database, "owner", "correct horse", cast.owner)
    return Browser(cast, app or an_app(cast), cast.http.application.test_client())
