"""Which addresses are pages, and the pages beside an API as one WSGI application."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from flask import Flask

Wsgi = Callable[[dict[str, Any], Any], Any]


def mounted(api: Flask, make: Callable[[], Flask]) -> Wsgi:
    """The pages at ``/`` and under ``/app``, the API everywhere else.

    ``make`` is asked when the first page is: a process that serves phones and devices alone does without.
    """
    lock = threading.Lock()
    made: list[Flask] = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if not is_page(environ.get("PATH_INFO", "")):
            return api(environ, start_response)
        with lock:
            if not made:
                made.append(make())
        return made[0](environ, start_response)

    return application


def is_page(path: str) -> bool:
    return path in ("", "/", "/app", "/vendor") or path.startswith(("/app/", "/look/"))
