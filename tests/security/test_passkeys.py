"""Passkeys: added at a page of ours by a login of now, and then a way to log in that counts as two factors."""

from __future__ import annotations

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from werkzeug.test import TestResponse

from phr.api import passkeys as passkey_pages
from phr.auth import browsers, ceremonies, known_devices
from phr.auth.ceremonies import Party, party_of
from phr.clock import now_ms
from phr.errors import AccessDenied, SettingInvalid
from phr.people import passkeys, people, seals, second_factors
from phr.people.people import Change
from tests.cast import T0, Cast
from tests.security.authenticator import Authenticator, decoded, encoded
from tests.security.browser import Browser, a_browser
from tests.security.test_joining import Clinic, clinic
from tests.security.test_phone_login import PHONE, Phone, phone, write

__all__ = ["clinic", "phone"]
PARTY = Party("record.example", "https://record.example")
PAGE = "/oauth/passkeys"
LOGINS = "/v1/people/{owner}/logins"


@dataclass
class Device:
    """The owner's browser and its authenticator."""

    browser: Browser
    key: Authenticator

    @property
    def cast(self) -> Cast:
        return self.browser.cast

    def add(self, key: Authenticator | None = None) -> TestResponse:
        page = self.browser.log_in(self.browser.http.get(PAGE))
        return self.browser.send(page, PAGE, step="add", attestation=(key or self.key).create(asked(page)))

    def log_in(self, page: TestResponse | None = None, assertion: str | None = None) -> TestResponse:
        if page is None:
            self.browser.http.delete_cookie("phr")  # nobody is logged in
            page = self.browser.open()
        answer = self.key.get(asked(page)) if assertion is None else assertion
        return self.browser.send(page, way="passkey", step="log-in", assertion=answer)

    def claims(self) -> dict[str, Any]:
        """What a token says after a login by passkey."""
        page = self.browser.http.get(self.log_in().location)
        code = re.search(r"code=([^&]+)", self.browser.send(page, step="allow").location or "")
        assert code
        token = self.browser.redeem(code[1]).json["access_token"]  # type: ignore[index]
        return self.cast.installation.protector.validator.authenticate_token(token)

    def told(self) -> list[str]:
        return sorted(row["rule"] for row in self.cast.database["notices"].find({"person": self.cast.owner}))


def asked(page: TestResponse) -> dict[str, Any]:
    """What the page has its script ask the authenticator."""
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found, page.text
    options: dict[str, Any] = json.loads(html.unescape(found[1]))
    return options


