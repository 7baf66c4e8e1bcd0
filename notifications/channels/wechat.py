"""WeChat's subscribe message of a mini-program. It is a card on a lock screen: it says that there is something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifications import wechat
from notifications.channel import Message, NoneLeft, Unsent
from notifications.wechat import App
from phr.auth import wechat as login
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.notices import allowances

PATH = "/cgi-bin/message/subscribe/send"
ONCE, LASTING = "once", "lasting"


@dataclass(frozen=True, slots=True)
class Wechat:
    """``is_counted``: each message uses up one that the person has allowed."""

    database: Database
    app: App
    template: str
    fields: Mapping[str, str]
    is_counted: bool = True
    name: str = "wechat"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        database, person = self.database, message.person
        wechat.must_be_theirs(database, self.app, person, address["openid"])
        if self.is_counted and not allowances.take(database, person, self.template, message.at_ms):
            raise NoneLeft("none allowed")
        body = {
            "touser": address["openid"],
            "template_id": self.template,
            "data": wechat.data(self.fields, message, self.app),
            "miniprogram_state": "formal",
            "lang": "zh_CN",
        }
        try:
            wechat.post(database, self.app, PATH, body, message.at_ms)
        except NoneLeft:
            allowances.use_up(database, person, self.template)
            raise
        except Unsent:
            if self.is_counted:
                allowances.give_back(database, person, self.template)
            raise


def of(settings: Settings, database: Database) -> Wechat | None:
    """Raises SettingInvalid for the half of one."""
    mini = login.of(settings)
    if settings.wechat_template is None:
        return None
    if mini is None:
        raise SettingInvalid("PHR_WECHAT_TEMPLATE needs PHR_WECHAT_APPID and PHR_WECHAT_SECRET")
    if settings.wechat_subscription not in (ONCE, LASTING):
        raise SettingInvalid(f"PHR_WECHAT_SUBSCRIPTION is {ONCE} or {LASTING}")
    fields = wechat.fields(settings.wechat_template_fields, "PHR_WECHAT_TEMPLATE_FIELDS")
    app = App(mini.url, mini.appid, mini.secret)
    return Wechat(database, app, settings.wechat_template, fields, settings.wechat_subscription == ONCE)
