"""A client shows who it is by its secret or by its signature, once and in one way; nothing else will do."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey

from phr.auth import clients
from phr.auth.clients import NewClient
from phr.errors import InputInvalid
from tests.cast import T0, Cast
from tests.security.asking import assertion, basic, opens, post, signed_request, signing_client

KEY = ECKey.generate_key("P-256", auto_kid=True)
OTHER = ECKey.generate_key("P-256", auto_kid=True)


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def test_signing_client_gets_a_token_that_opens_its_own(cast: Cast) -> None:
    given = signed_request(cast, assertion(cast, signing_client(cast, KEY), KEY))
    assert opens(cast, given.json["access_token"]) == 200


def test_client_may_name_itself_beside_its_assertion(cast: Cast) -> None:
    client = signing_client(cast, KEY)
    assert signed_request(cast, assertion(cast, client, KEY), client_id=client).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/oauth/token"},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"sub": 5},
        {"sub": "c-unknown"},
        {"jti": None},
        {"jti": ""},
        {"jti": ["a"]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"exp": 1e300},
        {"exp": 4_000_000_000},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
def test_assertion_with_a_wrong_claim_is_refused(cast: Cast, changes: dict[str, Any]) -> None:
    answer = signed_request(cast, assertion(cast, signing_client(cast, KEY), KEY, **changes))
    assert (answer.status_code, answer.json["error"]) in [(400, "invalid_client"), (401, "invalid_client")]


@pytest.mark.parametrize(
    "header",
    [{}, {"kid": KEY.kid}, {"kid": 'a"b\\c'}, {"jwk": OTHER.as_dict(private=False)}],
    ids=["none", "kid", "odd kid", "jwk"],
)
def test_assertion_of_another_key_is_refused_whatever_its_header_says(cast: Cast, header: dict[str, Any]) -> None:
    answer = signed_request(cast, assertion(cast, signing_client(cast, KEY), OTHER, header))
    assert answer.json["error"] == "invalid_client"


def test_public_key_is_no_shared_secret_for_an_assertion(cast: Cast) -> None:
    _, claims, _ = assertion(cast, signing_client(cast, KEY), KEY).split(".")
    text = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{claims}"
    digest = hmac.digest(KEY.as_pem(private=False), text.encode(), "sha256")
    assert signed_request(cast, f"{text}.{encoded(digest)}").json["error"] == "invalid_client"


def test_unsigned_assertion_is_refused(cast: Cast) -> None:
    _, claims, _ = assertion(cast, signing_client(cast, KEY), KEY).split(".")
    header = encoded(json.dumps({"alg": "none"}).encode())
    assert signed_request(cast, f"{header}.{claims}.").json["error"] == "invalid_client"


def test_assertion_is_good_once(cast: Cast) -> None:
    signed = assertion(cast, signing_client(cast, KEY), KEY)
    assert [signed_request(cast, signed).status_code for _ in range(2)] == [200, 400]


def test_assertion_of_one_client_does_not_use_up_anothers(cast: Cast) -> None:
    first, second = signing_client(cast, KEY), signing_client(cast, KEY)
    assert [signed_request(cast, assertion(cast, one, KEY)).status_code for one in (first, second)] == [200, 200]


def test_assertion_of_one_client_for_another_is_refused(cast: Cast) -> None:
    signed = assertion(cast, signing_client(cast, KEY), KEY)
    assert signed_request(cast, signed, client_id=cast.vendor.client_id).json["error"] == "invalid_client"


@pytest.mark.parametrize("signed", ["", "x", "a.b.c", "é.é.é", "e30.e30.e30", "A" * 10_000, "e30.W10.e30"])
def test_garbage_is_no_assertion(cast: Cast, signed: str) -> None:
    answer = signed_request(cast, signed)
    assert answer.json["error"] == "invalid_client"


def test_client_that_signs_has_no_secret_and_one_with_a_secret_can_not_sign(cast: Cast) -> None:
    signs = signing_client(cast, KEY)
    assert post(cast, "/oauth/token", basic(signs, "None"), grant_type="client_credentials").status_code == 401
    signed = assertion(cast, cast.vendor.client_id, KEY)
    assert signed_request(cast, signed).json["error"] == "invalid_client"


def test_two_proofs_at_once_are_refused(cast: Cast) -> None:
    client = signing_client(cast, KEY)
    form = {"client_assertion": assertion(cast, client, KEY), "grant_type": "client_credentials"}
    shown = basic(cast.vendor.client_id, cast.vendor.client_secret)
    assert post(cast, "/oauth/token", shown, **form).json["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id"])
def test_parameter_that_is_there_twice_is_refused(cast: Cast, name: str) -> None:
    form = {"grant_type": "client_credentials"} | {name: ["client_credentials", "vendor.read"]}
    answer = post(cast, "/oauth/token", basic(cast.vendor.client_id, cast.vendor.client_secret), **form)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "jwks",
    [
        {},
        {"keys": []},
        {"keys": "x"},
        [],
        "x",
        {"keys": [{"kty": "EC"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXg"}]},
    ],
    ids=str,
)
def test_keys_that_can_not_check_a_signature_are_refused_at_the_registration(cast: Cast, jwks: Any) -> None:
    with pytest.raises(InputInvalid) as refused:
        clients.create(cast.database, NewClient(name="a", scope=["vendor.read"], jwks=jwks), T0)
    assert refused.value.pointer == "/jwks"


def test_private_half_of_a_registered_key_is_not_kept(cast: Cast) -> None:
    signing_client(cast, KEY, jwks={"keys": [KEY.as_dict(private=True)]})
    rows = cast.database["clients"].find({"auth_method": "private_key_jwt"})
    assert ["d" in key for row in rows for key in row["jwks"]["keys"]] == [False]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\rb", "a\x1b[31mb", "a\u202eb", "a\u2028b", "x" * 81])
def test_name_that_could_forge_a_line_of_a_log_is_refused(cast: Cast, name: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        clients.create(cast.database, NewClient(name=name, scope=["vendor.read"]), T0)
    assert refused.value.pointer == "/name"
