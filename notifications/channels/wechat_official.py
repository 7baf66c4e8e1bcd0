"""WeChat's template message of an official account, to who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifications import wechat
from notifications.channel import Message
from notifications.wechat import App
from phr.auth import wechat as login
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.notices import wechat_templates
from phr.notices.wechat_templates import Templates

PATH = "/cgi-bin/message/template/send"


@dataclass(frozen=True, slots=True)
class WechatOfficial:
    database: Database
    app: App
    templates: Templates
    name: str = "wechat-official"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        wechat.must_be_theirs(self.database, self.app, message.person, address["openid"])
        template = self.templates.of_kind(message.kind)[0]
        body = {
            "touser": address["openid"],
            "template_id": template.id,
            "data": wechat.data(template.fields, message, self.app),
        }
        wechat.post(self.database, self.app, PATH, body, message.at_ms)


def of(settings: Settings, database: Database) -> WechatOfficial | None:
    """Raises SettingInvalid for the half of one."""
    account, templates = login.web_of(settings), wechat_templates.web_of(settings)
    if templates is None:
        return None
    if account is None:
        raise SettingInvalid("PHR_WECHAT_WEB_TEMPLATE needs PHR_WECHAT_WEB_APPID and PHR_WECHAT_WEB_SECRET")
    app = App(account.url, account.appid, account.secret)
    return WechatOfficial(database, app, templates)
