"""WeChat's template message of an official account, to who follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from notifications import wechat
from notifications.channel import Message
from notifications.wechat import App
from phr.auth import outgoing
from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid

PATH = "/cgi-bin/message/template/send"


@dataclass(frozen=True, slots=True)
class WechatOfficial:
    database: Database
    app: App
    template: str
    fields: Mapping[str, str]
    name: str = "wechat-official"

    def send(self, address: Mapping[str, str], message: Message) -> None:
        body = {
            "touser": address["openid"],
            "template_id": self.template,
            "data": wechat.data(self.fields, message, self.app),
        }
        wechat.post(self.database, self.app, PATH, body, message.at_ms)


def of(settings: Settings, database: Database) -> WechatOfficial | None:
    """Raises SettingInvalid for the half of one."""
    named = (settings.official_appid, settings.official_secret, settings.official_template)
    if not any(named):
        return None
    appid, secret, template = named
    if not appid or not secret or not template:
        raise SettingInvalid("PHR_OFFICIAL_APPID, _SECRET and _TEMPLATE go together; set all or none")
    if not outgoing.is_safe(settings.wechat_url):
        raise SettingInvalid("PHR_WECHAT_URL begins with https://")
    fields = wechat.fields(settings.official_template_fields, "PHR_OFFICIAL_TEMPLATE_FIELDS")
    return WechatOfficial(database, App(settings.wechat_url.rstrip("/"), appid, secret), template, fields)
