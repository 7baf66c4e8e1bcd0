"""The operator's commands: what they print and what they leave behind."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from ingest import broker
from ingest.credentials import all_entries
from ops import admin
from phr.api.application import create
from phr.clock import now_ms, rfc3339
from phr.config import Settings
from phr.database import Database
from phr.feed import feed
from phr.intake import devices
from phr.notices import outbox
from phr.people import access, grants, guardians, logins, people, second_factors
from phr.people.people import NewPerson

Admin = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def home(settings: Settings, database: Database, mongod: str) -> Settings:
    return replace(settings, mongodb_uri=mongod, mongodb_database=database.name)


@pytest.fixture
def run(home: Settings, capsys: pytest.CaptureFixture[str]) -> Admin:
    """Runs a command: exit status, what it printed as JSON, what it said on standard error."""

    def run_one(*argv: str) -> tuple[int, Any, str]:
        try:
            status = admin.main(list(argv), home)
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return status, json.loads(said.out) if said.out else None, said.err

    return run_one


def test_person_is_created_with_what_is_known(run: Admin, database: Database) -> None:
    known = ("--name", "王芳", "--birth-date", "1958-03-01", "--sex", "female", "--timezone", "Asia/Urumqi")
    _, printed, _ = run("person", "create", *known)
    person = people.require(database, printed["person_id"])
    assert (person.name, str(person.birth_on), person.zone_at(0)) == ("王芳", "1958-03-01", "Asia/Urumqi")
    assert set(printed) == {"person_id"}


def test_doctor_can_log_in(run: Admin, database: Database) -> None:
    _, printed, _ = run("doctor", "create", "--name", "李医生", "--organisation", "社区中心")
    assert logins.verify(database, printed["login"], printed["password"]) == printed["person_id"]
    assert second_factors.use(database, printed["person_id"], printed["second_factor"]["recovery_codes"][0], 0)


def test_lost_second_factor_is_replaced(run: Admin, database: Database) -> None:
    _, doctor, _ = run("doctor", "create", "--name", "李医生", "--organisation", "社区中心")
    _, made, _ = run("second-factor", "create", "--person", doctor["person_id"])
    codes = doctor["second_factor"]["recovery_codes"][0], made["recovery_codes"][0]
    assert [second_factors.use(database, doctor["person_id"], one, 0) for one in codes] == [None, "recovery"]


def test_token_for_a_demo_person_opens_the_record_and_is_told_to_the_owner(
    run: Admin, database: Database, home: Settings
) -> None:
    person = run("person", "create", "--demo")[1]["person_id"]
    _, printed, _ = run("token", "--person", person, "--reason", "first look")
    headers = {"Authorization": f"Bearer {printed['access_token']}"}
    answer = create(home, database).test_client().get("/v1/people/me", headers=headers)
    assert (answer.json["id"], printed["expires_in"]) == (person, 900)
    assert [line.act for line in access.log_of(database, person, 10)] == ["tester", "tester"]
    assert "first look" in outbox.pending(database, person, 1)[0].message_en


def test_token_ends_with_the_support_grant(run: Admin, database: Database, home: Settings) -> None:
    person = run("person", "create", "--demo")[1]["person_id"]
    token = run("token", "--person", person, "--reason", "x")[1]["access_token"]
    grant = grants.live(database, person, grants.SUPPORT, 2**62)[0]
    grants.revoke(database, grant.id, 0)
    headers = {"Authorization": f"Bearer {token}"}
    assert create(home, database).test_client().get("/v1/people/me", headers=headers).status_code == 403


def test_token_needs_the_persons_support_grant_and_the_try_is_logged(run: Admin, database: Database) -> None:
    person = run("person", "create")[1]["person_id"]
    status, printed, said = run("token", "--person", person, "--reason", "curious")
    assert (status, printed, "support grant" in said) == (1, None, True)
    assert access.log_of(database, person, 1)[0].outcome == "refused"


@pytest.mark.parametrize(
    "wish",
    [("--ttl", "0"), ("--ttl", "901"), ("--scope", "everything"), ("--reason", " "), ("--ttl", "soon")],
    ids=" ".join,
)
def test_token_wish_beyond_its_bounds_is_refused(run: Admin, wish: tuple[str, str]) -> None:
    person = run("person", "create", "--demo")[1]["person_id"]
    status, printed, said = run("token", "--person", person, "--reason", "x", *wish)
    assert (status, printed, said == "") == (1, None, False)


@pytest.mark.parametrize("ttl", ["1", "900"])
def test_token_lives_as_long_as_asked(run: Admin, ttl: str) -> None:
    person = run("person", "create", "--demo")[1]["person_id"]
    assert run("token", "--person", person, "--reason", "x", "--ttl", ttl)[1]["expires_in"] == int(ttl)


def test_vendor_gets_a_client_and_an_mqtt_login(run: Admin, database: Database, home: Settings) -> None:
    _, printed, _ = run("vendor", "create", "acme")
    basic = (printed["client_id"], printed["client_secret"])
    http = create(home, database).test_client()
    token = http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=basic).json["access_token"]
    answer = http.get("/v1/vendor/devices", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert (printed["vendor"], printed["mqtt_username"]) == ("acme", "acme")
    assert "acme" in all_entries(database)


def test_device_is_bound_and_has_an_mqtt_login(run: Admin, database: Database) -> None:
    person = run("person", "create")[1]["person_id"]
    run("vendor", "create", "acme")
    _, printed, _ = run("device", "create", "acme", "AA:BB", "--person", person, "--slot", "A", "--format", "phr-v1")
    assert set(printed) == {"device", "mqtt_username", "mqtt_password", "claim_code"}
    assert printed["mqtt_username"] == broker.mqtt_username("acme", "AA:BB")
    device = devices.find(database, "acme/AA:BB")
    assert device is not None
    assert (device.owner_at("A", 0), device.owner_at("", 0), device.format) == (person, None, "phr-v1")


def test_binding_ends_and_begins_at_its_instants(run: Admin, database: Database) -> None:
    one, other = (run("person", "create")[1]["person_id"] for _ in range(2))
    run("vendor", "create", "acme")
    run("device", "create", "acme", "cuff", "--person", one)
    run("binding", "end", "acme", "cuff", "--at", "2026-01-01T00:00:00+08:00")
    run("binding", "begin", "acme", "cuff", "--person", other, "--at", "2026-01-02T00:00:00+08:00")
    device = devices.find(database, "acme/cuff")
    assert device is not None
    assert [device.owner_at("", t) for t in (1767196799999, 1767196800000, 1767283200000)] == [one, None, other]


def test_zone_is_kept_with_its_date(run: Admin, database: Database) -> None:
    person = run("person", "create", "--timezone", "Asia/Shanghai")[1]["person_id"]
    run("zone", "set", person, "Europe/Berlin", "--since", "1970-01-02T00:00:00Z")
    assert people.require(database, person).zone_at(86_400_000) == "Europe/Berlin"


def test_client_gets_its_secret(run: Admin) -> None:
    grant = ("--grant", "client_credentials", "--scope", "vendor.read")
    assert set(run("client", "create", "--name", "x", *grant)[1]) == {"client_id", "client_secret"}


@pytest.mark.parametrize(
    ("options", "printed"),
    [((), {"client_id", "client_secret"}), (("--public",), {"client_id"})],
    ids=["kept", "public"],
)
def test_app_gets_a_secret_unless_it_can_keep_none(run: Admin, options: tuple[str, ...], printed: set[str]) -> None:
    grants_of_it = ("--grant", "authorization_code", "--grant", "refresh_token")
    place = ("--redirect-uri", "https://app.example/cb")
    scope = ("--scope", "readings.read offline_access")
    assert set(run("client", "create", "--name", "x", *grants_of_it, *place, *scope, *options)[1]) == printed


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--grant", "authorization_code", "--scope", "readings.read"), "redirect"),
        (("--grant", "client_credentials", "--scope", "readings.read"), "scopes"),
        (("--grant", "authorization_code", "--redirect-uri", "https://a.example/", "--scope", "vendor.read"), "scopes"),
        (("--grant", "authorization_code", "--grant", "client_credentials", "--scope", "readings.read"), "or else"),
        (
            ("--grant", "client_credentials", "--redirect-uri", "https://a.example/", "--scope", "vendor.read"),
            "redirect",
        ),
        (("--grant", "client_credentials", "--public", "--scope", "vendor.read"), "public"),
        (("--grant", "refresh_token", "--scope", "readings.read"), "client_credentials"),
        (("--grant", "implicit", "--scope", "readings.read"), "implicit"),
    ],
)
def test_client_that_can_not_be_is_refused(run: Admin, options: tuple[str, ...], named: str) -> None:
    status, _, error = run("client", "create", "--name", "x", *options)
    assert status == 1
    assert named in error


def test_client_that_signs_gets_none(run: Admin, tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}))
    grant = ("--grant", "client_credentials", "--scope", "vendor.read", "--jwks", str(keys))
    assert set(run("client", "create", "--name", "x", *grant)[1]) == {"client_id"}


@pytest.mark.parametrize(
    "argv",
    [
        ("nonsense",),
        ("person",),
        ("person", "create", "--birth-date", "1958-02-30"),
        ("person", "create", "--timezone", "Mars/Base"),
        ("vendor", "create", "Acme"),
        ("vendor", "create", broker.SERVER_USER),
        ("device", "create", "nobody", "cuff"),
        ("token", "--person", "a" * 20, "--reason", "x"),
        ("zone", "set", "a" * 20, "Asia/Tokyo"),
        ("zone", "set", "a" * 20, "Asia/Tokyo", "--since", "yesterday"),
        ("binding", "end", "acme", "cuff"),
        ("client", "create", "--name", "x", "--grant", "password", "--scope", "vendor.read"),
        ("client", "create", "--name", "x", "--grant", "client_credentials", "--scope", "everything"),
    ],
    ids=" ".join,
)
def test_error_is_one_sentence_on_standard_error(run: Admin, argv: tuple[str, ...]) -> None:
    status, printed, said = run(*argv)
    assert (status, printed) == (1, None)
    assert said.count("\n") == 1
    assert "Traceback" not in said


def test_unknown_format_is_refused_before_anything_is_made(run: Admin, database: Database) -> None:
    run("vendor", "create", "acme")
    status, _, said = run("device", "create", "acme", "cuff", "--format", "nonsense")
    assert (status, "phr-v1" in said, devices.find(database, "acme/cuff")) == (1, True, None)


def test_without_an_installation_the_operator_is_told_what_to_do(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert admin.main(["person", "create"], settings) == 1
    assert "make run" in capsys.readouterr().err


@pytest.mark.parametrize(("birth_date", "status"), [("2022-03-01", 0), ("1958-03-01", 1), (None, 1)])
def test_guardian_is_given_for_a_child_alone(
    run: Admin, database: Database, birth_date: str | None, status: int
) -> None:
    child = run("person", "create", *(("--birth-date", birth_date) if birth_date else ()))[1]["person_id"]
    guardian = run("person", "create")[1]["person_id"]
    assert run("guardian", "create", child, guardian, "--reason", "household register")[0] == status
    live = grants.live(database, child, guardian, now_ms())
    assert [one.covers("write", [grants.OWNERS_ALONE]) for one in live] == [True] * (1 - status)


@pytest.mark.parametrize(
    ("birth_on", "until"), [(date(2020, 2, 29), "2034-02-28T16:00:00Z"), (date(2020, 6, 1), "2034-05-31T16:00:00Z")]
)
def test_guardian_ends_on_the_fourteenth_birthday_at_home(database: Database, birth_on: date, until: str) -> None:
    child = people.create(database, NewPerson(zone="Asia/Shanghai", birth_on=birth_on))
    assert rfc3339(guardians.birthday_ms(child, 14) or 0) == until


def test_restarted_feed_lets_phones_begin_anew(run: Admin, database: Database) -> None:
    before = feed.epoch(database)
    assert run("feed", "restart")[1]["epoch"] == feed.epoch(database) != before
