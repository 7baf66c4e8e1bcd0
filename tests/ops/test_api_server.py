"""How the API is served."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from ops import api_server
from phr.config import Settings
from phr.errors import ServerUnavailable


def test_workers_and_address_come_from_the_settings(settings: Settings) -> None:
    line = " ".join(api_server.command_of(dataclasses.replace(settings, api_workers=3, http_port=1234)))
    assert "--bind 127.0.0.1:1234 --workers 3 --worker-class gthread" in line


def test_taken_port_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = dataclasses.replace(settings, http_port=server.getsockname()[1])
        with pytest.raises(ServerUnavailable, match="set PHR_HTTP_PORT"):
            api_server.run(taken)
