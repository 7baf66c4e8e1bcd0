"""Master keys that a key service wraps: nothing opens without it, and keys are turned while everybody works."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import admin
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.people import keyring, kms, master_keys, seals
from phr.people.kms import KmsFailed
from phr.people.master_keys import FILE
from tests.conftest import MASTER_KEY
from tests.people.key_service import Aws, Kmip, Service, certificate, running

ARN = "arn:aws:kms:cn-north-1:111122223333:key/k"
WANG = "a" * 20


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("kms") / "both.pem")


@pytest.fixture(params=[Kmip, Aws])
def service(request: pytest.FixtureRequest, pem: Path) -> Iterator[Service]:
    with running(request.param(pem)) as found:
        yield found


def settings_of(service: Service, home: Path, **more: Any) -> Settings:
    named: dict[str, Any] = {"kms": "kmip", "kms_certificate": str(service.pem)}
    if isinstance(service, Aws):
        credentials = json.dumps({"accessKeyId": "AKID", "secretAccessKey": "s"})
        named = {"kms": "aws", "kms_key": ARN, "kms_credentials": credentials}
    given = {"data_dir": home, "kms_endpoint": service.address, "kms_ca": str(service.pem)} | named | more
    return Settings(**given)


def test_file_that_is_made_holds_no_key_and_opens_by_the_service_alone(service: Service, tmp_path: Path) -> None:
    own = settings_of(service, tmp_path)
    made = master_keys.load(own, makes=True).newest
    text = (tmp_path / FILE).read_text().strip()
    assert text.startswith("kms:")
    assert made.secret not in base64.b64decode(text[4:])
    assert master_keys.load(own).newest == made
    with pytest.raises(SettingInvalid, match="PHR_KMS"):
        master_keys.load(Settings(data_dir=tmp_path))
    service.kept.clear()
    with pytest.raises(KmsFailed):
        master_keys.load(own)


def test_service_is_asked_once_a_start_and_not_for_each_use(service: Service, tmp_path: Path) -> None:
    own = settings_of(service, tmp_path)
    master_keys.load(own, makes=True)
    service.asked.clear()
    known = master_keys.load(own)
    for _ in range(10):
        assert known.of_id(known.newest.id)
    assert len(service.asked) == 1


def test_service_that_is_away_stops_the_start_and_says_nothing_of_the_key(service: Service, tmp_path: Path) -> None:
    own = settings_of(service, tmp_path)
    text = kms.of(own).wrapped(b"k" * 32)  # type: ignore[union-attr]
    service.is_away = True
    with pytest.raises(KmsFailed) as failed:
        master_keys.load(dataclasses.replace(own, master_key=text))
    assert text not in failed.value.detail


def test_service_whose_certificate_nobody_knows_is_told_nothing(service: Service, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other.pem")
    own = dataclasses.replace(settings_of(service, tmp_path), kms_ca=str(other))
    with pytest.raises(KmsFailed):
        kms.of(own).wrapped(secrets.token_bytes(32))  # type: ignore[union-attr]
    assert (service.asked, service.kept) == ([], {})


def test_key_that_the_service_keeps_already_wraps(pem: Path, tmp_path: Path) -> None:
    with running(Kmip(pem)) as service:
        service.kept["known"] = secrets.token_bytes(96)
        made = kms.of(settings_of(service, tmp_path, kms_key="known"))
        assert made
        assert made.unwrapped(made.wrapped(b"k" * 32)) == b"k" * 32
        assert (set(service.asked), list(service.kept)) == ({"get"}, ["known"])


@pytest.mark.parametrize("text", ["kms:", "kms:AAAA", "kms:!", "kms:" + base64.b64encode(b"x" * 40).decode()])
def test_word_that_no_service_has_wrapped_is_refused(text: str, service: Service, tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="PHR_MASTER_KEY"):
        master_keys.load(settings_of(service, tmp_path, master_key=text))


def test_plain_key_gives_way_to_one_of_the_service_while_a_process_works(
    service: Service, database: Database, mongod: str, settings: Settings
) -> None:
    """From a file of before to the service, and then from one key of the service to the next."""
    database[keyring.VAULT].delete_many({})  # what indexes were made with is the tests' own key's
    plain = dataclasses.replace(settings, master_key=None, mongodb_uri=mongod, mongodb_database=database.name)
    master_keys.load(plain, makes=True)
    own = settings_of(service, settings.data_dir, mongodb_uri=mongod, mongodb_database=database.name)
    running_process = master_keys.load(own)
    keyring.use(running_process)
    try:
        sealed, seen = seals.seal(database, WANG, "people.name", "王芳"), [running_process.newest.id]
        for _ in range(2):
            assert admin.main(["keys", "rotate"], own) == 0
            keyring.use(running_process)
            keyring.forget(database)
            assert seals.unseal(database, WANG, "people.name", sealed) == "王芳"
            seen.append(running_process.newest.id)
            assert database[keyring.VAULT].count_documents({"master": {"$exists": True, "$ne": seen[-1]}}) == 0
        words = (settings.data_dir / FILE).read_text().split()
        assert (len(set(seen)), [one.startswith("kms:") for one in words]) == (3, [True, True, False])
    finally:
        keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))


def test_operator_makes_a_key_for_the_environment(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = settings_of(service, tmp_path)
    assert admin.main(["keys", "new"], own) == 0
    text = json.loads(capsys.readouterr().out)["key"]
    assert len(master_keys.load(dataclasses.replace(own, master_key=text)).newest.secret) == 32
    service.is_away = True
    assert admin.main(["keys", "new"], own) == 1
    assert "PHR_KMS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kms": "vault"}, "PHR_KMS=vault"),
        ({"kms": "kmip"}, "PHR_KMS_ENDPOINT"),
        ({"kms": "aws", "kms_key": ARN}, "accessKeyId, secretAccessKey"),
        ({"kms": "aws", "kms_credentials": "[1]", "kms_key": ARN}, "PHR_KMS_CREDENTIALS"),
        ({"kms": "aws", "kms_credentials": "no"}, "PHR_KMS_CREDENTIALS is no JSON"),
        ({"kms": "aws", "kms_credentials": '{"accessKeyId":"a","secretAccessKey":"b"}'}, "needs PHR_KMS_KEY"),
        ({"kms": "aws", "kms_credentials": '{"accessKeyId":"a","secretAccessKey":"b"}', "kms_key": "k"}, "ARN"),
        ({"kms": "gcp", "kms_credentials": '{"email":"a","privateKey":"b"}', "kms_key": "k"}, "cryptoKeys"),
        ({"kms": "azure", "kms_credentials": '{"tenantId":"a","clientId":"b","clientSecret":"c"}', "kms_key": "k"},
         "PHR_KMS_ENDPOINT"),
        ({"kms": "kmip", "kms_endpoint": "kms:5696", "kms_ca": "/nowhere"}, "PHR_KMS_CA"),
    ],
)  # fmt: skip
def test_setting_that_does_not_do_stops_the_start_and_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingInvalid, match=named):
        kms.of(Settings(**wrong))


@pytest.mark.parametrize(
    ("provider", "credentials", "more", "key"),
    [
        ("azure", {"tenantId": "a", "clientId": "b", "clientSecret": "c"}, {"kms_key": "k", "kms_endpoint": "v.cn"},
         {"keyVaultEndpoint": "v.cn", "keyName": "k"}),
        ("gcp", {"email": "a", "privateKey": "b"}, {"kms_key": "projects/p/locations/l/keyRings/r/cryptoKeys/k"},
         {"projectId": "p", "location": "l", "keyRing": "r", "keyName": "k"}),
        ("aws", {"accessKeyId": "a", "secretAccessKey": "b"}, {"kms_key": ARN}, {"region": "cn-north-1", "key": ARN}),
    ],
)  # fmt: skip
def test_key_is_named_as_its_provider_has_it(
    provider: str, credentials: dict[str, str], more: dict[str, str], key: dict[str, str]
) -> None:
    found = kms.of(Settings(kms=provider, kms_credentials=json.dumps(credentials), **more))  # type: ignore[arg-type]
    assert found
    assert (found.key, "access" in repr(found)) == (key, False)
