"""Where the master key comes from, and that a wrong or missing one stops the start in words."""

import base64
import stat
from pathlib import Path

import pytest

from phr.config import Settings
from phr.errors import SettingInvalid
from phr.people import master_keys
from phr.people.master_keys import FILE, MasterKeyUnknown


def test_setting_goes_before_the_file(tmp_path: Path) -> None:
    master_keys.load(Settings(data_dir=tmp_path), makes=True)
    text = master_keys.new_text()
    assert master_keys.load(Settings(data_dir=tmp_path, master_key=text)).newest.secret == base64.b64decode(text)


def test_made_file_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    first = master_keys.load(Settings(data_dir=tmp_path), makes=True)
    again = master_keys.load(Settings(data_dir=tmp_path), makes=True)
    assert first.newest == again.newest
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_without_one_the_start_stops_and_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="PHR_MASTER_KEY"):
        master_keys.load(Settings(data_dir=tmp_path))
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "ü" * 44, "=" * 44])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        master_keys.parsed(text, "PHR_MASTER_KEY")
    assert not text or text not in refused.value.detail


def test_each_of_several_unwraps_and_the_first_wraps(tmp_path: Path) -> None:
    one, two = master_keys.new_text(), master_keys.new_text()
    keys = master_keys.load(Settings(master_key=f"{two}\n{one}"))
    assert keys.of_id(master_keys.parsed(one, "")[0].id).secret == base64.b64decode(one)
    assert keys.newest.secret == base64.b64decode(two)


def test_key_added_to_the_file_is_known_to_those_who_read_it_before(tmp_path: Path) -> None:
    known = master_keys.load(Settings(data_dir=tmp_path), makes=True)
    old, text = known.newest, master_keys.new_text()
    master_keys.put_in_front(tmp_path / FILE, text)
    assert known.of_id(master_keys.parsed(text, "")[0].id).secret == base64.b64decode(text)
    assert known.of_id(old.id) == old


def test_unknown_one_names_the_id_that_is_missing(tmp_path: Path) -> None:
    known = master_keys.load(Settings(data_dir=tmp_path), makes=True)
    with pytest.raises(MasterKeyUnknown, match="abcdef123456"):
        known.of_id("abcdef123456")


def test_secret_stands_in_no_repr(tmp_path: Path) -> None:
    key = master_keys.load(Settings(data_dir=tmp_path), makes=True).newest
    assert repr(key.secret) not in repr(key)
