"""Keys that sign are changed while tokens are about, and nothing else than our own keys is believed."""

from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from phr.auth.tokens import GREATEST_LIFE_S
from phr.clock import now_ms
from tests.auth.test_tokens import claims_of, status
from tests.cast import Cast


def test_token_from_before_a_rotation_is_good_until_its_end(cast: Cast) -> None:
    token = cast.token(cast.owner)
    cast.installation.rings.access.rotate(now_ms())
    assert [status(cast, one) for one in (token, cast.token(cast.owner))] == [200, 200]


def test_key_that_retired_long_ago_opens_nothing_though_it_is_still_published(cast: Cast) -> None:
    stolen = cast.installation.key
    cast.installation.rings.access.rotate(now_ms() - GREATEST_LIFE_S * 1000 - 1)
    forged = jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": stolen.kid}, claims_of(cast), stolen)
    assert status(cast, forged) == 401
    assert stolen.kid in [key["kid"] for key in cast.http.get("/oauth/jwks.json").json["keys"]]


def test_a_signature_that_was_good_is_worth_nothing_once_its_key_is_gone_and_one_is_not_good_for_another(
    cast: Cast,
) -> None:
    token = cast.token(cast.owner)
    head, body, signature = token.split(".")
    assert [status(cast, one) for one in (token, token, f"{head}.{body}.{signature[::-1]}")] == [200, 200, 401]
    cast.installation.rings.access.rotate(now_ms() - GREATEST_LIFE_S * 1000 - 1)
    assert status(cast, token) == 401


def test_next_key_is_accepted_since_another_process_may_use_it_already(cast: Cast) -> None:
    cast.installation.rings.access.rotate(now_ms())
    assert status(cast, cast.token(cast.owner)) == 200


@pytest.mark.parametrize("headers", ["kid", "jwk", "jku", "x5u", "none"])
def test_key_that_a_token_brings_along_is_not_believed(cast: Cast, headers: str) -> None:
    own = ECKey.generate_key("P-256", auto_kid=True)
    brought: dict[str, Any] = {
        "kid": {"kid": own.kid},
        "jwk": {"kid": cast.installation.key.kid, "jwk": own.as_dict(private=False)},
        "jku": {"kid": own.kid, "jku": "https://elsewhere.example/jwks.json"},
        "x5u": {"kid": cast.installation.key.kid, "x5u": "https://elsewhere.example/cert"},
        "none": {},
    }[headers]
    token = jwt.encode({"alg": "ES256", "typ": "at+jwt"} | brought, claims_of(cast), own)
    assert status(cast, token) == 401


def test_id_token_is_no_access_token(cast: Cast) -> None:
    key = cast.installation.rings.id_tokens.current
    for typ in ("JWT", "at+jwt"):
        token = jwt.encode({"alg": "RS256", "typ": typ, "kid": key.kid}, claims_of(cast), key, algorithms=["RS256"])
        assert status(cast, token) == 401


def test_keys_may_be_kept_for_minutes_by_who_checks_tokens(cast: Cast) -> None:
    answer = cast.http.get("/oauth/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