@pytest.fixture
def device(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setattr(browser.cast.http.application.extensions["phr_oauth"], "party", PARTY)
    return Device(browser, Authenticator(PARTY.origin))


@pytest.fixture
def added(device: Device) -> Device:
    answer = device.add()
    assert answer.status_code == 201, answer.text
    return device


def test_passkey_that_knew_its_person_is_two_factors(added: Device) -> None:
    said = added.claims()
    assert (said["sub"], said["amr"], said["acr"]) == (
        added.cast.owner,
        ["hwk", "user", "mfa"],
        "urn:phr:acr:2",
    )


def test_passkey_that_was_only_touched_is_one_factor(added: Device) -> None:
    added.key.verifies = False
    said = added.claims()
    assert (said["amr"], said["acr"]) == (["hwk", "user"], "urn:phr:acr:1")


@pytest.mark.parametrize("why", ["role", "own choice"])
def test_touched_alone_it_does_not_do_for_who_needs_two(added: Device, why: str) -> None:
    if why == "role":
        added.cast.database["people"].update_one({"_id": added.cast.owner}, {"$set": {"roles": ["doctor"]}})
    else:
        second_factors.enrol(added.cast.database, added.cast.owner, T0)
    added.key.verifies = False
    touched = added.log_in().status_code
    added.key.verifies = True
    assert (touched, added.log_in().status_code) == (403, 303)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://record.example.evil.example"},
        {"origin": "http://record.example"},
        {"rp_id": "evil.example"},
        {"handle": "a" * 20},
        {"handle": ""},
        {"credential": b"x" * 32},
    ],
    ids=str,
)
def test_answer_that_does_not_fit_lets_nobody_in(added: Device, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(added.key, name, value)
    answer = added.log_in()
    assert (answer.status_code, added.cast.database[browsers.SESSIONS].count_documents({})) == (403, 0)


@pytest.mark.parametrize("wrong", [{"origin": "https://evil.example"}, {"rp_id": "evil.example"}], ids=str)
def test_answer_that_does_not_fit_adds_nothing(device: Device, wrong: dict[str, str]) -> None:
    for name, value in wrong.items():
        setattr(device.key, name, value)
    assert (device.add().status_code, passkeys.of_person(device.cast.database, device.cast.owner)) == (400, [])


def test_passkey_of_somebody_else_does_not_open_by_the_owners_name(added: Device) -> None:
    """A stranger's own key, that says it is the owner's."""
    cast, theirs = added.cast, Authenticator(PARTY.origin)
    page = added.browser.open()
    passkeys.add(cast.database, _stored(theirs, cast.stranger), T0)
    theirs.handle = cast.owner
    assert added.log_in(page, theirs.get(asked(page))).status_code == 403


def _stored(key: Authenticator, person: str) -> passkeys.Passkey:
    return passkeys.Passkey(person, key.credential, key._public(), 0)


def test_signature_of_another_key_lets_nobody_in(added: Device) -> None:
    page = added.browser.open()
    forger = Authenticator(PARTY.origin, credential=added.key.credential, handle=added.cast.owner, count=7)
    assert added.log_in(page, forger.get(asked(page))).status_code == 403
    assert added.log_in().status_code == 303


def test_challenge_does_once(added: Device) -> None:
    page = added.browser.open()
    assertion = added.key.get(asked(page))
    first, again = added.log_in(page, assertion), added.log_in(page, assertion)
    assert (first.status_code, again.status_code) == (303, 403)


def test_new_answer_to_a_challenge_of_before_lets_nobody_in(added: Device) -> None:
    """The cookie is still the one of before the login: whoever has both has not the key's next answer to it."""
    page = added.browser.open()
    cookie = added.browser.http.get_cookie("phr")
    added.log_in(page)
    assert cookie is not None
    added.browser.http.set_cookie("phr", cookie.value)
    assert added.log_in(page).status_code == 403


def test_challenge_is_the_browsers_own(added: Device) -> None:
    other = a_browser(added.cast, added.browser.app)
    assertion = added.key.get(asked(other.open()))
    assert added.log_in(assertion=assertion).status_code == 403


def test_challenge_ends(added: Device) -> None:
    asking = ceremonies.Asking(added.cast.database, PARTY, "cookie")
    now = now_ms()
    late = [ceremonies.LIFE_MS - 1, ceremonies.LIFE_MS]
    found = [
        ceremonies.known(asking, added.key.get(json.loads(ceremonies.log_in_options(asking, now))), now + ms)
        for ms in late
    ]
    assert [one is None for one in found] == [False, True]


def test_challenge_to_log_in_adds_no_passkey(added: Device) -> None:
    asking = ceremonies.Asking(added.cast.database, PARTY, "cookie")
    made = json.loads(ceremonies.registration_options(asking, added.cast.owner, "x", T0))
    made["challenge"] = json.loads(ceremonies.log_in_options(asking, T0))["challenge"]
    with pytest.raises(ceremonies.PasskeyRefused):
        ceremonies.registered(asking, added.cast.owner, Authenticator(PARTY.origin).create(made), T0)


def test_challenge_of_somebody_else_adds_no_passkey(added: Device) -> None:
    asking = ceremonies.Asking(added.cast.database, PARTY, "cookie")
    made = json.loads(ceremonies.registration_options(asking, added.cast.stranger, "x", T0))
    with pytest.raises(ceremonies.PasskeyRefused):
        ceremonies.registered(asking, added.cast.owner, Authenticator(PARTY.origin).create(made), T0)


@pytest.mark.parametrize("at", [0, 16, 23, 24, 47])
def test_challenge_that_was_changed_is_none_of_ours(added: Device, at: int) -> None:
    page = added.browser.open()
    options = asked(page)
    raw = bytearray(decoded(options["challenge"]))
    raw[at] ^= 1
    options["challenge"] = encoded(bytes(raw))
    assert added.log_in(page, added.key.get(options)).status_code == 403


@pytest.mark.parametrize("step", [0, -1])
def test_count_that_goes_back_is_refused_and_told(added: Device, step: int) -> None:
    added.key.count = 5
    added.log_in()
    added.key.step = step
    assert added.log_in().status_code == 403
    assert added.told() == ["login-added", "passkey-copied"]


def test_authenticator_that_does_not_count_logs_in_each_time(device: Device) -> None:
    device.key.step = 0
    device.add()
    assert [device.log_in().status_code for _ in range(2)] == [303, 303]


def test_who_has_not_the_key_makes_no_alarm(added: Device) -> None:
    added.key.count = 5
    added.log_in()
    forger = Authenticator(PARTY.origin, credential=added.key.credential, handle=added.cast.owner, step=0)
    added.browser.http.delete_cookie("phr")
    page = added.browser.open()
    assert added.log_in(page, forger.get(asked(page))).status_code == 403
    assert added.told() == ["login-added"]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "1",
        '{"id":1}',
        "[" * 5_000,
        '{"id":"a","rawId":"a","type":"public-key","response":{}}',
        '{"id":"é","rawId":"é","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA",'
        '"signature":"AA","userHandle":"AA"}}',
        '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":'
        '"eyJ0eXBlIjoxLCJjaGFsbGVuZ2UiOjEsIm9yaWdpbiI6MX0","authenticatorData":"AA","signature":"AA",'
        '"attestationObject":"AA"}}',
        "x" * 16_385,
    ],
    ids=lambda one: one[:24],
)
def test_odd_answer_is_refused(device: Device, answer: str) -> None:
    assert device.log_in(assertion=answer).status_code == 403
    page = device.browser.log_in(device.browser.http.get(PAGE))
    assert device.browser.send(page, PAGE, step="add", attestation=answer).status_code == 400


