"""The mini-program's client does its work against a running installation, and its types are those of real answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import administration
from phr.auth.clients import WECHAT_CODE, NewClient
from phr.clock import now_ms, rfc3339
from phr.intake.devices import NewDevice
from phr.reminders import schedules
from phr.reminders.schedule import Schedule
from tests.clients.describing import CLIENT, operations
from tests.clients.phone import Phone, Step, exported, node
from tests.real.installation import VENDOR, Installation, installed
from tests.security.wechat import APPID, SECRET, StandIn, served

TEMPLATE = "tmpl-1"
ME = {"person": "me"}
HIGH = {"systolic": 185, "diastolic": 125}


@pytest.fixture(scope="module")
def wechat() -> Iterator[StandIn]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, wechat: StandIn) -> Iterator[Installation]:
    settings = {"wechat_url": wechat.url, "wechat_appid": APPID, "wechat_secret": SECRET, "wechat_template": TEMPLATE}
    with installed(tmp_path_factory.mktemp("miniprogram"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(house: Installation, built: None) -> str:
    """As the README says to register one, with the scopes that the program asks for."""
    scopes = exported("settings", "settings.scopes")
    draft = NewClient(name="Mini-program", scope=scopes, grant_types=[WECHAT_CODE], is_public=True)
    made: str = administration.create_client(house.operator, draft)["client_id"]
    return made


@pytest.fixture
def phone(house: Installation, wechat: StandIn, client: str) -> Phone:
    return Phone(house, wechat, client, f"o-{secrets.token_hex(6)}")


def test_one_silent_login_opens_a_new_record_for_all_that_the_program_asks(phone: Phone) -> None:
    overview, devices = phone.answers(ask("GET", "overview"), ask("GET", "devices"))
    assert overview == {"latest": [], "attention": [], "due": []}
    assert devices == {"devices": []}
    assert phone.last["logins"] == 1


def test_reading_that_waited_for_a_network_is_stored_once(phone: Phone) -> None:
    one = weight("w1")
    came = phone.answers(["network", False], ["keep", one], ["send"], ["list"], ["network", True], ["send"], ["list"])
    assert came[2][0]["problem"]["code"] == "unreachable"
    assert came[3] == [one]
    assert (came[5][0]["verdict"]["stored"], came[6]) == (1, [])
    assert phone.last["stored"] == 0
    (again,) = phone.answers(["keep", one], ["send"])[1]
    assert again["verdict"]["stored"] + again["verdict"]["duplicate"] == 1
    assert len(phone.house.operator.database["readings"].distinct("_id", {"_id": {"$regex": phone.person()}})) == 1


def test_what_can_not_be_measured_is_refused_with_its_reason_and_not_kept(phone: Phone) -> None:
    came = phone.answers(["keep", {**weight("w1"), "value": 900}], ["send"], ["list"])
    assert [one["code"] for one in came[1][0]["verdict"]["rejected"]] == ["value-out-of-bounds"]
    assert came[2] == []


def test_tap_that_wechat_was_allowed_at_stands_in_the_ledger(phone: Phone) -> None:
    told, found = phone.answers(["tap", {TEMPLATE: "accept"}], ask("GET", "wechat-allowances"))
    assert told == "accepted"
    assert [(one["template"], one["left"]) for one in found["allowances"]] == [(TEMPLATE, 1)]


def test_medicine_that_was_taken_is_done_and_stands_in_the_record(phone: Phone) -> None:
    reminded(phone)
    (overview,) = phone.answers(ask("GET", "overview"))
    due = overview["due"][0]  # around noon there are two
    word, again, after = phone.answers(taken(due), taken(due), ask("GET", "overview"))
    assert (word["occurrence"]["state"], word["already"]) == ("done", False)
    assert again["already"] is True
    assert due["at"] not in [one["at"] for one in after["due"]]
    entries = phone.house.operator.database["entries"].find({"person": phone.person(), "kind": "intake"})
    assert len(list(entries)) == 1


def test_device_is_claimed_by_what_its_picture_says(phone: Phone) -> None:
    device, code = new_device(phone.house)
    claim: Step = ["ask", "POST /v1/devices/claim", {"body": {"device": device, "code": code}}]
    (early,) = phone.does(claim)
    assert early["problem"]["code"] == "reading-missing"
    measured(phone.house, device)
    claimed, devices = phone.answers(claim, ask("GET", "devices"))
    assert claimed["device"] == device
    assert [(one["device"], one["state"]) for one in devices["devices"]] == [(device, "bound")]


def test_problem_of_the_api_arrives_with_its_code_and_its_field(phone: Phone) -> None:
    (came,) = phone.does(["ask", "POST /v1/devices/claim", {"body": {"device": "nonsense", "code": "A"}}])
    assert came["problem"]["code"] == "input-invalid"
    assert [one["pointer"] for one in came["problem"]["faults"]] == ["/device"]


def test_client_that_nobody_registered_is_told_so(phone: Phone) -> None:
    phone.client = "c-0000000000000000"
    (came,) = phone.does(ask("GET", "overview"))
    assert came["problem"]["code"] == "invalid_client"


def test_every_answer_is_of_the_type_that_the_client_takes_it_for(phone: Phone, tmp_path: Path) -> None:
    """The compiler reads what a real API answers, in a record that has something of everything."""
    reminded(phone)
    device, code = new_device(phone.house)
    measured(phone.house, device)
    claim: Step = ["ask", "POST /v1/devices/claim", {"body": {"device": device, "code": code}}]
    slug = phone.answers(article(), claim)[0]["articles"][0]["slug"]
    measured(phone.house, device)
    (overview, notices) = phone.answers(ask("GET", "overview"), ask("GET", "notices", query={"limit": 5}))
    assert overview["attention"]
    assert overview["latest"][0]["meaning"]
    assert notices["notices"]
    steps = [
        *(ask("GET", one) for one in ("overview", "reminders", "devices", "wechat-allowances")),
        ask("GET", "notices", query={"limit": 5}),
        ask("POST", "notices/read", body={"ids": [one["id"] for one in notices["notices"]]}),
        ask("POST", "wechat-allowances", body={"template": TEMPLATE, "result": "accept"}),
        article(),
        ["ask", "GET /v1/education/articles/{slug}", {"places": {"slug": slug}, "query": {"language": "zh"}}],
        ask("POST", "lessons/{lesson}/read", places={"lesson": slug}),
        answered(phone, slug),
        ask("GET", "lessons", query={"language": "zh"}),
        ask("GET", "lessons/suggested", query={"language": "zh"}),
        ["ask", "POST /v1/people/{person}/readings", {"places": ME, "body": {"readings": [weight("w9")]}}],
        taken(overview["due"][0]),
    ]
    found = {step[1]: answer for step, answer in zip(steps, phone.answers(*steps), strict=True)}
    other_device, other_code = new_device(phone.house)
    measured(phone.house, other_device)
    claim = ["ask", "POST /v1/devices/claim", {"body": {"device": other_device, "code": other_code}}]
    found[claim[1]] = phone.answers(claim)[0]
    assert set(found) == set(operations())
    compiles(tmp_path, found)


def compiles(directory: Path, found: dict[str, Any]) -> None:
    lines = [f'import {{ Answers }} from "{CLIENT}/miniprogram/api/answers";']
    for number, (name, answer) in enumerate(found.items()):
        lines.append(f"const given{number} = {json.dumps(answer, ensure_ascii=False)} as const;")
        lines.append(f"export const taken{number}: Answers[{json.dumps(name)}] = given{number};")
    (directory / "answers.ts").write_text("\n".join(lines), encoding="utf-8")
    options = {"types": [], "rootDir": "/"}
    project = {"extends": f"{CLIENT}/tsconfig.json", "compilerOptions": options, "include": ["answers.ts"]}
    (directory / "tsconfig.json").write_text(json.dumps(project), encoding="utf-8")
    node("npx", "--no-install", "tsc", "--project", str(directory))


def ask(method: str, what: str, **given: Any) -> Step:
    """An operation on one's own record."""
    places = {**ME, **given.pop("places", {})}
    return ["ask", f"{method} /v1/people/{{person}}/{what}", {"places": places, **given}]


