"""A vendor registers models and devices and gets certificates for them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from werkzeug.test import TestResponse

from phr.intake import bindings, claim_codes, devices, mqtt_logins
from phr.passwords import hash_of
from tests.cast import T0, Cast

MODEL = {"model": "bp-100", "name": {"zh": "血压计", "en": "Cuff"}, "format": "phr-v1", "metrics": ["blood-pressure"]}
ROUTES = [
    ("POST", "/v1/vendor/models"),
    ("GET", "/v1/vendor/models"),
    ("GET", "/v1/vendor/models/bp-100"),
    ("PATCH", "/v1/vendor/models/bp-100"),
    ("GET", "/v1/vendor/rates"),
    ("POST", "/v1/vendor/devices"),
    ("GET", "/v1/vendor/devices/cuff-1"),
    ("POST", "/v1/vendor/devices/cuff-1/certificate"),
    ("POST", "/v1/vendor/devices/cuff-1/claim-code"),
    ("PUT", "/v1/vendor/mappings/x"),
    ("GET", "/v1/vendor/mappings"),
    ("GET", "/v1/vendor/mappings/x"),
    ("DELETE", "/v1/vendor/mappings/x"),
]


def ask(cast: Cast, method: str, path: str, vendor: str = "acme", scope: str = "", **request: Any) -> TestResponse:
    client = cast.vendor.client_id
    token = cast.token(client, scope or "vendor.read vendor.write", client_id=client, vendor=vendor)
    return cast.http.open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **request)


def a_csr(name: str, key: Any = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    made = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def weak(bits: int) -> bytes:
    return a_csr("acme/cuff-1", rsa.generate_private_key(65537, bits))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_person_is_refused_even_with_the_scopes(cast: Cast, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.stranger, 'vendor.read vendor.write')}"}
    assert cast.http.open(path, method=method, headers=headers).status_code == 403


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if one[0] != "GET"])
def test_reading_scope_does_not_write(cast: Cast, method: str, path: str) -> None:
    assert ask(cast, method, path, scope="vendor.read").json["code"] == "scope-missing"


OWN = ("/v1/vendor/devices/cuff-1", "/v1/vendor/devices/cuff-1/certificate", "/v1/vendor/devices/cuff-1/claim-code")


@pytest.mark.parametrize("path", OWN)
def test_other_vendors_device_is_not_there(cast: Cast, path: str) -> None:
    method = "GET" if path.endswith("cuff-1") else "POST"
    assert ask(cast, method, path, vendor="other").status_code == 404


def test_model_is_kept_and_gives_its_devices_their_format(cast: Cast) -> None:
    assert ask(cast, "POST", "/v1/vendor/models", json=MODEL).status_code == 201
    assert ask(cast, "GET", "/v1/vendor/models").json["models"] == [MODEL | {"rate_per_min": None, "category": None}]
    ask(cast, "POST", "/v1/vendor/devices", json={"device": "d1", "model": "bp-100"})
    shown = ask(cast, "GET", "/v1/vendor/devices/d1").json
    assert (shown["model"], shown["format"], shown["is_retired"]) == ("bp-100", "phr-v1", False)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "Bad"}, 400),
        ({"metrics": ["nonsense"]}, 400),
        ({"format": "nonsense"}, 400),
        ({"format": "map:other/x"}, 400),
        ({"rate_per_min": 0}, 400),
        ({"rate_per_min": 1}, 201),
        ({"rate_per_min": 6_000}, 201),
        ({"rate_per_min": 6_001}, 400),
        ({"category": "chest-strap"}, 201),
        ({"category": "chest strap"}, 400),
    ],
)
def test_model_is_checked(cast: Cast, change: dict[str, Any], status: int) -> None:
    assert ask(cast, "POST", "/v1/vendor/models", json=MODEL | change).status_code == status


def test_registered_device_has_a_login_that_is_stored_as_a_hash(cast: Cast) -> None:
    made = ask(cast, "POST", "/v1/vendor/devices", json={"device": "AA:BB"}).json
    assert set(made) == {"device", "mqtt_username", "mqtt_password", "claim_code"}
    assert mqtt_logins.is_password(cast.database, "acme/AA%3ABB", made["mqtt_password"], T0)
    assert made["mqtt_password"] not in str(list(cast.database.mqtt_credentials.find()))


@pytest.mark.parametrize(("count", "status"), [(0, 400), (1, 201), (1_000, 201), (1_001, 400)])
def test_list_of_devices_has_a_greatest_length(cast: Cast, count: int, status: int) -> None:
    body = {"devices": [{"device": f"d{number}"} for number in range(count)]}
    answer = ask(cast, "POST", "/v1/vendor/devices", json=body)
    assert (answer.status_code, len(answer.json.get("devices", ()))) == (status, count if status == 201 else 0)


def test_list_with_a_known_device_stores_none_and_keeps_its_login(cast: Cast) -> None:
    old = ask(cast, "POST", "/v1/vendor/devices", json={"device": "old"}).json["mqtt_password"]
    answer = ask(cast, "POST", "/v1/vendor/devices", json={"devices": [{"device": "new"}, {"device": "old"}]})
    assert (answer.status_code, devices.find(cast.database, "acme/new")) == (409, None)
    assert mqtt_logins.is_password(cast.database, "acme/old", old, T0)
    assert "acme/new" not in mqtt_logins.hashes(cast.database)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"devices": 1}', b'{"device": "a/b"}', b'{"device": 7}'])
def test_malformed_registration_is_a_problem(cast: Cast, body: bytes) -> None:
    answer = ask(cast, "POST", "/v1/vendor/devices", data=body, content_type="application/json")
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")


def test_certificate_is_for_the_key_of_the_request(cast: Cast) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    answer = ask(cast, "POST", "/v1/vendor/devices/cuff-1/certificate", data=a_csr("acme/cuff-1", key))
    made = x509.load_pem_x509_certificate(answer.json["certificate"].encode())
    assert (made.public_key(), answer.status_code, "key" in answer.json) == (key.public_key(), 201, False)


def test_without_a_request_the_key_is_shown_once(cast: Cast) -> None:
    answer = ask(cast, "POST", "/v1/vendor/devices/cuff-1/certificate").json
    assert "PRIVATE KEY" in answer["key"]
    assert "PRIVATE KEY" not in str(list(cast.database.certificates.find()))


@pytest.mark.parametrize(
    "csr",
    [
        pytest.param(lambda: b"not PEM", id="not PEM"),
        pytest.param(lambda: b"\xff" * 10, id="bytes"),
        pytest.param(lambda: b"a" * (16 * 1024 + 1), id="over 16 KiB"),
        pytest.param(lambda: a_csr("acme/other"), id="other device"),
        pytest.param(lambda: a_csr("phr-server"), id="the server's name"),
        pytest.param(lambda: weak(2047), id="RSA 2047"),
        pytest.param(lambda: a_csr("acme/cuff-1", ec.generate_private_key(ec.SECP224R1())), id="P-224"),
    ],
)
def test_bad_request_is_not_signed(cast: Cast, csr: Any) -> None:
    answer = ask(cast, "POST", "/v1/vendor/devices/cuff-1/certificate", data=csr())
    assert (answer.status_code, answer.json["code"]) == (400, "csr-invalid")
    assert cast.database.certificates.count_documents({}) == 0


def test_request_of_a_megabyte_is_too_large(cast: Cast) -> None:
    answer = ask(cast, "POST", "/v1/vendor/devices/cuff-1/certificate", data=b"a" * 2**20)
    assert answer.status_code == 413


def test_rsa_of_2048_bits_will_do(cast: Cast) -> None:
    assert ask(cast, "POST", "/v1/vendor/devices/cuff-1/certificate", data=weak(2048)).status_code == 201


@pytest.mark.parametrize(("length", "status"), [(58, 201), (59, 201), (60, 400)])
def test_name_longer_than_a_common_name_has_no_certificate(cast: Cast, length: int, status: int) -> None:
    name = "d" * length
    ask(cast, "POST", "/v1/vendor/devices", json={"device": name})
    assert ask(cast, "POST", f"/v1/vendor/devices/{name}/certificate").status_code == status


def test_new_claim_code_comes_with_its_picture_and_ends_the_old(cast: Cast) -> None:
    old = ask(cast, "POST", "/v1/vendor/devices", json={"device": "box-1"}).json["claim_code"]
    answer = ask(cast, "POST", "/v1/vendor/devices/box-1/claim-code")
    made = answer.json["claim_code"]
    assert (answer.status_code, made != old) == (201, True)
    assert bindings.claim_code_hash(cast.database, "acme/box-1") == hash_of(made)
    assert answer.json["qr_text"] == f"phr:claim?device=acme/box-1&code={made}"
    picture = base64.b64decode(answer.json["qr_png_base64"])
    assert picture == claim_codes.picture("acme/box-1", made)
    assert picture.startswith(b"\x89PNG")


def test_device_that_somebody_has_gets_no_code(cast: Cast) -> None:
    before = bindings.claim_code_hash(cast.database, "acme/cuff-1")
    assert ask(cast, "POST", "/v1/vendor/devices/cuff-1/claim-code").status_code == 409
    assert bindings.claim_code_hash(cast.database, "acme/cuff-1") == before
