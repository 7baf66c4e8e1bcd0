"""The grant of a WeChat mini-program: a code of ``wx.login`` for an access token of ten minutes, and no refresh token.

A silent ``wx.login`` gives the next code, so nothing that lasts has to be kept on the phone. Who has a second factor
sends its code as ``otp`` besides, once in twelve hours.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from phr.auth import links, ways, wechat_people
from phr.auth.clients import PUBLIC, WECHAT_CODE
from phr.auth.links import NewLink
from phr.auth.ways import SecondMissing
from phr.auth.wechat import CodeRefused
from phr.auth.wechat_people import AMR
from phr.clock import now_ms
from phr.errors import ServerUnavailable, TooManyTries
from phr.people import openids, second_factors
from phr.people.keyring import KeyDestroyed
from phr.people.openids import OpenId

SECOND_LIFE_MS = 12 * 3_600_000  # as of the second factor of an emergency; this project's own choice


class Later(OAuth2Error):  # type: ignore[misc] # authlib has no types
    """The same request may do later (RFC 6749 has the word for the other end point)."""

    error = "temporarily_unavailable"

    def __init__(self, description: str, status_code: int, retry_after_s: int) -> None:
        super().__init__(description=description, status_code=status_code)
        self._retry_after_s = retry_after_s

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("Retry-After", str(self._retry_after_s))]


class SecondNeeded(OAuth2Error):  # type: ignore[misc] # authlib has no types
    """The same again, with a new code of WeChat's and ``otp``; a word of our own (RFC 6749, 8.5)."""

    error = "second_factor_required"


class WechatGrant(ClientCredentialsGrant):  # type: ignore[misc] # authlib has no types
    """Of clients that are registered for it. What proves the person is the code, and that our secret opens it."""

    GRANT_TYPE = WECHAT_CODE
    TOKEN_ENDPOINT_AUTH_METHODS = (PUBLIC,)

    def validate_token_request(self) -> None:
        super().validate_token_request()
        if self.server.wechat is None:
            raise UnauthorizedClientError("This installation has no WeChat mini-program.")
        if not self.request.form.get("code"):
            raise InvalidRequestError("Missing 'code' in request.")

    def create_token_response(self) -> Any:
        scope = self.client.get_allowed_scope(self.request.payload.scope)
        if scope is None:
            raise InvalidScopeError()
        database, now = self.server.database(), now_ms()
        person, amr = self._person()
        draft = NewLink(person, self.client.get_client_id(), scope, now, amr, links.ONE_TOKEN)
        token = self.generate_token(
            user=links.begin(database, links.new_id(), draft, now), scope=scope, include_refresh_token=False
        )
        return 200, token, self.TOKEN_RESPONSE_HEADER

    def _person(self) -> tuple[str, tuple[str, ...]]:
        """Who it is, and by what they are proven."""
        try:
            who = self.server.wechat.who(self.request.form["code"])
            person = wechat_people.person_of(self.server.database(), who, self.server.zone, now_ms())
            if second_factors.is_needed(self.server.database(), person, now_ms()):
                raise InvalidGrantError("who sees other people's records logs in with two factors.")
            return person, self._second(who, person)
        except SecondMissing as error:
            raise SecondNeeded(f"{error.detail}: send it as otp, with a new code.") from error
        except CodeRefused as error:
            raise InvalidGrantError(f"{error.detail}.") from error
        except KeyDestroyed as error:
            raise InvalidGrantError("the record of this login is being erased.") from error
        except TooManyTries as error:
            raise Later(f"{error.detail}.", error.status, error.retry_after_s) from error
        except ServerUnavailable as error:
            raise Later(f"{error.detail}.", error.status, 1) from error

    def _second(self, who: OpenId, person: str) -> tuple[str, ...]:
        """By WeChat alone while a second factor given with this login is young, and not older than the factor."""
        database, now = self.server.database(), now_ms()
        told, given_at = second_factors.told(database, person), openids.second_at_ms(database, who)
        if told is None or (given_at is not None and given_at >= told[0] and now - given_at < SECOND_LIFE_MS):
            return AMR
        amr = ways.second(database, person, AMR, self.request.form.get("otp", "")[: ways.LONGEST_ANSWER], now)
        openids.set_second(database, who, now)
        return amr
