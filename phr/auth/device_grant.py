"""The device grant as authlib runs it (RFC 8628): for gateways and television sets."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, UnauthorizedClientError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from phr.auth import device_codes
from phr.auth.client_auth import RequestingClient
from phr.auth.clients import AUTH_METHODS, DEVICE_CODE, PUBLIC
from phr.auth.codes import Login
from phr.auth.device_codes import NewWaiting, Waiting
from phr.clock import now_ms


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc] # authlib has no types
    """Authlib's own gives tokens for a device code as often as it is shown."""

    TOKEN_ENDPOINT_AUTH_METHODS = (*AUTH_METHODS, PUBLIC)

    def query_device_credential(self, device_code: str) -> Waiting:
        found = device_codes.find(self.server.database(), device_code, now_ms())
        if found is None:
            raise InvalidGrantError()
        self._waiting = found
        return found

    def query_user_grant(self, user_code: str) -> tuple[Login, bool] | None:  # noqa: ARG002 - it was read with the other
        who = self._waiting.login
        return (who, self._waiting.is_allowed) if who else None

    def should_slow_down(self, credential: Waiting) -> bool:
        return device_codes.is_too_fast(self.server.database(), credential.id, now_ms())

    def create_token_response(self) -> Any:
        link = device_codes.use(self.server.database(), self._waiting, now_ms())
        if link is None:
            raise InvalidGrantError()
        self.request.user = link
        return super().create_token_response()


class DeviceAuthorization(DeviceAuthorizationEndpoint):  # type: ignore[misc] # authlib has no types
    """Authlib's own asks neither whether the client may do this nor whether it has the scope."""

    CLIENT_AUTH_METHODS = (*AUTH_METHODS, PUBLIC)
    EXPIRES_IN = device_codes.LIFE_S
    INTERVAL = device_codes.INTERVAL_S

    def authenticate_client(self, request: Any) -> RequestingClient:
        client: RequestingClient = super().authenticate_client(request)
        if not client.check_grant_type(DEVICE_CODE):
            raise UnauthorizedClientError("The client has no device grant.")
        if client.get_allowed_scope(request.form.get("scope")) is None:
            raise InvalidScopeError()
        return client

    def get_verification_uri(self) -> str:
        return f"{self.server.issuer}/oauth/device"

    def save_device_credential(self, client_id: str, scope: str | None, data: dict[str, Any]) -> None:
        client = self.server.query_client(client_id)
        draft = NewWaiting(data["device_code"], data["user_code"], client_id, client.get_allowed_scope(scope))
        device_codes.keep(self.server.database(), draft, now_ms())
