"""RFC 9700: what it demands of a server (and of resources that take its tokens), and the test that shows it.

Where a demand has its test elsewhere, the table names it, and a name that is no test fails; the others stand below.
"""

import importlib
from pathlib import Path
from typing import Any

import pytest

from ops import snapshot
from phr.api import pages
from phr.auth.codes import CODES
from phr.errors import InputInvalid
from tests.cast import Cast
from tests.security.asking import opens, post, vendors_token
from tests.security.browser import Browser, an_app, told

ELSEWHERE = {
    "2.1 redirect URIs match sign by sign, but for the port of a native app": [
        "tests.auth.test_redirects:test_only_the_very_same_address_is_registered",
        "tests.security.test_codes:test_loopback_address_of_a_native_app_may_name_any_port",
    ],
    "2.1, 4.11.2 no open redirector": [
        "tests.security.test_codes:test_address_that_is_not_registered_is_never_gone_to",
        "tests.pages.test_sittings:test_one_is_sent_back_to_pages_of_ours_alone",
    ],
    "2.1.1 public clients use PKCE, S256": [
        "tests.security.test_codes:test_request_without_an_s256_challenge_is_sent_back"
    ],
    "2.1.1 a challenge that was sent is enforced": [
        "tests.security.test_codes:test_code_without_what_it_is_bound_to_gives_nothing",
        "tests.security.test_codes:test_verifier_that_equals_the_challenge_is_refused",
    ],
    "2.1.1 support of PKCE can be found out": ["tests.api.test_oauth:test_metadata_is_as_rfc_8414_has_it"],
    "2.1.2 no implicit grant": ["tests.security.test_codes:test_other_response_types_do_not_exist"],
    "2.2.2, 4.14.2 refresh tokens rotate, and reuse ends them all": [
        "tests.security.test_refresh:test_each_turn_gives_the_next_token_and_takes_the_one_before",
        "tests.security.test_refresh:test_token_that_comes_again_ends_all_that_it_led_to",
        "tests.security.test_refresh:test_used_from_many_places_at_once_there_is_one_token_after_it",
        "tests.security.test_refresh:test_link_ends_where_nobody_uses_it_and_after_a_year_at_most",
    ],
    "4.14.2 refresh tokens are bound to scope and client": [
        "tests.security.test_refresh:test_scope_can_only_get_smaller_and_a_refused_one_takes_no_turn",
        "tests.security.test_refresh:test_token_of_another_client_is_refused_and_takes_no_turn",
    ],
    "2.3 tokens do no more than they were asked for": [
        "tests.auth.test_tokens:test_token_without_the_scope_is_refused_with_403",
        "tests.security.test_codes:test_scope_that_the_client_has_not_is_sent_back",
    ],
    "2.3, 4.10.2 tokens name whom they are for, and it looks": [
        "tests.auth.test_tokens:test_token_with_a_wrong_or_missing_claim_is_refused"
    ],
    "2.4 no password grant": ["tests.api.test_oauth:test_other_grants_do_not_exist"],
    "2.5 clients that can, show who they are": [
        "tests.security.test_client_authentication:test_assertion_of_another_key_is_refused_whatever_its_header_says",
        "tests.security.test_codes:test_confidential_client_redeems_with_its_secret_only",
    ],
    "2.6 metadata": ["tests.api.test_oauth:test_metadata_is_as_rfc_8414_has_it"],
    "2.6 no answer over http but to the loopback": [
        "tests.auth.test_redirects:test_address_that_can_not_is_refused",
        "tests.auth.test_redirects:test_address_that_can_be_kept_safe_is_taken",
    ],
    "2.6 no CORS where people decide; 4.16 no frames": [
        "tests.security.test_pages:test_page_can_not_be_framed_scripted_or_kept",
        "tests.security.test_origins:test_pages_with_cookies_are_nobody_elses",
    ],
    "2.6, 4.13 TLS up to us": ["tests.security.test_headers:test_browsers_are_held_to_tls_where_we_speak_it"],
    "4.2.4 addresses with codes do not leak": ["tests.security.test_pages:test_page_asks_for_nothing_from_elsewhere"],
    "4.3.2 no access tokens in addresses": [
        "tests.auth.test_tokens:test_token_in_the_url_is_refused_even_beside_a_good_one"
    ],
    "4.4.2 mix-up: who answers": ["tests.security.test_codes:test_answer_says_who_gives_it"],
    "4.5.3 codes are good once, and for their client": [
        "tests.security.test_codes:test_second_use_of_a_code_is_refused_and_ends_what_the_first_gave",
        "tests.security.test_codes:test_code_of_another_client_is_refused_and_stays_good_for_its_own",
    ],
    "4.7.1 forms are sent by their own page": ["tests.security.test_pages:test_form_of_another_site_is_not_taken"],
}


@pytest.mark.parametrize("name", [name for names in ELSEWHERE.values() for name in names])
def test_demand_has_its_test(name: str) -> None:
    module, _, test = name.partition(":")
    assert callable(getattr(importlib.import_module(module), test, None))


