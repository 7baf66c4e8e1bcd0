"""What the views share: the API that they ask, and the installation that they belong to."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from pages.api import Api
from phr.api.installation import Installation
from phr.auth import own_client
from phr.database import Database

NAME = "pages"
PREFIX = "/app"


@dataclass(slots=True)
class House:
    api: Api
    installation: Installation
    is_client_there: bool = False

    @property
    def issuer(self) -> str:
        return self.installation.issuer

    @property
    def is_tls(self) -> bool:
        return self.issuer.startswith("https://")

    def database(self) -> Database:
        """For who is at which page; everything else is asked of the API."""
        return self.installation.database()

    def ensure_client(self) -> None:
        """The pages are a client of the API; the first who logs in through a process finds them there."""
        if not self.is_client_there:
            own_client.ensure(self.database(), self.issuer)
            self.is_client_there = True


def house() -> House:
    """Of the application that serves the current request."""
    found: House = current_app.extensions[NAME]
    return found
