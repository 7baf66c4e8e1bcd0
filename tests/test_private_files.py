"""Files with secrets are whole, their owner's alone, and the first one's where they are made once."""

import stat
from pathlib import Path

import pytest

from phr import private_files


def test_file_is_its_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    private_files.write(tmp_path / "key", "secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize(("replaces", "text"), [(True, "second"), (False, "first")])
def test_second_writer_replaces_or_leaves_the_first(tmp_path: Path, replaces: bool, text: str) -> None:
    private_files.write(tmp_path / "key", "first")
    private_files.write(tmp_path / "key", "second", replaces=replaces)
    assert (tmp_path / "key").read_text() == text
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_write_that_fails_leaves_the_old_file_and_no_part_of_the_new(tmp_path: Path) -> None:
    private_files.write(tmp_path / "key", "first")
    with pytest.raises(UnicodeEncodeError):
        private_files.write(tmp_path / "key", "half \ud800")
    assert (tmp_path / "key").read_text() == "first"
    assert [one.name for one in tmp_path.iterdir()] == ["key"]
