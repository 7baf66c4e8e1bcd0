"""The keys that sign, and how they follow one another."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, RSAKey

from phr.auth.keys import Ring, Rings, access_ring
from phr.config import Settings
from phr.errors import InputInvalid, SettingInvalid
from tests.cast import T0

RSA_PEM = RSAKey.generate_key(2048).as_pem(private=True).decode()


def pem(*, private: bool = True) -> str:
    return ECKey.generate_key("P-256").as_pem(private=private).decode()


def short_rsa_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=1024)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def ids(ring: Ring) -> list[str]:
    return [str(key["kid"]) for key in ring.public()]


def test_next_key_is_published_before_it_signs(settings: Settings) -> None:
    ring = access_ring(settings)
    first, second = ids(ring)
    ring.rotate(T0)
    assert (ring.current.kid, ids(ring)[0], ids(ring)[2]) == (second, second, first)


def test_private_half_of_a_retired_key_is_gone(settings: Settings) -> None:
    ring = access_ring(settings)
    ring.rotate(T0)
    assert ring.path is not None
    text = ring.path.read_text()
    assert (text.count("PRIVATE KEY"), text.count("PUBLIC KEY"), text.count("retired 2026-11-22T23:30:00Z")) == (
        4,
        2,
        1,
    )
    assert ring.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("since_ms", "is_good"), [(T0 - 1, True), (T0, True), (T0 + 1, False)])
def test_retired_key_checks_only_what_it_could_have_signed(settings: Settings, since_ms: int, is_good: bool) -> None:
    ring = access_ring(settings)
    first = ring.current.kid
    ring.rotate(T0)
    assert ring.of_id(first).kid == first
    assert ring.of_id(ring.current.kid, T0 + 10**12).kid == ring.current.kid
    with nullcontext() if is_good else pytest.raises(ValueError, match="no key"):
        ring.of_id(first, since_ms)


def test_another_process_signs_with_the_new_key_too(settings: Settings) -> None:
    here, there = access_ring(settings), access_ring(settings)
    for now in (T0, T0 + 1):
        here.rotate(now)
        assert (there.current.kid, ids(there)) == (here.current.kid, ids(here))
    assert len(ids(there)) == 4


def test_file_of_one_key_first_gets_a_next_one(settings: Settings) -> None:
    path = settings.data_dir / "keys" / "token.pem"
    path.parent.mkdir(parents=True)
    path.write_text(pem())
    ring = access_ring(settings)
    (only,) = ids(ring)
    ring.rotate(T0)
    assert (ring.current.kid, len(ids(ring))) == (only, 2)
    ring.rotate(T0)
    assert ring.current.kid != only


def test_operators_own_keys_are_read_in_order_and_left_to_them(settings: Settings) -> None:
    old = "retired 2026-11-26T08:00:00Z\n" + pem(private=False)
    ring = access_ring(replace(settings, token_key=pem() + pem() + old))
    assert (ring.current.kid, len(ids(ring))) == (ids(ring)[0], 3)
    with pytest.raises(InputInvalid, match="PHR_TOKEN_KEY"):
        ring.rotate(T0)
    assert not (settings.data_dir / "keys").exists()


@pytest.mark.parametrize(
    "text",
    [
        pem(private=False),
        "retired 2026-11-26T08:00:00Z\n" + pem(private=False) + pem(),
        pem() + pem(private=False),
        "retired 2026-11-26T08:00:00Z\n" + pem(),
        pem() + "retired yesterday\n" + pem(private=False),
        pem() + "retired 2026-11-26T08:00:00\n" + pem(private=False),
        RSA_PEM,
        "",
    ],
    ids=["public", "retired first", "public without date", "private with date", "no date", "no zone", "RSA", "empty"],
)
def test_keys_in_no_sensible_order_stop_the_start(settings: Settings, text: str) -> None:
    with pytest.raises(SettingInvalid, match="PHR_TOKEN_KEY"):
        access_ring(replace(settings, token_key=text))


def test_id_tokens_have_keys_of_their_own(settings: Settings) -> None:
    rings = Rings(replace(settings, id_token_key=RSA_PEM))
    assert [key["alg"] for key in rings.public_jwks()["keys"]] == ["ES256", "ES256", "RS256"]
    assert all("d" not in key and "p" not in key for key in rings.public_jwks()["keys"])


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("kind", ["EC", "short"])
def test_key_of_another_kind_does_not_sign_id_tokens(settings: Settings, kind: str) -> None:
    text = pem() if kind == "EC" else short_rsa_pem()
    with pytest.raises(SettingInvalid, match="PHR_ID_TOKEN_KEY"):
        _ = Rings(replace(settings, id_token_key=text)).id_tokens


def test_key_file_is_not_made_before_an_id_token_is_wanted(settings: Settings) -> None:
    Rings(settings)
    assert [one.name for one in Path(settings.data_dir / "keys").iterdir()] == ["token.pem"]
