"""How the API is served."""

from __future__ import annotations

import dataclasses
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import api_server, ports
from phr.auth.tokens import issuer_of
from phr.clock import now_ms
from phr.config import Settings
from phr.database import Database
from phr.errors import ServerUnavailable, SettingInvalid
from phr.intake import authority
from tests.conftest import MASTER_KEY
from tests.ops.running import ROOT, wait_until


def test_workers_and_address_come_from_the_settings(settings: Settings) -> None:
    line = " ".join(api_server.command_of(dataclasses.replace(settings, api_workers=3, http_port=1234)))
    assert "--bind 127.0.0.1:1234 --workers 3 --worker-class gthread" in line


def test_taken_port_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = dataclasses.replace(settings, http_port=server.getsockname()[1])
        with pytest.raises(ServerUnavailable, match="set PHR_HTTP_PORT"):
            api_server.run(taken)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Files of a certificate of localhost, and its key."""
    home = tmp_path_factory.mktemp("certificate")
    made = authority.server_certificate(authority.authority(home, now_ms()), ["localhost"], now_ms())
    files = home / "certificate.pem", home / "key.pem"
    files[0].write_text(made.certificate_pem)
    files[1].write_text(made.key_pem or "")
    return str(files[0]), str(files[1])


@pytest.fixture
def served(certificate: tuple[str, str], database: Database, mongod: str, tmp_path: Path) -> Iterator[int]:
    """The port of an API process that speaks TLS."""
    port = ports.free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PHR_")}
    env = clean | {
        "PHR_DATA_DIR": str(tmp_path / "phr"),
        "PHR_MONGODB_URI": mongod,
        "PHR_MONGODB_DATABASE": database.name,
        "PHR_MASTER_KEY": MASTER_KEY,
        "PHR_HTTP_PORT": str(port),
        "PHR_TLS_CERTIFICATE": certificate[0],
        "PHR_TLS_KEY": certificate[1],
    }
    process = subprocess.Popen([sys.executable, "app.py", "api"], cwd=ROOT, env=env)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def asked(url: str, trusted: ssl.SSLContext | None = None) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2, context=trusted) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_api_speaks_tls_alone_with_a_certificate(served: int, certificate: tuple[str, str]) -> None:
    url, own = f"localhost:{served}/healthz", api_server.only(certificate[0])
    wait_until(lambda: asked(f"https://{url}", own) == 200, "the API does not speak TLS")
    own.check_hostname = True  # it is localhost's
    assert asked(f"https://{url}", own) == 200
    assert [asked(f"https://{url}"), asked(f"http://{url}")] == [0, 0]  # by the authorities of the system; in the clear


def test_health_of_another_server_is_not_believed(served: int, certificate: tuple[str, str], tmp_path: Path) -> None:
    url, own = f"https://127.0.0.1:{served}/healthz", api_server.only(certificate[0])
    wait_until(lambda: asked(url, own) == 200, "the API does not speak TLS")
    other = authority.server_certificate(authority.authority(tmp_path, now_ms()), ["localhost"], now_ms())
    (tmp_path / "other.pem").write_text(other.certificate_pem)
    assert asked(url, api_server.only(str(tmp_path / "other.pem"))) == 0


def test_issuer_is_an_address_of_tls_where_the_api_speaks_it(settings: Settings) -> None:
    found = [issuer_of(dataclasses.replace(settings, tls_certificate=one)) for one in (None, "c.pem")]
    assert found == ["http://127.0.0.1:8080", "https://127.0.0.1:8080"]


@pytest.mark.parametrize("half", [{"tls_certificate": "c.pem"}, {"tls_key": "k.pem"}])
def test_half_of_what_tls_needs_stops_the_start(settings: Settings, half: dict[str, str]) -> None:
    with pytest.raises(SettingInvalid, match="go together"):
        api_server.command_of(dataclasses.replace(settings, **half))


def test_files_that_do_not_fit_stop_the_start(settings: Settings, certificate: tuple[str, str]) -> None:
    swapped = dataclasses.replace(settings, tls_certificate=certificate[1], tls_key=certificate[0])
    with pytest.raises(SettingInvalid, match="can't be used"):
        api_server.command_of(swapped)
