"""Who checks and where: the broker's address and a login, as a vendor was given them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from phr.errors import InputInvalid, SettingInvalid


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int
    has_tls: bool


@dataclass(frozen=True, slots=True)
class Login:
    """``client_id`` and ``client_secret``: for the API, where the file has them."""

    username: str
    password: str
    client_id: str | None = None
    client_secret: str | None = None

    @property
    def vendor(self) -> str:
        return self.username.partition("/")[0]

    @property
    def device(self) -> str | None:
        """The one device that this login speaks for; None: all of the vendor."""
        return unquote(self.username.partition("/")[2]) or None


def address_of(url: str) -> Address:
    """``mqtt://host:port`` or ``mqtts://…``. Raises SettingInvalid."""
    parts = urlsplit(url)
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise SettingInvalid(f"--broker {url} is not mqtt://host:port or mqtts://host:port")
    has_tls = parts.scheme == "mqtts"
    return Address(parts.hostname, parts.port or (8883 if has_tls else 1883), has_tls)


def login_of(given: str) -> Login:
    """A file with what `admin vendor create` or `admin device create` printed, or ``user:password``.

    Raises InputInvalid.
    """
    path = Path(given)
    if path.is_file():
        return _from_file(path)
    username, colon, password = given.partition(":")
    if not (username and colon and password):
        raise InputInvalid("--credentials is neither a file nor user:password")
    return Login(username, password)


def _from_file(path: Path) -> Login:
    try:
        printed = json.loads(path.read_text(encoding="utf-8"))
        return Login(
            printed["mqtt_username"],
            printed["mqtt_password"],
            printed.get("client_id"),
            printed.get("client_secret"),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputInvalid(f"{path} is not what `admin vendor create` or `admin device create` printed") from error
