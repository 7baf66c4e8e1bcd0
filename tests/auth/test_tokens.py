"""Which access tokens open a record, and that no other does."""

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from phr.auth import scopes, tokens
from phr.clock import now_ms
from tests.cast import Cast


def claims_of(cast: Cast, **changes: Any) -> dict[str, Any]:
    now_s = now_ms() // 1000
    valid = {
        "iss": cast.installation.issuer,
        "sub": cast.owner,
        "aud": tokens.AUDIENCE,
        "client_id": "app",
        "iat": now_s,
        "exp": now_s + 60,
        "jti": "1",
        "scope": "profile.read",
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def signed(claims: dict[str, Any], key: ECKey, typ: str | None = "at+jwt") -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid} | ({"typ": typ} if typ else {}), claims, key)


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def status(cast: Cast, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return cast.http.get(f"/v1/people/{cast.owner}", headers=headers).status_code


def test_good_token_opens_its_owners_record(cast: Cast) -> None:
    assert status(cast, signed(claims_of(cast), cast.installation.key)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": "tomorrow"},
        {"aud": "other"},
        {"aud": ["other"]},
        {"iss": "https://elsewhere.example"},
        {"sub": 5},
        {"sub": ""},
        {"client_id": ["app"]},
        {"scope": ["profile.read"]},
        {"act": "root"},
        {"act": {"sub": 1}},
        *({name: None} for name in ("iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope")),
    ],
    ids=str,
)
def test_token_with_a_wrong_or_missing_claim_is_refused(cast: Cast, changes: dict[str, Any]) -> None:
    assert status(cast, signed(claims_of(cast, **changes), cast.installation.key)) == 401


@pytest.mark.parametrize(
    ("claim", "from_now_s", "expected"),
    [
        ("exp", -1, 401),
        ("exp", 0, 401),
        ("exp", 30, 200),
        ("nbf", 0, 200),
        ("nbf", 30, 401),
        ("iat", 0, 200),
        ("iat", 30, 401),
    ],
)
def test_token_is_good_within_its_times_only(cast: Cast, claim: str, from_now_s: int, expected: int) -> None:
    claims = claims_of(cast, **{claim: now_ms() // 1000 + from_now_s})
    assert status(cast, signed(claims, cast.installation.key)) == expected


@pytest.mark.parametrize("typ", [None, "JWT", "id+jwt", ""])
def test_token_of_another_type_is_refused(cast: Cast, typ: str | None) -> None:
    assert status(cast, signed(claims_of(cast), cast.installation.key, typ)) == 401


def test_token_of_another_key_is_refused(cast: Cast) -> None:
    assert status(cast, signed(claims_of(cast), ECKey.generate_key("P-256", auto_kid=True))) == 401


def test_unsigned_token_is_refused(cast: Cast) -> None:
    assert status(cast, f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{encoded(claims_of(cast))}.") == 401


def test_public_key_can_not_be_used_as_a_shared_secret(cast: Cast) -> None:
    signing_input = encoded({"alg": "HS256", "typ": "at+jwt"}) + "." + encoded(claims_of(cast))
    secret = cast.installation.key.as_pem(private=False)
    digest = hmac.digest(secret, signing_input.encode(), "sha256")
    assert status(cast, f"{signing_input}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}") == 401


@pytest.mark.parametrize("token", ["x", "a.b.c", "....", "é.é.é", "e30.e30.e30", "A" * 100_000])
def test_garbage_is_refused(cast: Cast, token: str) -> None:
    assert status(cast, token) == 401


def test_changed_token_is_refused(cast: Cast) -> None:
    head, _, signature = signed(claims_of(cast), cast.installation.key).split(".")
    other = signed(claims_of(cast, scope="profile.read profile.write"), cast.installation.key).split(".")[1]
    assert status(cast, f"{head}.{other}.{signature}") == 401


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer "])
def test_request_without_a_token_is_told_how_to_send_one(cast: Cast, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = cast.http.get("/v1/people/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json["code"] == "not-authenticated"


def test_token_without_the_scope_is_refused_with_403(cast: Cast) -> None:
    answer = cast.http.get("/v1/people/me", headers={"Authorization": f"Bearer {cast.token(cast.owner, 'notes.read')}"})
    assert (answer.status_code, answer.json["code"]) == (403, "scope-missing")


def test_token_in_the_url_is_refused_even_beside_a_good_one(cast: Cast) -> None:
    answer = cast.send(cast.owner, "GET", "/v1/people/me?access_token=x")
    assert (answer.status_code, answer.json["code"]) == (400, "token-in-url")


@pytest.mark.parametrize(("life_s", "is_good"), [(0, False), (1, True), (900, True), (901, False)])
def test_no_token_lives_longer_than_a_quarter_of_an_hour(cast: Cast, life_s: int, is_good: bool) -> None:
    if is_good:
        assert cast.token(cast.owner, life_s=life_s)
    else:
        with pytest.raises(ValueError, match="lives"):
            cast.token(cast.owner, life_s=life_s)


def test_every_scope_of_a_person_names_its_categories() -> None:
    assert all(scope.categories for scope in scopes.scopes().values() if scope.of == "person")
