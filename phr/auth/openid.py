"""Id tokens (OpenID Connect Core 1.0, 2), signed RS256 as SMART App Launch demands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.oidc.core import OpenIDCode

from phr.auth.client_auth import RequestingClient
from phr.auth.keys import ID_ALGORITHM, Key, Rings
from phr.auth.links import Link
from phr.auth.smart import MetadataTold
from phr.auth.tokens import ONE_FACTOR, TWO_FACTORS, acr_of
from phr.clock import now_ms
from phr.database import Database
from phr.people import people

LIFE_S = 600


class DiscoveryTold(MetadataTold):
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]
    acr_values_supported: list[str]
    claims_supported: list[str]
    claims_parameter_supported: bool
    request_parameter_supported: bool
    request_uri_parameter_supported: bool


class IdTokens(OpenIDCode):  # type: ignore[misc] # authlib has no types
    """Authlib's own names no key, and takes this moment for that of the login."""

    def __init__(self, issuer: str, rings: Rings, database: Callable[[], Database]) -> None:
        super().__init__(require_nonce=False)
        self._issuer, self._rings, self._database = issuer, rings, database

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002 - authlib's call
        """Not asked: a nonce is the client's to compare, and a code is good once."""
        return False

    def get_client_algorithm(self, client: RequestingClient) -> str:  # noqa: ARG002 - the same for each
        return ID_ALGORITHM

    def get_encode_header(self, client: RequestingClient) -> dict[str, Any]:  # noqa: ARG002
        return {"alg": ID_ALGORITHM, "typ": "JWT", "kid": self._rings.id_tokens.current.kid}

    def resolve_client_private_key(self, client: RequestingClient) -> Key:  # noqa: ARG002
        return self._rings.id_tokens.current

    def get_client_claims(self, client: RequestingClient) -> dict[str, Any]:
        now_s = now_ms() // 1000
        return {"iss": self._issuer, "aud": client.get_client_id(), "iat": now_s, "exp": now_s + LIFE_S}

    def generate_user_info(self, user: Link, scope: str) -> dict[str, Any]:
        """Who it is, and when and how they logged in; with ``fhirUser`` as what they are known in FHIR."""
        claims = {
            "sub": user.person,
            "sid": user.id,
            "auth_time": user.auth_at_ms // 1000,
            "amr": list(user.amr),
            "acr": acr_of(user.amr),
        }
        if "fhirUser" in scope.split():
            claims["fhirUser"] = f"{_resource(self._database(), user.person)}/{user.person}"
        return claims


def discovery(metadata: MetadataTold) -> DiscoveryTold:
    """/.well-known/openid-configuration: the server's metadata and what OpenID Connect Discovery 1.0 adds."""
    return {
        **metadata,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ID_ALGORITHM],
        "acr_values_supported": [ONE_FACTOR, TWO_FACTORS],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "amr",
            "acr",
            "at_hash",
            "sid",
            "fhirUser",
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


def _resource(database: Database, person: str) -> str:
    return "Practitioner" if "doctor" in people.require(database, person).roles else "Patient"
