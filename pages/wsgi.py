"""What a WSGI server loads: pages.wsgi:application, the API and beside it the pages, built from the environment."""

from __future__ import annotations

from flask import Flask

from pages.mounting import mounted
from phr import memory
from phr.api.wsgi import application as api


def _pages() -> Flask:
    from pages.application import create  # noqa: PLC0415 - what pages need is loaded with the first of them

    return create(api)


application = mounted(api, _pages)
memory.settle()
