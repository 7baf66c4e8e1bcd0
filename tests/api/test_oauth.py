"""Tokens for clients."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from authlib.oauth2 import rfc9207
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from phr.api.application import create
from phr.config import Settings
from phr.database import Database
from tests.cast import Cast


def ask(cast: Cast, secret: str, **form: str) -> Any:
    basic = base64.b64encode(f"{cast.vendor.client_id}:{secret}".encode()).decode()
    form = {"grant_type": "client_credentials"} | form
    return cast.http.post("/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})


def test_vendors_token_opens_its_own_lists(cast: Cast) -> None:
    given = ask(cast, cast.vendor.client_secret).json
    assert (given["expires_in"], given["scope"], given["token_type"]) == (600, "vendor.read", "Bearer")
    answer = cast.http.get("/v1/vendor/devices", headers={"Authorization": f"Bearer {given['access_token']}"})
    assert [row["device"] for row in answer.json["devices"]] == ["acme/cuff-1"]


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_wrong_secret_gives_no_token(cast: Cast, secret: str) -> None:
    answer = ask(cast, secret)
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


def test_unknown_client_gives_no_token(cast: Cast) -> None:
    basic = base64.b64encode(b"nobody:x").decode()
    form = {"grant_type": "client_credentials"}
    answer = cast.http.post("/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("scope", ["readings.read", "everything", "readings.read notes.read"])
def test_scope_that_the_client_has_not_is_refused(cast: Cast, scope: str) -> None:
    answer = ask(cast, cast.vendor.client_secret, scope=scope)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("grant_type", ["password", "implicit", ""])
def test_other_grants_do_not_exist(cast: Cast, grant_type: str) -> None:
    answer = ask(cast, cast.vendor.client_secret, grant_type=grant_type)
    assert answer.json["error"] in ("unsupported_grant_type", "invalid_request")


@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
def test_grant_that_the_client_has_not_is_refused(cast: Cast, grant_type: str) -> None:
    assert ask(cast, cast.vendor.client_secret, grant_type=grant_type).json["error"] == "unauthorized_client"


def test_secret_in_the_body_is_refused(cast: Cast) -> None:
    secret = cast.vendor.client_secret
    form = {"grant_type": "client_credentials", "client_id": cast.vendor.client_id, "client_secret": secret}
    assert cast.http.post("/oauth/token", data=form).status_code == 401


def test_secret_is_not_stored(cast: Cast) -> None:
    assert cast.vendor.client_secret not in str(cast.database["clients"].find_one())


def test_metadata_names_only_what_there_is(cast: Cast) -> None:
    told = cast.http.get("/.well-known/oauth-authorization-server").json
    rules = {rule.rule for rule in cast.http.application.url_map.iter_rules()}
    named = [told[name].removeprefix(told["issuer"]) for name in told if name.endswith(("_endpoint", "_uri"))]
    assert set(named) <= rules


def test_metadata_is_as_rfc_8414_has_it(cast: Cast) -> None:
    told = cast.http.get("/.well-known/oauth-authorization-server").json
    over_tls = json.loads(json.dumps(told).replace(told["issuer"], "https://phr.example"))
    told_of_iss = rfc9207.AuthorizationServerMetadata
    AuthorizationServerMetadata(over_tls).validate(metadata_classes=[told_of_iss])
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]


def test_keys_hold_nothing_private(cast: Cast) -> None:
    assert all("d" not in key for key in cast.http.get("/oauth/jwks.json").json["keys"])


def test_token_request_over_a_network_without_tls_is_refused_by_its_name(
    database: Database, settings: Settings
) -> None:
    http = create(replace(settings, issuer="http://192.168.1.5:8080"), database).test_client()
    answer = http.post("/oauth/token", data={"grant_type": "client_credentials"}, base_url="http://192.168.1.5:8080")
    assert (answer.status_code, answer.json["error"]) == (400, "insecure_transport")


def test_proxy_that_speaks_tls_may_ask_in_plain_http(database: Database, settings: Settings) -> None:
    http = create(replace(settings, issuer="https://phr.example"), database).test_client()
    answer = http.post("/oauth/token", data={"grant_type": "client_credentials"}, base_url="http://10.0.0.7:8080")
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
