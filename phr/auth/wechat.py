"""What WeChat's server is asked: who is behind a code that ``wx.login``, or its page for official accounts, gave.

Source: developers.weixin.qq.com, code2Session and "web page authorization" of official accounts. The session key or the
tokens in an answer go no further than ``who``: nothing here needs them, so they are neither kept nor handed on.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

from phr.auth import outgoing
from phr.config import Settings
from phr.errors import PhrError, ServerUnavailable, SettingInvalid, TooManyTries
from phr.people.openids import OpenId

LOG = logging.getLogger(__name__)
LARGEST_ANSWER_BYTES = 16_384
INVALID, USED, TOO_OFTEN, BLOCKED = 40029, 40163, 45011, 40226
BUSY = -1
A_MINUTE_S = 60  # over which WeChat counts
_CODE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_OPENID = re.compile(r"[A-Za-z0-9_-]{6,64}")
WEB_SCOPES = ("snsapi_userinfo", "snsapi_base")


class CodeRefused(PhrError):
    """Nobody is behind the code, or nobody any more; ``wx.login`` gives another."""

    code = "wechat-code-refused"
    status = 400


@dataclass(frozen=True, slots=True)
class Wechat:
    """A mini-program of the installation, and the server that knows its people."""

    url: str
    appid: str
    secret: str = field(repr=False)

    def who(self, code: str) -> OpenId:
        """Who the code stands for. Raises CodeRefused, TooManyTries, ServerUnavailable (for bad settings too)."""
        if not _CODE.fullmatch(code):
            raise CodeRefused("the code is none that wx.login gives")
        asked = {"appid": self.appid, "secret": self.secret, "js_code": code, "grant_type": "authorization_code"}
        return _openid(self.appid, _asked(f"{self.url}/sns/jscode2session", asked))


@dataclass(frozen=True, slots=True)
class WechatWeb:
    """An official account of the installation: WeChat asks its user at a page of its own and sends them back."""

    url: str
    page_url: str
    appid: str
    secret: str = field(repr=False)
    scope: str = WEB_SCOPES[0]

    def address(self, back_to: str, state: str) -> str:
        """Where a browser in WeChat is sent; it comes back with ``code`` and ``state``."""
        asked = {
            "appid": self.appid,
            "redirect_uri": back_to,
            "response_type": "code",
            "scope": self.scope,
            "state": state,
        }  # in this order: WeChat's own clients look at the text
        return f"{self.page_url}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"

    def who(self, code: str) -> OpenId:
        """As ``Wechat.who``; the tokens in the answer are not kept."""
        if not _CODE.fullmatch(code):
            raise CodeRefused("the code is none that WeChat gives")
        asked = {"appid": self.appid, "secret": self.secret, "code": code, "grant_type": "authorization_code"}
        return _openid(self.appid, _asked(f"{self.url}/sns/oauth2/access_token", asked))


def of(settings: Settings) -> Wechat | None:
    """The one that the settings name, None where they name none. Raises SettingInvalid for a half of one."""
    if settings.wechat_appid is None and settings.wechat_secret is None:
        return None
    if not settings.wechat_appid or not settings.wechat_secret:
        raise SettingInvalid("PHR_WECHAT_APPID and PHR_WECHAT_SECRET go together; set both or none")
    if not outgoing.is_safe(settings.wechat_url):  # the secret stands in each address
        raise SettingInvalid("PHR_WECHAT_URL begins with https://")
    return Wechat(settings.wechat_url.rstrip("/"), settings.wechat_appid, settings.wechat_secret)


def web_of(settings: Settings) -> WechatWeb | None:
    """As ``of``, for the official account."""
    appid, secret, scope = settings.wechat_web_appid, settings.wechat_web_secret, settings.wechat_web_scope
    if appid is None and secret is None:
        return None
    if not appid or not secret:
        raise SettingInvalid("PHR_WECHAT_WEB_APPID and PHR_WECHAT_WEB_SECRET go together; set both or none")
    if not outgoing.is_safe(settings.wechat_url) or not outgoing.is_safe(settings.wechat_page_url):
        raise SettingInvalid("PHR_WECHAT_URL and PHR_WECHAT_PAGE_URL begin with https://")
    if scope not in WEB_SCOPES:
        raise SettingInvalid(f"PHR_WECHAT_WEB_SCOPE is one of {', '.join(WEB_SCOPES)}")
    return WechatWeb(settings.wechat_url.rstrip("/"), settings.wechat_page_url.rstrip("/"), appid, secret, scope)


def _openid(appid: str, answer: dict[str, Any]) -> OpenId:
    number = answer.get("errcode", 0)
    if number != 0:
        raise _fault(number)
    openid, unionid = answer.get("openid"), answer.get("unionid")
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        raise _unavailable("without an openid")
    is_known = isinstance(unionid, str) and _OPENID.fullmatch(unionid)
    return OpenId(appid, openid, unionid if is_known else None)


def _asked(url: str, asked: dict[str, str]) -> dict[str, Any]:
    """The JSON of an answer. No error that is raised holds the address, since the secret is in it."""
    try:
        answer = outgoing.pool().request("GET", url, fields=asked, preload_content=False)
        body = answer.read(LARGEST_ANSWER_BYTES + 1, decode_content=True)
        if len(body) > LARGEST_ANSWER_BYTES:
            answer.close()  # what is left of it must not begin the next answer
            raise ValueError("too long")
        answer.release_conn()
        found = json.loads(body)
    except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
        raise _unavailable(type(error).__name__) from None
    if answer.status != 200 or not isinstance(found, dict):
        raise _unavailable(f"with status {answer.status}")
    return found


def _fault(number: Any) -> PhrError:
    if number in (INVALID, USED):
        return CodeRefused("the code was used before" if number == USED else "the code is not valid, or no longer")
    if number == BLOCKED:
        return CodeRefused("WeChat has blocked this user as a high risk")
    if number == TOO_OFTEN:
        return TooManyTries("this user has logged in too often in a minute", A_MINUTE_S)
    return _unavailable("busy" if number == BUSY else f"errcode {number!r:.20}")


def _unavailable(how: str) -> ServerUnavailable:
    LOG.warning("WeChat answered a login: %s", how)
    return ServerUnavailable("WeChat can't say now who this is")
