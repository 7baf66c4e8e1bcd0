"""Authorization codes: for one client, one address, one challenge, once (RFC 9700, 2.1 and 4.5 to 4.8)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from phr.auth import codes
from phr.clock import now_ms
from tests.security.asking import opens
from tests.security.browser import CALLBACK, Browser, an_app, told


def refused(answer: Any) -> str:
    assert answer.status_code in (400, 401), answer.text
    return str(answer.json["error"])


def profile(browser: Browser, token: str) -> int:
    return opens(browser.cast, token, "/v1/people/me")


def forget_time(browser: Browser) -> None:
    """What another process wrote within the last second is known here too."""
    browser.cast.installation.protector.validator.revocations.read(now_ms())


def test_code_gives_tokens_that_open_the_persons_record(browser: Browser) -> None:
    given = browser.tokens()
    assert given.keys() == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}
    assert (given["expires_in"], given["scope"]) == (600, "offline_access profile.read readings.read")
    assert profile(browser, given["access_token"]) == 200
    assert opens(browser.cast, given["access_token"], f"/v1/people/{browser.cast.stranger}") == 403


def test_without_offline_access_there_is_no_refresh_token(browser: Browser) -> None:
    given = browser.tokens(scope="profile.read")
    assert ("refresh_token" in given, given["scope"]) == (False, "profile.read")


def test_confidential_client_redeems_with_its_secret_only(browser: Browser) -> None:
    browser.app = an_app(browser.cast, is_public=False)
    code = browser.code()
    form = {"client_id": browser.app.client_id, "client_secret": None}
    nobody = an_app(browser.cast)
    assert refused(browser.redeem(code, nobody, **form)) == "invalid_client"
    assert browser.redeem(code).status_code == 200


def test_code_is_not_stored(browser: Browser) -> None:
    code = browser.code()
    assert code not in str(list(browser.cast.database[codes.CODES].find()))


def test_second_use_of_a_code_is_refused_and_ends_what_the_first_gave(browser: Browser) -> None:
    code = browser.code()
    given = browser.redeem(code).json
    assert refused(browser.redeem(code)) == "invalid_grant"
    forget_time(browser)
    assert profile(browser, given["access_token"]) == 401
    assert refused(browser.refresh(given["refresh_token"])) == "invalid_grant"


def test_second_use_by_another_client_ends_it_too(browser: Browser) -> None:
    code = browser.code()
    given = browser.redeem(code).json
    assert refused(browser.redeem(code, an_app(browser.cast))) == "invalid_grant"
    assert refused(browser.refresh(given["refresh_token"])) == "invalid_grant"


def test_of_many_uses_at_once_none_keeps_a_token_that_lives(browser: Browser) -> None:
    code = browser.code()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: browser.redeem(code), range(4)))
    given = [one.json for one in answers if one.status_code == 200]
    assert len(given) <= 1
    forget_time(browser)
    assert all(profile(browser, one["access_token"]) == 401 for one in given)
    assert all(refused(browser.refresh(one["refresh_token"])) == "invalid_grant" for one in given)


def test_code_of_another_client_is_refused_and_stays_good_for_its_own(browser: Browser) -> None:
    """Code injection: what was taken from one app is put into another."""
    code = browser.code()
    assert refused(browser.redeem(code, an_app(browser.cast))) == "invalid_grant"
    assert browser.redeem(code).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code_verifier": "another-verifier-of-forty-three-signs-as-rfc-7636"}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
    ],
    ids=str,
)
def test_code_without_what_it_is_bound_to_gives_nothing(browser: Browser, changes: dict[str, Any], error: str) -> None:
    code = browser.code()
    assert refused(browser.redeem(code, **changes)) == error
    assert browser.redeem(code).status_code == 200


def test_verifier_that_equals_the_challenge_is_refused(browser: Browser) -> None:
    """PKCE downgrade: a server that fell back to `plain` would take it."""
    challenge = "a" * 43
    code = browser.code(code_challenge=challenge)
    assert refused(browser.redeem(code, code_verifier=challenge)) == "invalid_grant"


@pytest.mark.parametrize(("age_ms", "is_good"), [(codes.LIFE_MS - 30_000, True), (codes.LIFE_MS + 1, False)])
def test_code_is_good_for_a_minute(browser: Browser, age_ms: int, is_good: bool) -> None:
    code = browser.code()
    browser.cast.database[codes.CODES].update_one({}, {"$set": {"made_at_ms": now_ms() - age_ms}})
    assert (browser.redeem(code).status_code == 200) is is_good


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": ""},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 44},
        {"code_challenge": "a" * 42 + '"'},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_public", [True, False])
def test_request_without_an_s256_challenge_is_sent_back(
    browser: Browser, changes: dict[str, Any], is_public: bool
) -> None:
    browser.app = an_app(browser.cast, is_public=is_public)
    answer = told(browser.sent_back(**changes))
    assert (answer["error"], answer["state"]) == ("invalid_request", "xyz")
    assert answer["iss"] == browser.cast.installation.issuer


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb#x",
        "https://app.example.evil.example/cb",
        "https://app.example@evil.example/cb",
        "http://app.example/cb",
        "https://evil.example/cb",
        'https://app.example/cb"\\',
        "https://app.example/é",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_address_that_is_not_registered_is_never_gone_to(browser: Browser, uri: str | None) -> None:
    for answer in (browser.open(redirect_uri=uri), browser.open(redirect_uri=uri, response_type="token")):
        assert (answer.status_code, answer.location) == (400, None)
        assert "evil" not in answer.text


def test_unknown_client_is_told_to_the_person_only(browser: Browser) -> None:
    for client in ("c-unknown", "", None, 'a"b\\c', {"$ne": 1}):
        answer = browser.open(client_id=client)
        assert (answer.status_code, answer.location) == (400, None)


@pytest.mark.parametrize("name", ["redirect_uri", "client_id", "scope", "state", "code_challenge", "response_type"])
def test_parameter_that_is_there_twice_is_refused(browser: Browser, name: str) -> None:
    answer = browser.http.get(browser.address() + f"&{name}=x")
    assert (answer.status_code, answer.location) == (400, None)


@pytest.mark.parametrize("kind", ["token", "id_token", "code token", "code id_token token", "", "none"])
def test_other_response_types_do_not_exist(browser: Browser, kind: str) -> None:
    answer = told(browser.sent_back(response_type=kind))
    assert answer["error"] == "unsupported_response_type"
    assert answer["iss"] == browser.cast.installation.issuer


@pytest.mark.parametrize("scope", ["vendor.read", "everything", "notes.read", "tokens.introspect"])
def test_scope_that_the_client_has_not_is_sent_back(browser: Browser, scope: str) -> None:
    assert told(browser.sent_back(scope=scope))["error"] == "invalid_scope"


@pytest.mark.parametrize("step", ["allow", "deny"])
def test_answer_says_who_gives_it(browser: Browser, step: str) -> None:
    answer = browser.decide(step)
    expected = {"code"} if step == "allow" else {"error"}
    assert expected | {"state", "iss"} <= told(answer).keys()
    assert (answer.status_code, told(answer)["iss"]) == (303, browser.cast.installation.issuer)


def test_denied_there_is_no_code(browser: Browser) -> None:
    answer = told(browser.decide("deny"))
    assert (answer["error"], "code" in answer) == ("access_denied", False)
    assert browser.cast.database[codes.CODES].count_documents({}) == 0


def test_loopback_address_of_a_native_app_may_name_any_port(browser: Browser) -> None:
    browser.app = an_app(browser.cast, redirect_uris=["http://127.0.0.1/cb"])
    answer = browser.decide(redirect_uri="http://127.0.0.1:51004/cb")
    assert answer.location is not None
    assert answer.location.startswith("http://127.0.0.1:51004/cb?code=")


def test_address_keeps_its_own_query(browser: Browser) -> None:
    browser.app = an_app(browser.cast, redirect_uris=[f"{CALLBACK}?tenant=a"])
    assert told(browser.decide(redirect_uri=f"{CALLBACK}?tenant=a")).keys() == {"tenant", "code", "state", "iss"}
