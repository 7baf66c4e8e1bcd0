"""Consent texts as data: versions that never change, each in both languages."""

import hashlib
from pathlib import Path

import pytest

from phr.errors import DataFileInvalid
from phr.people.consent_texts import load, texts
from phr.people.granting import KINDS

# A text that somebody may have seen is never changed: make the next version, and add its line here.
SEEN = {
    ("family-doctor", 1): "0d83420f58a54d55",
    ("proxy", 1): "9f03e2d60e3a5b63",
    ("relative", 1): "112bc1c11ff30d34",
    ("specialist", 1): "e6c2db0de0bec9f7",
}


def test_every_kind_of_grant_has_a_text() -> None:
    assert set(KINDS) <= set(texts())


def test_texts_that_were_in_use_are_as_they_were() -> None:
    found = {
        (one.topic, one.version): hashlib.sha256((one.zh + "\0" + one.en).encode()).hexdigest()[:16]
        for versions in texts().values()
        for one in versions
    }
    assert found == SEEN


@pytest.mark.parametrize(
    "text",
    [
        "[other]",
        "[texts.a.2]\nzh = 'x'\nen = 'y'",
        "[texts.a.1]\nzh = 'x'",
        "[texts.a.1]\nzh = 'x'\nen = ' '",
    ],
)
def test_bad_files_stop_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "texts.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileInvalid):
        load(path)
