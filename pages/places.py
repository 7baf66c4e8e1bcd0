"""Where in the panel somebody is: its filters and the resident, along all that is done on the way."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

FILTERS = ("name", "need", "programme")


def filters() -> dict[str, str | None]:
    """Those that hold; None: that one does not."""
    return {name: request.args.get(name) or None for name in FILTERS}


def kept(**changed: str | None) -> str:
    """The end of an address that says where one is, with what is to be otherwise."""
    here = filters() | {"at": request.args.get("at")} | changed
    asked = {name: value for name, value in here.items() if value}
    return f"?{urlencode(asked)}" if asked else ""
