"""How the API is served: gunicorn with threads, one process a worker."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from ops import ports
from phr.config import Settings
from phr.errors import ServerUnavailable, SettingInvalid

THREADS = 8
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - gunicorn makes a file of its own there


def run(settings: Settings) -> int:
    """Becomes gunicorn; returns only by an error. Raises ServerUnavailable for a taken port."""
    if not ports.is_free(settings.http_port, settings.bind):
        raise ServerUnavailable(f"port {settings.http_port} is taken on {settings.bind}; set PHR_HTTP_PORT")
    command = command_of(settings)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def command_of(settings: Settings) -> list[str]:
    """gunicorn's command line. Raises SettingInvalid for half of what TLS needs."""
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
        *_tls(settings),
        "pages.wsgi:application",
    ]


def only(certificate: str) -> ssl.SSLContext:
    """Trusts the server that has this certificate, whatever name it is asked by, and no other."""
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


def _tls(settings: Settings) -> list[str]:
    """With a certificate of its own; the least version is that of Python's default, TLS 1.2."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return []
    if certificate is None or key is None:
        raise SettingInvalid("PHR_TLS_CERTIFICATE and PHR_TLS_KEY go together")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise SettingInvalid(f"PHR_TLS_CERTIFICATE and PHR_TLS_KEY can't be used: {error}") from error
    return ["--certfile", certificate, "--keyfile", key]
