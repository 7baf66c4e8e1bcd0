"""Sealed values open for their owner and at their place, and never again once the key is destroyed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from phr.config import Settings
from phr.database import Database
from phr.errors import SettingInvalid
from phr.people import keyring, master_keys, seals
from phr.people.keyring import KeyDestroyed, KeyMissing
from phr.people.seals import SealBroken
from tests.cast import T0
from tests.conftest import MASTER_KEY

WANG, LI = "a" * 20, "b" * 20


@pytest.mark.parametrize(
    "value", ["王芳", "", None, 0, -1.5, True, [1, "二"], {"text": "头晕", "codes": []}, b"\x00", datetime.now(UTC)]
)
def test_sealed_value_opens_as_it_was(database: Database, value: Any) -> None:
    assert seals.unseal(database, WANG, "people.name", seals.seal(database, WANG, "people.name", value)) == value


def test_seal_shows_nothing_and_is_another_each_time(database: Database) -> None:
    one, two = (seals.seal(database, WANG, "people.name", "王芳") for _ in range(2))
    assert one != two
    assert "王芳".encode() not in one + two


@pytest.mark.parametrize(("owner", "place"), [(LI, "people.name"), (WANG, "people.phone"), (WANG, "people.name ")])
def test_value_moved_to_another_owner_or_place_does_not_open(database: Database, owner: str, place: str) -> None:
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    seals.seal(database, LI, "people.name", "李娜")
    with pytest.raises(SealBroken):
        seals.unseal(database, owner, place, sealed)


@pytest.mark.parametrize("at", [0, 1, 12, 13, -1])
def test_changed_byte_is_noticed(database: Database, at: int) -> None:
    sealed = bytearray(seals.seal(database, WANG, "people.name", "王芳"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        seals.unseal(database, WANG, "people.name", bytes(sealed))


@pytest.mark.parametrize("broken", [b"", b"\x01", b"\x01" + b"x" * 12, "王芳".encode()])
def test_what_is_no_seal_is_refused(database: Database, broken: bytes) -> None:
    seals.seal(database, WANG, "people.name", "王芳")
    with pytest.raises(SealBroken):
        seals.unseal(database, WANG, "people.name", broken)


def test_nothing_opens_and_nothing_is_sealed_once_the_key_is_destroyed(database: Database) -> None:
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    seals.destroy(database, WANG, T0)
    for attempt in (
        lambda: seals.unseal(database, WANG, "people.name", sealed),
        lambda: seals.seal(database, WANG, "people.name", "王芳"),
        lambda: seals.tokens(database, WANG, ["王芳"]),
    ):
        with pytest.raises(KeyDestroyed) as refused:
            attempt()
        assert refused.value.status == 410


def test_destroyed_key_is_nowhere_in_its_row_and_others_stay(database: Database) -> None:
    kept = seals.seal(database, LI, "people.name", "李娜")
    seals.seal(database, WANG, "people.name", "王芳")
    seals.destroy(database, WANG, T0)
    seals.destroy(database, WANG, T0 + 1)
    assert set(database[keyring.VAULT].find_one({"_id": WANG}) or {}) == {"_id", "created_at_ms", "destroyed_at_ms"}
    assert seals.unseal(database, LI, "people.name", kept) == "李娜"


def test_owner_who_never_had_a_key_can_be_destroyed(database: Database) -> None:
    seals.destroy(database, WANG, T0)
    with pytest.raises(KeyDestroyed):
        seals.seal(database, WANG, "people.name", "王芳")


def test_key_destroyed_by_another_process_is_forgotten_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(keyring, "_rings", {})
        seals.destroy(database, WANG, T0)
    assert seals.unseal(database, WANG, "people.name", sealed) == "王芳"
    monkeypatch.setattr(keyring, "LIFE_S", 0.0)
    with pytest.raises(KeyDestroyed):
        seals.unseal(database, WANG, "people.name", sealed)


def test_key_that_two_make_at_once_is_one(database: Database) -> None:
    keyring.make(database, [WANG])
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    keyring.make(database, [WANG])
    keyring.forget(database)
    assert seals.unseal(database, WANG, "people.name", sealed) == "王芳"


def test_lost_vault_is_told_apart_from_an_erasure(database: Database) -> None:
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    database[keyring.VAULT].delete_many({})
    keyring.forget(database)
    with pytest.raises(KeyMissing):
        seals.unseal(database, WANG, "people.name", sealed)


def test_token_is_the_same_for_a_word_and_owner_alone(database: Database) -> None:
    ours = seals.tokens(database, WANG, ["血压", "高", "血压"])
    assert ours[0] == ours[2] != ours[1]
    assert ours[0] not in seals.tokens(database, LI, ["血压"])


def test_lookup_tokens_of_two_kinds_differ(database: Database) -> None:
    assert seals.lookup_tokens(database, "phone", ["1"]) != seals.lookup_tokens(database, "identity-number", ["1"])


def test_cache_is_bounded_and_the_dropped_key_is_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "MOST_KEYS", 1)
    sealed = seals.seal(database, WANG, "people.name", "王芳")
    seals.seal(database, LI, "people.name", "李娜")
    assert seals.unseal(database, WANG, "people.name", sealed) == "王芳"


def test_many_keys_are_read_in_one_query(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = [f"{number:020}" for number in range(20)]
    sealed = {owner: seals.seal(database, owner, "people.name", owner) for owner in owners}
    keyring.forget(database)
    keyring.warm(database, owners)
    monkeypatch.setattr(keyring, "_read", lambda *_: pytest.fail("read again"))
    assert all(seals.unseal(database, owner, "people.name", sealed[owner]) == owner for owner in owners)


def test_another_master_key_stops_the_start_in_words(database: Database) -> None:
    keyring.check(database)
    keyring.forget(database)
    keyring.use(master_keys.load(Settings(master_key=master_keys.new_text())))
    try:
        with pytest.raises(SettingInvalid, match="another master key"):
            keyring.check(database)
    finally:
        keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))


def test_rotation_broken_off_goes_on_while_values_open(database: Database) -> None:
    sealed = [seals.seal(database, owner, "people.name", owner) for owner in (WANG, LI)]
    keyring.use(master_keys.load(Settings(master_key=f"{master_keys.new_text()} {MASTER_KEY}")))
    try:
        assert keyring.rewrap_some(database, most=1) == 1
        keyring.forget(database)
        assert [seals.unseal(database, one, "people.name", it) for one, it in zip((WANG, LI), sealed, strict=True)]
        assert keyring.rewrap_some(database) == 1
        assert keyring.count_older(database) == 0
        keyring.forget(database)
        assert seals.unseal(database, WANG, "people.name", sealed[0]) == WANG
    finally:
        keyring.use(master_keys.load(Settings(master_key=MASTER_KEY)))
