"""WeChat's two channels against a server that behaves as its documents say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from notifications import posting, wechat
from notifications.channel import AddressGone, Later, Message, NoneLeft, Refused, Unsent
from notifications.channels.wechat import PATH, Wechat
from notifications.channels.wechat_official import PATH as OFFICIAL_PATH
from notifications.channels.wechat_official import WechatOfficial
from notifications.wechat import App, data
from phr.database import Database
from phr.notices import allowances
from phr.notices.wechat_templates import Template, Templates, fields_of
from phr.people import openids, seals
from tests.cast import T0
from tests.notifications.standin import BAD_WAYS, GARBAGE, Standin, standing_in

TOKEN = "/cgi-bin/stable_token"
ADDRESS = {"appid": "wx1", "openid": "o-ana"}
HOUR_MS = 3_600_000
TEMPLATES = Templates(Template("tmpl-1", {"thing1": "words", "time2": "time"}))
OFFICIAL = Templates(Template("tmpl-2", {"thing1": "words"}))
MESSAGE = Message("a|n1", "ana", "account", 1, "您有一项健康提醒，请在应用中查看。", "You have one.", at_ms=T0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.3)
    with standing_in() as standin:
        standin.answers = {
            TOKEN: [(200, token("t1"))],
            PATH: [(200, {"errcode": 0})],
            OFFICIAL_PATH: [(200, {"errcode": 0})],
        }
        yield standin


@pytest.fixture
def channel(database: Database, server: Standin) -> Wechat:
    app = App(server.url, "wx1", "s3cret")
    sealed = seals.seal(database, "ana", openids.PLACE, ["wx1", "o-ana"])
    database[openids.LOGINS].insert_one(
        {"_id": b"l", "person": "ana", "kind": "wechat", "sealed": sealed, "made_at_ms": 0}
    )
    return Wechat(database, app, TEMPLATES)


def token(text: str, life_s: int = 7_200) -> dict[str, object]:
    return {"access_token": text, "expires_in": life_s}


def allow(database: Database, count: int, template: str = "tmpl-1") -> None:
    for _ in range(count):
        allowances.report(database, "ana", template, "accept", T0)


def left(database: Database) -> int:
    return allowances.of_person(database, "ana")[0].left


def test_message_is_sent_as_documented_and_uses_one_up(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 2)
    channel.send(ADDRESS, MESSAGE)
    (asked, sent) = server.asked
    assert asked.json == {
        "grant_type": "client_credential",
        "appid": "wx1",
        "secret": "s3cret",
        "force_refresh": False,
    }
    assert sent.path == f"{PATH}?access_token=t1"
    assert sent.json == {
        "touser": "o-ana",
        "template_id": "tmpl-1",
        "data": {"thing1": {"value": "您有一项健康提醒"}, "time2": {"value": "07:30"}},
        "miniprogram_state": "formal",
        "lang": "zh_CN",
    }
    assert left(channel.database) == 1


def test_token_is_shared_until_shortly_before_its_end(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 9)
    for at_ms in (T0, T0 + HOUR_MS, T0 + 2 * HOUR_MS - wechat.EARLY_MS - 1, T0 + 2 * HOUR_MS - wechat.EARLY_MS):
        channel.send(ADDRESS, replace(MESSAGE, at_ms=at_ms))
    assert server.paths().count(TOKEN) == 2
    assert "t1" not in str(list(channel.database[wechat.TOKENS].find()))


def test_two_processes_ask_for_one_token(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 9)
    ends: list[str] = []

    def send() -> None:
        try:
            channel.send(ADDRESS, MESSAGE)
            ends.append("sent")
        except Later:
            ends.append("later")

    threads = [threading.Thread(target=send) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert "sent" in ends
    assert (len(ends), left(channel.database)) == (4, 9 - ends.count("sent"))
    assert not any(one.json.get("force_refresh") for one in server.asked)


@pytest.mark.parametrize("number", [40001, 40014, 42001])
def test_bad_token_is_renewed_once_and_the_message_sent_again(channel: Wechat, server: Standin, number: int) -> None:
    allow(channel.database, 1)
    server.answers[TOKEN] = [(200, token("t1")), (200, token("t2"))]
    server.answers[PATH] = [(200, {"errcode": number}), (200, {"errcode": 0})]
    channel.send(ADDRESS, MESSAGE)
    assert [one.path.partition("=")[2] for one in server.asked if one.path.startswith(PATH)] == ["t1", "t2"]
    assert left(channel.database) == 0


def test_token_that_stays_bad_is_forced_anew_but_no_more_than_20_times_a_day(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 9)
    server.answers[PATH] = [(200, {"errcode": 40001})]
    for at_ms in (T0, T0 + 60_000, T0 + wechat.FORCE_EVERY_MS):
        with pytest.raises(Later):
            channel.send(ADDRESS, replace(MESSAGE, at_ms=at_ms))
    assert [one.json["force_refresh"] for one in server.asked if one.path == TOKEN].count(True) == 2
    assert left(channel.database) == 9


def test_login_that_has_left_the_record_is_told_nothing(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 2)
    channel.database[openids.LOGINS].update_one({"_id": b"l"}, {"$set": {"person": "ben"}})
    for one in (channel, WechatOfficial(channel.database, channel.app, OFFICIAL)):
        with pytest.raises(AddressGone):
            one.send(ADDRESS, MESSAGE)
    assert (server.asked, left(channel.database)) == ([], 2)


def test_none_left_is_not_even_asked(channel: Wechat, server: Standin) -> None:
    with pytest.raises(NoneLeft):
        channel.send(ADDRESS, MESSAGE)
    assert server.asked == []


def test_quota_that_wechat_says_is_used_up_is_used_up(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 5)
    server.answers[PATH] = [(200, {"errcode": 43101})]
    with pytest.raises(NoneLeft):
        channel.send(ADDRESS, MESSAGE)
    assert left(channel.database) == 0


def test_lasting_subscription_is_not_counted(channel: Wechat, server: Standin) -> None:
    replace(channel, is_counted=False).send(ADDRESS, MESSAGE)
    assert server.paths()[-1] == PATH


@pytest.mark.parametrize(
    ("number", "kind", "after_ms"),
    [
        (40003, AddressGone, None),
        (47003, Refused, None),
        (40037, Refused, None),
        (41030, Refused, None),
        (43107, Refused, None),
        (45168, Refused, None),
        (45009, Later, 59_400_000),  # T0 is 07:30 in China: 16.5 hours to the next day
        (45011, Later, 60_000),
        (43108, Later, None),
        (-1, Later, None),
        (99999, Later, None),
    ],
)
def test_errcodes_are_told_apart_and_give_back_what_was_not_used(
    channel: Wechat, server: Standin, number: int, kind: type[Unsent], after_ms: int | None
) -> None:
    allow(channel.database, 3)
    server.answers[PATH] = [(200, {"errcode": number, "errmsg": "x"})]
    with pytest.raises(Unsent) as found:
        channel.send(ADDRESS, MESSAGE)
    assert type(found.value) is kind
    assert getattr(found.value, "after_ms", None) == after_ms
    assert left(channel.database) == 3


@pytest.mark.parametrize("path", [TOKEN, PATH])
@pytest.mark.parametrize(
    "way", [*BAD_WAYS, (500, {}), (200, {}), (200, []), (200, {"access_token": 5, "expires_in": 1})]
)
def test_server_that_hangs_or_speaks_nonsense_is_asked_later(
    channel: Wechat, server: Standin, path: str, way: str | tuple[int, object]
) -> None:
    allow(channel.database, 3)
    server.answers[path] = [way]
    with pytest.raises(Later) as found:
        channel.send(ADDRESS, MESSAGE)
    assert "s3cret" not in str(found.value)
    assert "t1" not in found.value.detail
    assert left(channel.database) == 3


def test_token_can_be_had_again_after_garbage(channel: Wechat, server: Standin) -> None:
    allow(channel.database, 3)
    server.answers[TOKEN] = [GARBAGE, (200, token("t2"))]
    with pytest.raises(Later):
        channel.send(ADDRESS, MESSAGE)
    channel.send(ADDRESS, MESSAGE)


def test_official_account_sends_its_template(channel: Wechat, server: Standin) -> None:
    official = WechatOfficial(channel.database, channel.app, OFFICIAL)
    official.send(ADDRESS, replace(MESSAGE, urgency=4))
    assert server.asked[-1].json == {
        "touser": "o-ana",
        "template_id": "tmpl-2",
        "data": {"thing1": {"value": "请马上打开应用查看"}},
    }


def test_fields_of_a_template_keep_to_their_limits(channel: Wechat) -> None:
    wanted = fields_of("thing1=words, phrase2=words,name3=words,time4=time,date5=time", "X")
    for urgency in range(5):
        filled = data(wanted, replace(MESSAGE, urgency=urgency, zh="长" * 99), channel.app)
        assert [len(filled[key]["value"]) <= most for key, most in (("thing1", 20), ("phrase2", 5), ("name3", 10))] == [
            True
        ] * 3
        assert (filled["time4"]["value"], filled["date5"]["value"]) == ("07:30", "2026年11月23日")


def test_kind_is_told_by_its_own_template_and_by_the_general_one_when_that_has_none_left(
    channel: Wechat, server: Standin
) -> None:
    own = Template("tmpl-r", {"phrase3": "words"})
    several = replace(channel, templates=Templates(TEMPLATES.general, {"reminder": own}))
    allow(channel.database, 2)
    allow(channel.database, 1, "tmpl-r")
    for kind in ("reminder", "account", "reminder"):
        several.send(ADDRESS, replace(MESSAGE, kind=kind))
    sent = [one.json for one in server.asked if one.path.startswith(PATH)]
    assert [one["template_id"] for one in sent] == ["tmpl-r", "tmpl-1", "tmpl-1"]
    assert sent[0]["data"] == {"phrase3": {"value": "健康提醒"}}
    with pytest.raises(NoneLeft):
        several.send(ADDRESS, replace(MESSAGE, kind="reminder"))


def test_own_template_that_wechat_says_is_used_up_leaves_the_general_one(channel: Wechat, server: Standin) -> None:
    several = replace(channel, templates=Templates(TEMPLATES.general, {"alert": Template("tmpl-a", {})}))
    allow(channel.database, 1)
    allow(channel.database, 3, "tmpl-a")
    server.answers[PATH] = [(200, {"errcode": 43101}), (200, {"errcode": 0})]
    several.send(ADDRESS, replace(MESSAGE, kind="alert"))
    assert [one.left for one in allowances.of_person(channel.database, "ana")] == [0, 0]


def test_official_account_has_a_template_for_a_kind(channel: Wechat, server: Standin) -> None:
    templates = Templates(Template("tmpl-2", {}), {"lesson": Template("tmpl-l", {})})
    official = WechatOfficial(channel.database, channel.app, templates)
    for kind in ("lesson", "digest"):
        official.send(ADDRESS, replace(MESSAGE, kind=kind))
    asked = [one.json["template_id"] for one in server.asked if one.path.startswith(OFFICIAL_PATH)]
    assert asked == ["tmpl-l", "tmpl-2"]
