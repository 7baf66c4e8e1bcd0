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
from phr.notices import allowances, wechat_templates
from phr.notices.wechat_templates import Template, Templates

PATH = "/cgi-bin/message/subscribe/send"
ONCE, LASTING = "once", "lasting"


@dataclass(frozen=True, slots=True)
class Wechat:
    """``is_counted``: each message uses up one that the person has allowed of its template."""

    database: Database
    app: App
    templates: Templates
    is_counted: bool = True
    name: str = "wechat"

    def send(self, address: Mapping[str, str], message: Message) -> str | None:
        wechat.must_be_theirs(self.database, self.app, message.person, address["openid"])
        none_left = NoneLeft("none allowed")
        for template in self.templates.of_kind(message.kind):
            try:
                return self._send(template, address["openid"], message)
            except NoneLeft as error:
                none_left = error
        raise none_left

    def _send(self, template: Template, openid: str, message: Message) -> str | None:
        database, person = self.database, message.person
        if self.is_counted and not allowances.take(database, person, template.id, message.at_ms):
            raise NoneLeft("none allowed")
        body = {
            "touser": openid,
            "template_id": template.id,
            "data": wechat.data(template.fields, message, self.app),
            "miniprogram_state": "formal",
            "lang": "zh_CN",
        }
        try:
            return wechat.post(database, self.app, PATH, body, message.at_ms)
        except NoneLeft:
            allowances.use_up(database, person, template.id)
            raise
        except Unsent:
            if self.is_counted:
                allowances.give_back(database, person, template.id)
            raise


def of(settings: Settings, database: Database) -> Wechat | None:
    """Raises SettingInvalid for the half of one."""
    mini, templates = login.of(settings), wechat_templates.of(settings)
    if templates is None:
        return None
    if mini is None:
        raise SettingInvalid("PHR_WECHAT_TEMPLATE needs PHR_WECHAT_APPID and PHR_WECHAT_SECRET")
    if settings.wechat_subscription not in (ONCE, LASTING):
        raise SettingInvalid(f"PHR_WECHAT_SUBSCRIPTION is {ONCE} or {LASTING}")
    app = App(mini.url, mini.appid, mini.secret)
    return Wechat(database, app, templates, settings.wechat_subscription == ONCE)
