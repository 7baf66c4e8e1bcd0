"""The grants of a person to a client, as authlib runs them: code with PKCE S256, and refresh tokens that rotate."""

from __future__ import annotations

import hmac

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

from phr.auth import codes, links
from phr.auth.client_auth import RequestingClient
from phr.auth.clients import AUTH_METHODS, PUBLIC
from phr.auth.codes import Code, NewCode
from phr.auth.links import Link
from phr.clock import now_ms

S256 = "S256"
CHALLENGE_LENGTH = 43  # of 256 bits in base64url
LONGEST_NONCE = 256


class RequestObjectUnsupported(OAuth2Error):  # type: ignore[misc] # authlib has no types
    """What is asked for stands in the address alone (OpenID Connect Core, 3.1.2.6)."""


class MachineGrant(ClientCredentialsGrant):  # type: ignore[misc] # authlib has no types
    """Of a client that acts for itself, which has to show who it is."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # authlib has no types
    TOKEN_ENDPOINT_AUTH_METHODS = (*AUTH_METHODS, PUBLIC)

    @staticmethod
    def validate_authorization_redirect_uri(request: OAuth2Request, client: RequestingClient) -> str:
        """The address of the request, always named. Authlib's message holds it, and fails on an odd sign in it."""
        uri = request.payload.redirect_uri
        if not uri or not client.check_redirect_uri(uri):
            raise InvalidRequestError("The redirect_uri is not registered for this client.")
        return str(uri)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        asked = request.payload.data
        draft = NewCode(
            client_id=request.client.get_client_id(),
            redirect_uri=request.payload.redirect_uri,
            challenge=asked["code_challenge"],
            scope=request.scope,
            login=request.user,
            nonce=asked.get("nonce"),
        )
        codes.keep(self.server.database(), code, draft, now_ms())

    def query_authorization_code(self, code: str, client: RequestingClient) -> Code | None:
        return codes.find(self.server.database(), code, client.get_client_id(), now_ms())

    def authenticate_user(self, authorization_code: Code) -> Link:
        """What the code gives. Here and not after the tokens are made, where two could be given for one code."""
        link = codes.use(self.server.database(), authorization_code, now_ms())
        if link is None:
            raise InvalidGrantError("Invalid 'code' in request.")
        return link

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Used already; it stays, so that one that comes again is known."""


class Pkce(CodeChallenge):  # type: ignore[misc] # authlib has no types
    """S256, always, of every client. Authlib's own takes `plain`, and a request without a challenge."""

    SUPPORTED_CODE_CHALLENGE_METHOD = (S256,)
    CODE_CHALLENGE_METHODS = {  # noqa: RUF012 - authlib's name
        S256: lambda verifier, challenge: hmac.compare_digest(create_s256_code_challenge(verifier), challenge)
    }

    def validate_code_challenge(self, grant: CodeGrant, redirect_uri: str) -> None:
        asked = grant.request.payload.data
        for name in ("request", "request_uri"):
            if name in asked:
                raise RequestObjectUnsupported(error=f"{name}_not_supported")
        if asked.get("code_challenge_method") != S256 or len(asked.get("code_challenge", "")) != CHALLENGE_LENGTH:
            raise InvalidRequestError("A code_challenge with code_challenge_method S256 is required.")
        if len(asked.get("nonce", "")) > LONGEST_NONCE:
            raise InvalidRequestError("The nonce is too long.")
        super().validate_code_challenge(grant, redirect_uri)


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc] # authlib has no types
    """Authlib's own gives no new refresh token, never notices that one was used twice, and makes before it takes."""

    TOKEN_ENDPOINT_AUTH_METHODS = (*AUTH_METHODS, PUBLIC)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Link | None:
        found = links.find(self.server.database(), refresh_token)
        self._turn = found[1] if found else -1
        return found[0] if found else None

    def authenticate_user(self, refresh_token: Link) -> Link:
        """The link a turn further. The last check of all, so that a request that is refused takes no turn."""
        taken = links.take_turn(self.server.database(), refresh_token.id, self._turn, now_ms())
        if taken is None:
            raise InvalidGrantError()
        return taken

    def revoke_old_credential(self, refresh_token: Link) -> None:
        """Its turn was taken before anything was given."""
