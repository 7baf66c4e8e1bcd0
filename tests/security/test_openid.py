"""Id tokens say who logged in, to one client, and open nothing; SMART apps are told what they need."""

import json
from typing import Any

import pytest
from authlib.oidc.core.util import create_half_hash
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import KeySet

from phr.auth import clients, smart
from phr.auth.browsers import SESSIONS
from phr.auth.clients import DEVICE_CODE, NewClient
from phr.clock import now_ms
from phr.errors import InputInvalid
from phr.people import second_factors
from tests.cast import T0, Cast
from tests.security.asking import opens
from tests.security.browser import Browser, an_app, told
from tests.security.test_device_grant import begin, poll, typed

SCOPES = ("openid", "fhirUser", "launch/patient", "offline_access", "patient/Patient.rs", "patient/Observation.rs")


@pytest.fixture
def app(browser: Browser) -> Browser:
    """A SMART app, and the owner's browser."""
    browser.app = an_app(browser.cast, scope=SCOPES)
    browser.asked = {"scope": " ".join(SCOPES), "nonce": "n-1"}
    return browser


def read(browser: Browser, id_token: str) -> Any:
    """The header and the claims, checked as an app does it."""
    keys = KeySet.import_key_set(browser.cast.http.get("/oauth/jwks.json").json)
    return jwt.decode(id_token, keys, algorithms=["RS256"])


def test_id_token_says_to_this_client_who_logged_in(app: Browser) -> None:
    given = app.tokens()
    token = read(app, given["id_token"])
    now_s = now_ms() // 1000
    assert token.header.keys() == {"alg", "typ", "kid"}
    known = {"iss": app.cast.installation.issuer, "aud": app.app.client_id, "sub": app.cast.owner, "nonce": "n-1"}
    known |= {"amr": ["pwd"], "acr": "urn:phr:acr:1", "fhirUser": f"Patient/{app.cast.owner}"}
    assert {name: token.claims[name] for name in known} == known
    assert token.claims["at_hash"].encode() == create_half_hash(given["access_token"], "RS256")
    assert now_s - 10 <= token.claims["auth_time"] <= token.claims["iat"] <= now_s < token.claims["exp"] <= now_s + 600


def test_time_of_the_login_is_not_that_of_the_token(app: Browser) -> None:
    code = app.code()
    app.cast.database["authorization_codes"].update_one({}, {"$set": {"auth_at_ms": T0}})
    assert read(app, app.redeem(code).json["id_token"]).claims["auth_time"] == T0 // 1000


def test_doctor_is_a_practitioner(app: Browser) -> None:
    app.cast.database["people"].update_one({"_id": app.cast.owner}, {"$set": {"roles": ["doctor"]}})
    app.code_typed = second_factors.enrol(app.cast.database, app.cast.owner, T0).recovery_codes[0]
    assert read(app, app.tokens()["id_token"]).claims["fhirUser"] == f"Practitioner/{app.cast.owner}"


@pytest.mark.parametrize(
    ("scope", "has_id_token", "has_patient"),
    [
        ("openid", True, False),
        ("patient/Patient.rs", False, True),
        ("launch/patient", False, True),
        ("offline_access", False, False),
    ],
)
def test_app_is_told_what_it_asked_for_and_no_more(
    app: Browser, scope: str, has_id_token: bool, has_patient: bool
) -> None:
    given = app.tokens(scope=scope)
    assert ("id_token" in given, given.get("patient")) == (has_id_token, app.cast.owner if has_patient else None)
    if has_id_token:
        assert "fhirUser" not in read(app, given["id_token"]).claims


def test_smart_scope_opens_what_it_stands_for(app: Browser) -> None:
    given = app.tokens()
    assert given["scope"].split() == sorted(SCOPES)
    for path, status in [("me", 200), ("me/series/heart-rate", 200), ("me/entries", 200), ("me/erasure", 403)]:
        assert opens(app.cast, given["access_token"], f"/v1/people/{path}") == status
    assert opens(app.cast, app.tokens(scope="patient/Patient.rs")["access_token"], "/v1/people/me/entries") == 403


def test_id_token_opens_nothing(app: Browser) -> None:
    assert opens(app.cast, app.tokens()["id_token"], "/v1/people/me") == 401


def test_device_gets_an_id_token_too(app: Browser) -> None:
    app.app = an_app(app.cast, scope=SCOPES, grant_types=[DEVICE_CODE], redirect_uris=[])
    waiting = begin(app)
    typed(app, waiting["user_code"])
    claims = read(app, poll(app, waiting["device_code"]).json["id_token"]).claims
    assert (claims["sub"], "nonce" in claims) == (app.cast.owner, False)


