"""The signing key's file and the scopes' file."""

from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from phr.auth import scopes
from phr.auth.keys import access_ring, signing_key
from phr.config import Settings
from phr.errors import DataFileInvalid, InputInvalid, SettingInvalid

GOOD = '[scopes."a.read"]\nof = "person"\nverb = "read"\ncategories = ["a"]\nzh = "甲"\nen = "A"\n'


def test_key_is_made_once_and_for_this_user_only(settings: Settings) -> None:
    first, again = signing_key(settings), signing_key(settings)
    path = settings.data_dir / "keys" / "token.pem"
    assert first.kid == again.kid
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_published_key_holds_nothing_private(settings: Settings) -> None:
    assert [set(key) for key in access_ring(settings).public()] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}] * 2


def test_key_of_the_settings_is_used(settings: Settings) -> None:
    pem = ECKey.generate_key("P-256").as_pem(private=True).decode()
    signing_key(replace(settings, token_key=pem))
    assert not (settings.data_dir / "keys").exists()


@pytest.mark.parametrize("curve", ["P-384", "P-521"])
def test_key_of_another_curve_stops_the_start(settings: Settings, curve: str) -> None:
    pem = ECKey.generate_key(curve).as_pem(private=True).decode()
    with pytest.raises(SettingInvalid):
        signing_key(replace(settings, token_key=pem))


def test_text_that_is_no_key_stops_the_start(settings: Settings) -> None:
    with pytest.raises(SettingInvalid):
        signing_key(replace(settings, token_key="nonsense"))


def test_public_key_can_not_sign(settings: Settings) -> None:
    pem = ECKey.generate_key("P-256").as_pem(private=False).decode()
    with pytest.raises(SettingInvalid):
        signing_key(replace(settings, token_key=pem))


@pytest.mark.parametrize(
    ("old", "new"),
    [('verb = "read"', 'verb = "see"'), ('["a"]', "[]"), ('zh = "甲"\n', ""), ("en =", "odd = 1\nen ="), ("[s", "[")],
)
def test_bad_scope_file_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "scopes.toml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(DataFileInvalid, match=r"scopes\.toml"):
        scopes.load(path)


def test_unknown_scope_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputInvalid, match=r"readings\.read"):
        scopes.check(["everything"])
