"""Consent texts as data: versions that never change, each in both languages."""

import hashlib
from pathlib import Path

import pytest

from phr.errors import DataFileInvalid
from phr.people.consent_texts import load, texts
from phr.people.granting import KINDS
from phr.people.processing import TOPICS, VENDOR

# A text that somebody may have seen is never changed: make the next version, and add its line here.
SEEN = {
    ("automated-evaluation", 1): "da8e098345a14b33",
    ("family-doctor", 1): "0d83420f58a54d55",
    ("proxy", 1): "9f03e2d60e3a5b63",
    ("relative", 1): "112bc1c11ff30d34",
    ("research", 1): "57151f64dfc520dc",
    ("specialist", 1): "e6c2db0de0bec9f7",
    ("store", 1): "000b02d937cc7a6c",
    ("support", 1): "6148c60ba83b1c8b",
    ("vendor", 1): "64aced56d8d75651",
}


def test_every_kind_of_grant_and_processing_has_a_text() -> None:
    assert set(texts()) == {*KINDS, *TOPICS, VENDOR}


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
