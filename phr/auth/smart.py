"""SMART App Launch 2.2.0: its names of scopes, each for some of ours, and what the server tells its apps.

A name is known where it means the same as ours: reading is r and s, writing is c, u and d. One with fewer letters would
open more than it says, so there is none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, TypedDict

from msgspec import Meta

from phr.auth.scopes import Scope, scopes
from phr.auth.scopes import check as check_ours
from phr.errors import DataFileInvalid

FILE = Path(__file__).with_name("smart.toml")
READ, WRITE = ("read",), ("write",)
LETTERS = {"rs": READ, "cud": WRITE, "cruds": READ + WRITE, "read": READ, "write": WRITE, "*": READ + WRITE}
LAUNCH_PATIENT = "launch/patient"
Url = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
CAPABILITIES = (
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-standalone-patient",
    "permission-offline",
    "permission-patient",
    "permission-v1",
    "permission-v2",
)


class SmartTold(TypedDict):
    issuer: Url
    jwks_uri: Url
    authorization_endpoint: Url
    token_endpoint: Url
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint: Url
    revocation_endpoint: Url
    grant_types_supported: list[str]
    scopes_supported: list[str]
    response_types_supported: list[str]
    code_challenge_methods_supported: list[str]
    capabilities: list[str]


class MetadataTold(TypedDict):
    """RFC 8414, 2."""

    issuer: Url
    authorization_endpoint: Url
    token_endpoint: Url
    device_authorization_endpoint: Url
    revocation_endpoint: Url
    introspection_endpoint: Url
    jwks_uri: Url
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    code_challenge_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    ui_locales_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]


@cache
def meanings() -> dict[str, tuple[str, ...]]:
    """Each SMART name and our scopes that it stands for. Raises DataFileInvalid for a category that has none."""
    resources: dict[str, list[str]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["resources"]
    resources = {"*": sorted({one for some in resources.values() for one in some})} | resources
    found = {
        f"patient/{resource}.{letters}": tuple(f"{category}.{verb}" for category in categories for verb in verbs)
        for resource, categories in resources.items()
        for letters, verbs in LETTERS.items()
    }
    if odd := sorted({name for names in found.values() for name in names} - scopes().keys()):
        raise DataFileInvalid(f"{FILE.name}: there is no scope {odd[0]}")
    return found


def names() -> list[str]:
    """Every scope that can be asked for, ours and SMART's."""
    return sorted({*scopes(), *meanings()})


@lru_cache(maxsize=1024)
def expanded(scope: str) -> frozenset[str]:
    """Our scopes that a scope parameter stands for; names that nobody knows stand for nothing."""
    return frozenset(one for name in scope.split() for one in meanings().get(name, (name,)) if one in scopes())


def check(asked: Iterable[str]) -> str:
    """As ``scopes.check``, for SMART's names too. Raises InputInvalid."""
    wanted = set(asked)
    check_ours(wanted - meanings().keys())
    return " ".join(sorted(wanted))


def told(scope: str) -> list[Scope]:
    """What a scope parameter allows, to be shown to a person."""
    return [scopes()[name] for name in sorted(expanded(scope))]


def is_about_patient(scope: str) -> bool:
    """True where a client has to be told whose record it is (SMART App Launch 2.2, launch context)."""
    return any(name == LAUNCH_PATIENT or name in meanings() for name in scope.split())


def configuration(metadata: MetadataTold) -> SmartTold:
    """/.well-known/smart-configuration: what the server's metadata says, as SMART wants it."""
    return {
        "issuer": metadata["issuer"],
        "jwks_uri": metadata["jwks_uri"],
        "authorization_endpoint": metadata["authorization_endpoint"],
        "token_endpoint": metadata["token_endpoint"],
        "token_endpoint_auth_methods_supported": metadata["token_endpoint_auth_methods_supported"],
        "token_endpoint_auth_signing_alg_values_supported": metadata[
            "token_endpoint_auth_signing_alg_values_supported"
        ],
        "introspection_endpoint": metadata["introspection_endpoint"],
        "revocation_endpoint": metadata["revocation_endpoint"],
        "grant_types_supported": metadata["grant_types_supported"],
        "scopes_supported": metadata["scopes_supported"],
        "response_types_supported": metadata["response_types_supported"],
        "code_challenge_methods_supported": metadata["code_challenge_methods_supported"],
        "capabilities": list(CAPABILITIES),
    }
