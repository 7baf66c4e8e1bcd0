"""Revocation and introspection: a client ends and asks about its own tokens, and nobody else's."""

import pytest

from phr.auth import clients, revocations
from phr.auth.clients import Credentials, NewClient
from phr.auth.revocations import CLOCKS_APART_MS, READ_EVERY_MS, Revocations
from phr.auth.tokens import GREATEST_LIFE_S, Claims, sign
from phr.clock import now_ms
from tests.cast import T0, Cast
from tests.security.asking import basic, opens, post, vendors_token


def a_client(cast: Cast, *scope: str) -> Credentials:
    return clients.create(cast.database, NewClient(name="other", scope=scope or ["vendor.read"]), T0)


def shown(client: Credentials) -> dict[str, str]:
    return basic(client.client_id, client.client_secret)


def test_revoked_token_opens_nothing_from_then_on(cast: Cast) -> None:
    token = vendors_token(cast)
    assert opens(cast, token) == 200
    assert post(cast, "/oauth/revoke", shown(cast.vendor), token=token).status_code == 200
    assert opens(cast, token) == 401
    assert opens(cast, vendors_token(cast)) == 200


def test_another_process_knows_of_a_revocation_within_a_second(cast: Cast) -> None:
    here = Revocations(lambda: cast.database)
    assert not here.has(frozenset({"a"}), T0)
    revocations.revoke(cast.database, "a", T0 + 1)
    assert here.has(frozenset({"a", "b"}), T0 + READ_EVERY_MS)
    assert not here.has(frozenset({"b"}), T0 + READ_EVERY_MS)


def test_revocation_by_a_machine_whose_clock_is_behind_is_heard_of(cast: Cast) -> None:
    here = Revocations(lambda: cast.database)
    here.has(frozenset({"a"}), T0)
    revocations.revoke(cast.database, "a", T0 - CLOCKS_APART_MS)
    assert here.has(frozenset({"a"}), T0 + READ_EVERY_MS)


def test_revocation_is_forgotten_when_no_token_can_live(cast: Cast) -> None:
    here = Revocations(lambda: cast.database)
    here.add("a", T0)
    assert here.has(frozenset({"a"}), T0 + GREATEST_LIFE_S * 1000)
    assert not here.has(frozenset({"a"}), T0 + GREATEST_LIFE_S * 1000 + CLOCKS_APART_MS + 1)


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token"])
def test_hint_is_a_hint(cast: Cast, hint: str | None) -> None:
    token = vendors_token(cast)
    form = {"token": token} | ({"token_type_hint": hint} if hint else {})
    post(cast, "/oauth/revoke", shown(cast.vendor), **form)
    assert opens(cast, token) == 401


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "", "x" * 9_000])
def test_unknown_token_is_revoked_already(cast: Cast, token: str) -> None:
    assert post(cast, "/oauth/revoke", shown(cast.vendor), token=token).status_code == 200


def test_token_of_another_client_can_not_be_revoked(cast: Cast) -> None:
    token = vendors_token(cast)
    assert post(cast, "/oauth/revoke", shown(a_client(cast)), token=token).json["error"] == "invalid_grant"
    assert opens(cast, token) == 200


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_nobody_ends_or_asks_without_showing_who_they_are(cast: Cast, path: str) -> None:
    token = vendors_token(cast)
    for headers in (None, basic(cast.vendor.client_id, "wrong"), {"Authorization": f"Bearer {token}"}):
        assert post(cast, path, headers, token=token, client_id=cast.vendor.client_id).status_code == 401
    assert opens(cast, token) == 200


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_token_in_the_url_is_not_taken(cast: Cast, path: str) -> None:
    answer = post(cast, f"{path}?token={vendors_token(cast)}", shown(cast.vendor))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_client_is_told_of_its_own_token(cast: Cast) -> None:
    told = post(cast, "/oauth/introspect", shown(cast.vendor), token=vendors_token(cast)).json
    assert told.keys() == {"active", "token_type", "iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"}
    assert (told["active"], told["scope"], told["exp"] - told["iat"]) == (True, "vendor.read", 600)


def test_of_another_clients_token_it_learns_nothing(cast: Cast) -> None:
    told = post(cast, "/oauth/introspect", shown(a_client(cast)), token=vendors_token(cast)).json
    assert told == {"active": False}


def test_client_with_the_scope_for_it_is_told_of_every_token(cast: Cast) -> None:
    asker = a_client(cast, "tokens.introspect")
    told = post(cast, "/oauth/introspect", shown(asker), token=cast.token(cast.owner, "profile.read")).json
    assert (told["active"], told["sub"]) == (True, cast.owner)


def test_ended_token_is_not_active(cast: Cast) -> None:
    client = cast.vendor.client_id
    claims = Claims(
        issuer=cast.installation.issuer, sub=client, client_id=client, scope="vendor.read", life_s=1, vendor="acme"
    )
    revoked, expired = vendors_token(cast), sign(cast.installation.key, claims, now_ms() - 1_001)
    post(cast, "/oauth/revoke", shown(cast.vendor), token=revoked)
    for token in (revoked, expired, "x"):
        told = post(cast, "/oauth/introspect", shown(cast.vendor), token=token).json
        assert told == {"active": False}
