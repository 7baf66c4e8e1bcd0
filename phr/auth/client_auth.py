"""How a client shows who it is: its secret (client_secret_basic) or a signed assertion (private_key_jwt, RFC 7523).

Collection ``client_assertions``: _id  hash of client and jti, each good once        ends_at
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pymongo.errors import DuplicateKeyError

from phr.auth import redirects
from phr.auth.clients import AUTHORIZATION_CODE, SIGNED, Client
from phr.clock import now_ms, to_datetime
from phr.database import Database

ASSERTIONS = "client_assertions"
ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "RS384")  # SMART App Launch 2.2: RS384 and ES384 at least
LONGEST_LIFE_S = 300  # the same
LEEWAY_S = 30
LONGEST = 4_096
NO_ASSERTION = "The client assertion is not valid here."


class RequestingClient(ClientMixin):  # type: ignore[misc] # authlib has no types
    """A stored client, as authlib asks for it."""

    def __init__(self, client: Client) -> None:
        self.stored = client

    def get_client_id(self) -> str:
        return self.stored.id

    def get_default_redirect_uri(self) -> None:
        """None: a request names its address, even where there is only one."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The asked-for scopes that the client has, all it has where it asks for none; None refuses the request."""
        has = self.stored.scope.split()
        return " ".join(name for name in has if not scope or name in scope.split()) or None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirects.is_registered(redirect_uri, self.stored.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        return self.stored.has_secret(client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - the same at each of them
        return method == self.stored.auth_method

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.stored.grant_types

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and AUTHORIZATION_CODE in self.stored.grant_types


class Assertion(JWTBearerClientAssertion):  # type: ignore[misc] # authlib has no types
    """Authlib's own takes any algorithm, any life, and answers 500 to a key id that holds a quotation mark."""

    CLIENT_AUTH_METHOD = SIGNED

    def __init__(self, database: Callable[[], Database], audiences: list[str]) -> None:
        super().__init__(leeway=LEEWAY_S)
        self._database, self._audiences = database, audiences

    def __call__(self, query_client: Callable[[str], RequestingClient | None], request: Any) -> RequestingClient | None:
        if len(request.form.get("client_assertion", "")) > LONGEST:
            raise InvalidClientError(description=NO_ASSERTION)
        try:
            client: RequestingClient | None = super().__call__(query_client, request)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidClientError(description=NO_ASSERTION) from error
        named = request.form.get("client_id")
        if client is not None and named not in (None, client.stored.id):
            raise InvalidClientError(description=NO_ASSERTION)
        return client

    def get_audiences(self) -> list[str]:
        return self._audiences

    def resolve_client_public_key(self, client: RequestingClient) -> KeySet:
        if client.stored.jwks is None:
            raise InvalidClientError(description=NO_ASSERTION)
        return KeySet.import_key_set(client.stored.jwks)  # type: ignore[arg-type]

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=list(ALGORITHMS))
        except JoseError as error:
            raise InvalidClientError(description=NO_ASSERTION) from error
        if token.claims.get("exp", 0) > now_ms() / 1000 + LONGEST_LIFE_S + LEEWAY_S:
            raise InvalidClientError(description="An assertion lives for five minutes at most.")
        self.verify_claims(token.claims)
        return token.claims

    def validate_jti(self, claims: dict[str, Any], jti: Any) -> bool:
        """True the first time; a row for each is kept for as long as it could be used again."""
        if not isinstance(jti, str) or not jti:
            return False
        ends_at = to_datetime(int(claims["exp"] + LEEWAY_S + 1) * 1000)
        name = hashlib.sha256(f"{claims['sub']}\0{jti}".encode()).hexdigest()
        try:
            self._database()[ASSERTIONS].insert_one({"_id": name, "ends_at": ends_at})
        except DuplicateKeyError:
            return False
        return True


def refuse_several_proofs(request: Any) -> None:
    """Raises InvalidRequestError where a request proves its client in more than one way (RFC 6749, 2.3)."""
    shown = (
        request.headers.get("Authorization"),
        request.form.get("client_assertion"),
        request.form.get("client_secret"),
    )
    if sum(one is not None for one in shown) > 1:
        raise InvalidRequestError("Show who the client is in one way only.")
    for name in request.form:
        if len(request.form.getlist(name)) > 1:
            raise InvalidRequestError("A parameter is there more than once.")


def ensure_indexes(database: Database) -> None:
    database[ASSERTIONS].create_index("ends_at", name="expiry", expireAfterSeconds=0)