def article() -> Step:
    return ["ask", "GET /v1/education/articles", {"query": {"language": "zh"}}]


def answered(phone: Phone, slug: str) -> Step:
    (one,) = phone.answers(
        ["ask", "GET /v1/education/articles/{slug}", {"places": {"slug": slug}, "query": {"language": "zh"}}]
    )
    body = {"id": "a1", "answers": [0] * len(one["quiz"]), "language": "zh"}
    return ask("POST", "lessons/{lesson}/answers", places={"lesson": slug}, body=body)


def taken(due: dict[str, Any]) -> Step:
    places = {"reminder": due["reminder"], "at": due["at"]}
    return ask("POST", "reminders/{reminder}/occurrences/{at}/done", places=places, body={"intake": {}})


def weight(name: str) -> dict[str, Any]:
    return {"id": name, "metric": "weight", "t": rfc3339(now_ms() // 1000 * 1000, 480), "unit": "kg", "value": 61.5}


def reminded(phone: Phone) -> None:
    """A medicine at noon each day: the next is always less than a day away."""
    phone.answers(ask("GET", "overview"))
    person, yesterday = phone.person(), (datetime.now(UTC) - timedelta(days=1)).date()
    when = {"rrule": "FREQ=DAILY", "starts_on": yesterday, "times": ("12:00",)}
    one = Schedule(key=f"k:{person}", person=person, kind="medication", text="二甲双胍", **when)
    schedules.create(phone.house.operator.database, one, now_ms(), person)


def new_device(house: Installation) -> tuple[str, str]:
    """A device of nobody, and the code on its box."""
    name = f"c-{secrets.token_hex(4)}"
    made = administration.create_device(house.operator, NewDevice(vendor=VENDOR, name=name, format="phr-v1"))
    return str(made["device"]), str(made["claim_code"])


def measured(house: Installation, device: str) -> None:
    reading = {"metric": "blood-pressure", "t": now_ms(), "unit": "mm[Hg]", "value": HIGH}
    payload = json.dumps({"id": f"m-{secrets.token_hex(4)}", "readings": [reading]})
    house.gateway.send(
        device.partition("/")[2], payload.encode(), "application/vnd.phr.readings+json", json.loads(payload)["id"]
    )