@pytest.mark.parametrize(("has_login", "error"), [(False, "login_required"), (True, "consent_required")])
def test_nothing_is_decided_without_showing_a_page(app: Browser, has_login: bool, error: str) -> None:
    if has_login:
        app.log_in(app.open())
    answer = told(app.open(prompt="none"))
    assert answer == {"error": error, "state": "xyz", "iss": app.cast.installation.issuer} | {
        name: answer[name] for name in answer.keys() & {"error_description"}
    }


@pytest.mark.parametrize(
    ("asked", "is_asked_again"),
    [
        ({}, False),
        ({"prompt": "login"}, True),
        ({"max_age": "120"}, True),
        ({"max_age": "9999"}, False),
        ({"max_age": "x"}, False),
    ],
    ids=str,
)
def test_app_may_want_a_login_of_now(app: Browser, asked: dict[str, str], is_asked_again: bool) -> None:
    app.log_in(app.open())
    app.cast.database[SESSIONS].update_one({}, {"$set": {"auth_at_ms": now_ms() - 300_000}})
    page = app.open(**asked)
    assert ('type="password"' in page.text) is is_asked_again
    assert 'value="allow"' in (app.log_in(page) if is_asked_again else page).text


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_request_object_is_refused_by_its_name(app: Browser, name: str) -> None:
    assert told(app.sent_back(**{name: "https://evil.example/r"}))["error"] == f"{name}_not_supported"


@pytest.mark.parametrize("nonce", ["n" * 257])
def test_nonce_has_an_end(app: Browser, nonce: str) -> None:
    assert told(app.sent_back(nonce=nonce))["error"] == "invalid_request"


def test_discovery_names_only_what_there_is(cast: Cast) -> None:
    rules = {rule.rule for rule in cast.http.application.url_map.iter_rules()}
    for path in ("openid-configuration", "smart-configuration"):
        told_of = cast.http.get(f"/.well-known/{path}").json
        named = {told_of[one].removeprefix(told_of["issuer"]) for one in told_of if one.endswith(("_endpoint", "_uri"))}
        assert named <= rules


def test_discovery_is_as_openid_connect_has_it(cast: Cast) -> None:
    told_of = cast.http.get("/.well-known/openid-configuration")
    over_tls = json.loads(told_of.text.replace(told_of.json["issuer"], "https://phr.example"))
    OpenIDProviderMetadata(over_tls).validate()


def test_smart_configuration_has_what_smart_demands(cast: Cast) -> None:
    told_of = cast.http.get("/.well-known/smart-configuration").json
    demanded = {
        "issuer",
        "jwks_uri",
        "authorization_endpoint",
        "token_endpoint",
        "grant_types_supported",
        "capabilities",
    }
    assert demanded <= told_of.keys()
    assert told_of["code_challenge_methods_supported"] == ["S256"]
    assert {"sso-openid-connect", "permission-v2", "launch-standalone"} <= set(told_of["capabilities"])
    assert "patient/Observation.rs" in told_of["scopes_supported"]


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Observation.r",
        "patient/Observation.c",
        "patient/Observation.sr",
        "patient/Observation.rs?category=x",
        "patient/Unknown.rs",
        "user/Observation.rs",
        "system/*.rs",
        "patient/",
    ],
)
def test_smart_scope_that_would_open_more_than_it_says_does_not_exist(cast: Cast, scope: str) -> None:
    draft = NewClient(
        name="x", scope=[scope], grant_types=["authorization_code"], redirect_uris=["https://app.example/cb"]
    )
    with pytest.raises(InputInvalid) as refused:
        clients.create(cast.database, draft, T0)
    assert refused.value.pointer == "/scope"


@pytest.mark.parametrize(
    ("scope", "ours"),
    [
        ("patient/Patient.rs", {"profile.read"}),
        ("patient/Patient.read", {"profile.read"}),
        ("patient/Patient.cud", {"profile.write"}),
        ("patient/Patient.cruds", {"profile.read", "profile.write"}),
        ("patient/Patient.*", {"profile.read", "profile.write"}),
        ("notes.read unknown.read", {"notes.read"}),
        ("", set()),
    ],
)
def test_smart_scope_stands_for_ours(scope: str, ours: set[str]) -> None:
    assert smart.expanded(scope) == ours


def test_what_is_sensitive_is_in_no_resource() -> None:
    opened = smart.expanded("patient/*.cruds")
    kept = ("mental", "reproductive", "sexual-health", "genomic", "notes", "exports", "erasure", "grants")
    assert not {name for name in opened if name.startswith(kept)}
