"""How the API is served: gunicorn with threads, one process a worker."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ops import ports
from phr.config import Settings
from phr.errors import ServerUnavailable

THREADS = 8
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there


def run(settings: Settings) -> int:
    """Becomes gunicorn; returns only by an error. Raises ServerUnavailable for a taken port."""
    if not ports.is_free(settings.http_port, settings.bind):
        raise ServerUnavailable(f"port {settings.http_port} is taken on {settings.bind}; set PHR_HTTP_PORT")
    command = command_of(settings)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def command_of(settings: Settings) -> list[str]:
    """gunicorn's command line."""
    # A heartbeat file on a slow disk makes gunicorn think that a worker hangs.
    heartbeat = ["--worker-tmp-dir", str(SHARED_MEMORY)] if os.access(SHARED_MEMORY, os.W_OK) else []
    return [
        *(sys.executable, "-m", "gunicorn"),
        *("--bind", f"{settings.bind}:{settings.http_port}"),
        *("--workers", str(settings.api_workers)),
        *("--worker-class", "gthread"),
        *("--threads", str(THREADS)),
        *("--keep-alive", "30"),
        *("--graceful-timeout", "10"),
        *("--log-level", "warning"),
        "--no-control-socket",
        *heartbeat,
        "phr.api.wsgi:application",
    ]