@pytest.mark.parametrize("about", ["authenticatorData", "signature", "clientDataJSON", "attestationObject"])
def test_answer_cut_anywhere_is_refused(device: Device, about: str) -> None:
    asking = ceremonies.Asking(device.cast.database, PARTY, "cookie")
    owner = device.cast.owner
    for length in range(0, 60, 3):
        made = json.loads(device.key.create(json.loads(ceremonies.registration_options(asking, owner, "x", T0))))
        signed = json.loads(device.key.get(json.loads(ceremonies.log_in_options(asking, T0))))
        for answer in (made, signed):
            if about in answer["response"]:
                answer["response"][about] = encoded(decoded(answer["response"][about])[:length])
        if about in signed["response"]:
            assert ceremonies.known(asking, json.dumps(signed), T0) is None
        if about in made["response"]:
            with pytest.raises(ceremonies.PasskeyRefused):
                ceremonies.registered(asking, owner, json.dumps(made), T0)


def test_passkey_is_registered_once(added: Device) -> None:
    assert added.add().status_code == 409
    assert asked(added.browser.log_in(added.browser.http.get(PAGE)))["excludeCredentials"][0]["id"] == encoded(
        added.key.credential
    )


def test_there_are_not_more_than_some(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MOST", 1)
    assert [device.add(Authenticator(PARTY.origin)).status_code for _ in range(2)] == [201, 409]


def test_login_of_before_adds_none(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    page = device.browser.log_in(device.browser.http.get(PAGE))
    late = now_ms() + 301_000
    monkeypatch.setattr(passkey_pages, "now_ms", lambda: late)
    answer = device.browser.send(page, PAGE, step="add", attestation=device.key.create(asked(page)))
    assert (answer.status_code, passkeys.of_person(device.cast.database, device.cast.owner)) == (303, [])


def test_who_has_two_factors_adds_one_with_both(device: Device) -> None:
    cast = device.cast
    page = device.browser.log_in(device.browser.http.get(PAGE))
    second_factors.enrol(cast.database, cast.owner, T0)
    answer = device.browser.send(page, PAGE, step="add", attestation=device.key.create(asked(page)))
    assert (answer.status_code, passkeys.of_person(cast.database, cast.owner)) == (303, [])


def test_form_of_another_site_adds_none(device: Device) -> None:
    page = device.browser.log_in(device.browser.http.get(PAGE))
    form = {"step": "add", "form_token": "x", "attestation": device.key.create(asked(page))}
    assert device.browser.http.post(PAGE, data=form).status_code == 403


def test_owner_is_told_and_finds_it_in_the_log_and_among_the_logins(added: Device) -> None:
    log = added.cast.send(added.cast.owner, "GET", "/v1/people/{owner}/access-log").json
    kinds = [one["kind"] for one in added.cast.send(added.cast.owner, "GET", LOGINS).json["logins"]]  # type: ignore[index]
    assert added.told() == ["login-added"]
    assert "added a passkey" in {one["about"] for one in log["lines"]}  # type: ignore[index]
    assert sorted(kinds) == ["passkey", "password"]


def test_removed_it_lets_nobody_in_and_what_it_gave_ends(added: Device) -> None:
    cast = added.cast
    given = added.claims()
    added.log_in()
    login = _login(cast)
    assert cast.send(cast.owner, "DELETE", f"{LOGINS}/{login}").status_code == 204
    assert cast.database[browsers.SESSIONS].count_documents({"person": cast.owner}) == 0
    assert cast.database["links"].find_one({"_id": given["sid"], "ended_at_ms": None}) is None
    assert added.log_in().status_code == 403


def _login(cast: Cast) -> str:
    row = cast.database["logins"].find_one({"person": cast.owner, "kind": "passkey"})
    assert row is not None
    return str(row["_id"].hex())


def by_app(device: Device, path: str, who: str = "owner", **request: Any) -> Any:
    cast, claims = device.cast, request.pop("claims", {"amr": ("pwd",)})
    token = cast.token(getattr(cast, who), auth_time_s=now_ms() // 1000, **claims)
    where, headers = f"/v1/people/{cast.owner}/passkeys{path}", {"Authorization": f"Bearer {token}"}
    return cast.http.post(where, headers=headers, **request)


def test_app_adds_a_passkey_that_logs_in(device: Device) -> None:
    options = by_app(device, "/options").json["options"]
    answer = {"attestation": json.loads(device.key.create(options))}
    made = by_app(device, "", json=answer)
    assert (made.status_code, made.json["login"]) == (201, _login(device.cast)), made.text
    assert (device.log_in().status_code, device.told()) == (303, ["login-added"])
    assert by_app(device, "", json=answer).status_code == 400  # the challenge does once


def test_challenge_of_an_app_is_no_other_apps_nor_a_browsers(device: Device) -> None:
    options = by_app(device, "/options").json["options"]
    answer = device.key.create(options)
    other = by_app(device, "", json={"attestation": json.loads(answer)}, claims={"client_id": "other"})
    page = device.browser.send(
        device.browser.log_in(device.browser.http.get(PAGE)), PAGE, step="add", attestation=answer
    )
    assert (other.status_code, other.json["code"], page.status_code) == (400, "passkey-refused", 400)


def test_app_adds_none_for_another_nor_with_one_factor_of_two(device: Device) -> None:
    cast = device.cast
    assert [by_app(device, "/options", who).status_code for who in ("stranger", "relative")] == [403, 403]
    assert by_app(device, "/options", claims={"act": "root"}).status_code == 403
    second_factors.enrol(cast.database, cast.owner, T0)
    asked = [by_app(device, "/options", claims={"amr": amr}).status_code for amr in (("pwd",), ("pwd", "otp", "mfa"))]
    assert asked == [403, 200]


APK = "android:apk-key-hash:" + "A" * 43


def android(device: Device, monkeypatch: pytest.MonkeyPatch, origin: str = APK) -> Authenticator:
    """The phone's own authenticator, asked by an app; the installation knows one."""
    known = party_of(PARTY.origin, APK)
    monkeypatch.setattr(device.cast.http.application.extensions["phr_oauth"], "party", known)
    return Authenticator(origin)


def test_android_app_that_is_known_adds_one_that_logs_in_at_our_page(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.key = android(device, monkeypatch)
    answer = device.key.create(by_app(device, "/options").json["options"])
    made = by_app(device, "", json={"attestation": json.loads(answer)})
    device.key.origin = PARTY.origin  # the browser's, with the same passkey
    assert (made.status_code, device.log_in().status_code) == (201, 303), made.text


@pytest.mark.parametrize("origin", ["android:apk-key-hash:" + "B" * 43, f"{APK}A", APK.upper(), "https://evil.example"])
def test_app_that_is_not_known_adds_none(device: Device, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = android(device, monkeypatch, origin)
    answer = key.create(by_app(device, "/options").json["options"])
    made = by_app(device, "", json={"attestation": json.loads(answer)})
    assert (made.status_code, made.json["code"]) == (400, "passkey-refused")


def test_at_our_pages_our_own_origin_alone_does(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.add().status_code == 201
    device.key.origin = APK
    android(device, monkeypatch)
    assert (device.log_in().status_code, device.add(Authenticator(APK)).status_code) == (403, 400)


@pytest.mark.parametrize("apps", ["https://app.example", "android:apk-key-hash:short", f"{APK} {APK}x", f"{APK};{APK}"])
def test_origin_of_an_app_that_is_none_stops_the_start(apps: str) -> None:
    with pytest.raises(SettingInvalid, match="PHR_PASSKEY_ORIGINS"):
        party_of(PARTY.origin, apps)


def test_app_of_an_installation_without_passkeys_is_told_so(browser: Browser) -> None:
    assert by_app(Device(browser, Authenticator(PARTY.origin)), "/options").status_code == 404


def test_only_way_in_is_not_removed(added: Device) -> None:
    cast, login = added.cast, _login(added.cast)
    cast.database["logins"].delete_one({"person": cast.owner, "kind": {"$exists": False}})
    alone = cast.send(cast.owner, "DELETE", f"{LOGINS}/{login}").status_code
    people.patch(cast.database, cast.owner, Change(fields={"phone": "13800138000"}))
    assert (alone, cast.send(cast.owner, "DELETE", f"{LOGINS}/{login}").status_code) == (403, 204)


@pytest.mark.parametrize("others", [1, 2, 3])
def test_of_all_passkeys_removed_at_once_one_stays(added: Device, others: int) -> None:
    database, person = added.cast.database, added.cast.owner
    database["logins"].delete_many({"person": person, "kind": {"$ne": "passkey"}})
    for number in range(others):
        passkeys.add(database, passkeys.Passkey(person, bytes([number]) * 16, b"key", 0), T0)
    names = [row["_id"].hex() for row in database["logins"].find({"person": person})]
    together = Barrier(len(names))

    def removes(name: str) -> bool:
        together.wait(10)
        try:
            return passkeys.remove(database, person, name)
        except AccessDenied:
            return False

    with ThreadPoolExecutor(len(names)) as pool:
        removed = sum(pool.map(removes, names))
    assert (removed, database["logins"].count_documents({"person": person})) == (others, 1)


def test_stranger_removes_none(added: Device) -> None:
    cast, login = added.cast, _login(added.cast)
    found = [cast.send(cast.stranger, "DELETE", f"/v1/people/{who}/logins/{login}") for who in ("me", cast.owner)]
    assert [one.status_code for one in found] == [404, 403]


def test_neither_credential_nor_key_is_stored_in_the_clear(added: Device) -> None:
    row = added.cast.database["logins"].find_one({"kind": "passkey"})
    assert row is not None
    stored = b"".join(one for one in row.values() if isinstance(one, bytes))
    assert (added.key.credential in stored, added.key._public() in stored) == (False, False)
    opened = seals.unseal(added.cast.database, added.cast.owner, passkeys.PLACE, row["sealed"])
    assert opened == [added.key.credential, added.key._public()]


def test_of_who_was_erased_it_opens_nothing(added: Device) -> None:
    seals.destroy(added.cast.database, added.cast.owner, T0)
    assert added.log_in().status_code == 403


def test_page_runs_our_script_alone(device: Device) -> None:
    for page in (device.browser.open(), device.browser.log_in(device.browser.http.get(PAGE))):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        assert re.findall(r'(?:src|href|action)="([^"]*)"', page.text) == ["style.css", "passkeys.js"]
        assert re.findall(r"\bon\w+=|<script>", page.text) == []
    script = device.browser.http.get("/oauth/passkeys.js")
    assert (script.status_code, script.mimetype, "http" in script.text) == (200, "text/javascript", False)


def test_consent_page_runs_none(device: Device) -> None:
    assert "script" not in device.browser.log_in(device.browser.open()).headers["Content-Security-Policy"]


def test_there_is_no_passkey_where_browsers_have_none(browser: Browser) -> None:
    assert "passkey" not in browser.open().text
    assert browser.send(browser.open(), way="passkey", step="log-in", assertion="{}").status_code == 403
    assert [browser.http.get(PAGE).status_code, browser.http.post(PAGE).status_code] == [404, 404]


@pytest.mark.parametrize(
    ("issuer", "party"),
    [
        ("https://Record.Example", Party("record.example", "https://record.example")),
        ("https://record.example:443/phr", Party("record.example", "https://record.example")),
        ("https://record.example:8443", Party("record.example", "https://record.example:8443")),
        ("http://localhost:8080", Party("localhost", "http://localhost:8080")),
        ("http://record.example", None),
        ("http://127.0.0.1:8080", None),
        ("https://[::1]", None),
        ("https://10.0.0.1", None),
    ],
)
def test_party_is_the_installations_address(issuer: str, party: Party | None) -> None:
    assert party_of(issuer) == party


def test_login_by_passkey_makes_the_device_known_to_phone_codes(device: Device, phone: Phone) -> None:
    """The second proof at a device that the person has not used before."""
    cast = device.cast
    device.add()
    write(cast, cast.owner)
    cast.database[known_devices.DEVICES].delete_many({})
    before = phone.come_in()
    device.log_in()
    device.browser.send(device.browser.open(), step="leave")
    assert (before, phone.come_in(), PHONE) == (403, 303, PHONE)


def test_login_by_passkey_is_a_proof_for_joining(clinic: Clinic) -> None:
    code = clinic.invite(identity_number=None).json["code"]
    assert clinic.join(code, proof=clinic.cast.token(clinic.cast.owner, amr=("hwk", "user", "mfa"))).status_code == 200