@pytest.mark.parametrize("verifier", [True, False])
def test_verifier_without_a_challenge_is_refused(browser: Browser, verifier: bool) -> None:
    """2.1.1, 4.8.2: who took the challenge out of the request can't go on as if there had been none."""
    code = browser.code()
    browser.cast.database[CODES].update_one({}, {"$set": {"challenge": ""}})
    answer = browser.redeem(code, **({} if verifier else {"code_verifier": None}))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [{"scope": "everything"}, {"response_type": "token"}, {"code_challenge": None}, {"nonce": "n" * 257}],
    ids=str,
)
def test_wrong_request_leads_nowhere_before_its_person_has_logged_in(browser: Browser, wrong: dict[str, Any]) -> None:
    """4.11.2: else an address of ours that names a scope there is not would be one that leads to the app's."""
    page = browser.open(**wrong)
    assert (page.status_code, page.location) == (200, None)
    refused = browser.send(page, step="log-in", way="password", login="owner", password="wrong")
    assert (refused.status_code, refused.location) == (403, None)
    for shown in (page, refused):  # a browser follows a form no further than it says
        assert "form-action 'self' https://app.example;" in shown.headers["Content-Security-Policy"]
    assert told(browser.log_in(refused))["iss"] == browser.cast.installation.issuer


def test_login_for_a_wrong_request_is_of_no_use_after_it(browser: Browser) -> None:
    told(browser.sent_back(scope="everything"))
    assert 'type="password"' in browser.open().text


@pytest.mark.parametrize("uri", ["http://app.example/cb", "http://10.0.0.7/cb", "http://127.0.0.1.evil.example/cb"])
def test_client_can_not_be_answered_over_http(cast: Cast, uri: str) -> None:
    """2.6: by whatever way it is made."""
    with pytest.raises(InputInvalid):
        an_app(cast, redirect_uris=[uri])


def test_messages_between_windows_are_not_used() -> None:
    """4.17: no page of the server's hands a code on by postMessage."""
    files = list(Path(pages.__file__).with_name("pages").iterdir())
    assert "consent.html" in {one.name for one in files}
    assert not [one.name for one in files if b"postMessage" in one.read_bytes()]


def test_token_that_was_shown_is_neither_stored_nor_logged(cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """4.9.3: good or refused, with its record or another's."""
    caplog.set_level("DEBUG")
    shown = [cast.token(cast.owner), cast.token(cast.owner, "vendor.read"), cast.vendor_token()]
    for token in shown:
        for path in ("/v1/people/me", f"/v1/people/{cast.stranger}/timeline", "/v1/vendor/devices", "/nowhere"):
            assert opens(cast, token, path) in (200, 401, 403, 404)
    signatures = [token.rpartition(".")[2] for token in shown]
    found = "".join(str(list(cast.database[name].find())) for name in snapshot.names(cast.database)) + caplog.text
    assert cast.owner in found
    assert not [one for one in signatures if one in found]


@pytest.mark.parametrize("step", ["log-in", "allow", "deny", "leave"])
def test_after_what_was_typed_the_browser_goes_on_with_a_get(browser: Browser, step: str) -> None:
    """4.12: 303, since 307 would send the password on."""
    page = browser.open() if step == "log-in" else browser.log_in(browser.open())
    form = {"way": "password", "login": "owner", "password": "correct horse"} if step == "log-in" else {}
    assert browser.send(page, step=step, **form).status_code == 303


def test_client_can_not_be_taken_for_a_person(browser: Browser) -> None:
    """4.15: the subject of a client's own token is the client, and no record is a client's."""
    token, client = vendors_token(browser.cast), browser.cast.vendor.client_id
    for path in ("/v1/people/me", f"/v1/people/{browser.cast.owner}", f"/v1/people/{client}"):
        assert opens(browser.cast, token, path) == 403


@pytest.mark.parametrize("scope", ["vendor.read", "vendor.read profile.read"])
def test_person_can_not_be_taken_for_a_vendor(browser: Browser, scope: str) -> None:
    """Even where the token had the scope, which no app of people can be given."""
    assert opens(browser.cast, browser.cast.token(browser.cast.owner, scope), "/v1/vendor/devices") == 403
    assert opens(browser.cast, browser.tokens()["access_token"], "/v1/vendor/devices") == 403


def test_vendors_token_with_a_persons_scope_opens_no_record(cast: Cast) -> None:
    client = cast.vendor.client_id
    token = cast.token(client, "vendor.read profile.read readings.read", client_id=client, vendor="acme")
    assert opens(cast, token, f"/v1/people/{cast.owner}") == 403


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "Forwarded", "Host"])
def test_header_that_anybody_can_send_changes_nothing(browser: Browser, name: str) -> None:
    """4.13: what a proxy would say is not believed."""
    headers = {name: "evil.example"}
    for path in ("/.well-known/oauth-authorization-server", browser.address()):
        assert "evil" not in browser.http.get(path, headers=headers).text


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization"])
@pytest.mark.parametrize("body", ["{}", "a=%ff%fe&b", "=&=&", "grant_type=%00", '{"$ne":1}', "client_id[$ne]=1"])
def test_odd_body_is_an_error_of_the_client(cast: Cast, path: str, body: str) -> None:
    for kind in ("application/x-www-form-urlencoded", "application/json"):
        answer = cast.http.post(path, data=body, content_type=kind)
        assert (answer.status_code in (400, 401), "error" in answer.json) == (True, True)  # type: ignore[operator]


def test_get_gives_no_token(cast: Cast) -> None:
    assert cast.http.get("/oauth/token?grant_type=client_credentials").status_code == 405


def test_errors_are_never_kept(cast: Cast) -> None:
    answer: Any = post(cast, "/oauth/token", None, grant_type="client_credentials")
    assert answer.headers["Cache-Control"] == "no-store"


def test_public_client_can_not_ask_what_tokens_are_worth(browser: Browser) -> None:
    token = browser.tokens()["access_token"]
    form = {"token": token, "client_id": an_app(browser.cast).client_id}
    assert post(browser.cast, "/oauth/introspect", None, **form).status_code == 401
