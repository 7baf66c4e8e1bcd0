"""The API as a vendor's client asks it: a token by client credentials, then JSON."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

from phr.errors import ServerUnavailable, SettingInvalid

TIMEOUT_S = 15


class Api:
    """Raises ServerUnavailable for whatever is not a good answer, with the status."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise SettingInvalid(f"--api {url} is not http://… or https://…")
        self._url = url.rstrip("/")
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._basic = {"Authorization": f"Basic {basic}"}
        self._renew_token()

    def _renew_token(self) -> None:
        body = urlencode({"grant_type": "client_credentials"}).encode()
        answer = self._json("/oauth/token", self._basic, body)
        self._token = answer["access_token"]
        self._good_until = time.monotonic() + answer["expires_in"] / 2

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """The token is asked for anew before it ends: who watches devices does so for longer."""
        if time.monotonic() > self._good_until:
            self._renew_token()
        given = urlencode({name.rstrip("_"): value for name, value in query.items()})
        return self._json(f"{path}?{given}", {"Authorization": f"Bearer {self._token}"})

    def _json(self, path: str, headers: dict[str, str], body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self._url + path, body, headers)  # noqa: S310 - the scheme is looked at above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the same
                answered: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ServerUnavailable(f"the API answers {error.code} to {path.partition('?')[0]}") from error
        except (OSError, ValueError) as error:
            raise ServerUnavailable(f"the API does not answer at {self._url}: {error}") from error
        return answered
