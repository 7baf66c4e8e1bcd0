"""Nothing leaves the machine in the clear: addresses without TLS are refused, and those that trust anybody."""

from __future__ import annotations

import dataclasses

import pytest

from ingest import worker
from ingest.consumer import hold_to_tls
from phr.config import Settings
from phr.database import connect
from phr.errors import SettingInvalid
from phr.hops import stays_here


@pytest.mark.parametrize(
    ("host", "bind", "stays"),
    [
        ("localhost", None, True),
        ("LocalHost", None, True),
        ("127.0.0.1", None, True),
        ("127.9.9.9", None, True),
        ("::1", None, True),
        ("/run/mongod.sock", None, True),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "0.0.0.0", False),
        ("10.0.0.1", None, False),
        ("128.0.0.1", None, False),
        ("127.0.0.1.evil.example", None, False),
        ("localhost.example", None, False),
        ("mongo", None, False),
        ("", None, False),
    ],
)
def test_what_stays_on_this_machine(host: str, bind: str | None, stays: bool) -> None:
    assert stays_here(host, bind) is stays


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://db.example/",
        "mongodb://u:p@10.0.0.1:27017/?replicaSet=phr",
        "mongodb://127.0.0.1,db.example/",  # one of them is enough
        "mongodb://db.example/?tls=false",
        "mongodb+srv://db.example/?tls=false",
        "mongodb://db.example/?tls=true&tlsInsecure=true",
        "mongodb://db.example/?ssl=true&tlsAllowInvalidCertificates=true",
        "mongodb://db.example/?tls=true&tlsAllowInvalidHostnames=true",
    ],
)
def test_database_elsewhere_is_not_asked_in_the_clear(uri: str) -> None:
    with pytest.raises(SettingInvalid, match=r"PHR_MONGODB_URI (leaves this machine in the clear|takes any)"):
        connect(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://127.0.0.1:1/",
        "mongodb://localhost,[::1]:2/",
        "mongodb://db.example/?tls=true",
        "mongodb://%2Ftmp%2Fm.sock",
    ],
)
def test_database_here_or_by_tls_is_asked(uri: str) -> None:
    connect(uri, server_selection_timeout_s=0.1).client.close()


@pytest.mark.parametrize(
    ("url", "bind", "is_refused"),
    [
        ("mqtt://u:p@broker.example", "127.0.0.1", True),
        ("mqtt://u:p@192.0.2.7", "0.0.0.0", True),
        ("mqtt://u:p@192.0.2.7", "192.0.2.7", False),  # our own, where it is bound
        ("mqtt://u:p@127.0.0.1:1", "127.0.0.1", False),
        ("mqtts://u:p@broker.example", "127.0.0.1", False),
    ],
)
def test_broker_elsewhere_is_not_spoken_to_in_the_clear(
    settings: Settings, url: str, bind: str, is_refused: bool
) -> None:
    there = dataclasses.replace(settings, mqtt_url=url, mongodb_uri="mongodb://127.0.0.1/", bind=bind)
    found = []
    for work in (lambda: hold_to_tls(url, bind), lambda: worker.needed(there)):
        try:
            work()
            found.append(False)
        except SettingInvalid as error:
            found.append("mqtts" in str(error))
    assert found == [is_refused, is_refused]
