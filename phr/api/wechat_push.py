"""Where WeChat tells what became of subscribe messages; its server proves itself by its signature."""

from __future__ import annotations

from flask import Blueprint, Response, request

from phr.api.deciding import speaks
from phr.api.installation import database, installation
from phr.auth import wechat_push
from phr.auth.wechat_push import Doorkeeper, PushRefused
from phr.clock import now_ms
from phr.errors import NotFound
from phr.notices import wechat_events

blueprint = Blueprint("wechat_push", __name__)

TAKEN = "success"  # what WeChat wants to hear; anything else makes it try again
LONGEST_ECHO = 128


@blueprint.get("/v1/wechat/push")
@speaks(gives="text/plain")
def confirm_address() -> Response:
    """WeChat asks once, when the address is entered at its console: what it sends comes back."""
    _keeper().check(request.args.to_dict(), now_ms() // 1000)
    echo = request.args.get("echostr", "")
    if not echo.isascii() or not echo.isalnum() or len(echo) > LONGEST_ECHO:
        raise PushRefused("there is nothing to echo")
    return Response(echo, content_type="text/plain; charset=utf-8")


@blueprint.post("/v1/wechat/push")
@speaks("*/*", "text/plain")
def take_event() -> Response:
    keeper, now = _keeper(), now_ms()
    event = keeper.opened(request.args.to_dict(), request.get_data(), now // 1000)
    wechat_events.hear(database(), keeper.appid, event, now)
    return Response(TAKEN, content_type="text/plain; charset=utf-8")


def _keeper() -> Doorkeeper:
    settings = installation().settings
    found = wechat_push.doorkeeper(settings.wechat_appid, settings.wechat_push_token, settings.wechat_push_key)
    if found is None:
        raise NotFound("no pushes are taken here: PHR_WECHAT_PUSH_TOKEN is not set")
    return found
