"""Text out of documents, and what becomes of those that are made to do harm."""

import os
from pathlib import Path

import pytest

from phr.timeline import extraction
from phr.timeline.extraction import DOCX, PDF, DocumentUnreadable, Extracted, TypeRefused
from tests.timeline.papers import PNG, a_docx, a_pdf, a_zip, a_zip_bomb, an_entity_bomb


def test_words_of_a_word_document_are_read_tables_too() -> None:
    found = extraction.extract(a_docx("患者头晕", "血压 150/95"))
    assert found == Extracted(DOCX, "患者头晕\n血压 150/95")


def test_words_of_a_pdf_are_read() -> None:
    assert extraction.extract(a_pdf("hypertension")) == Extracted(PDF, "hypertension", 1)


def test_script_in_a_pdf_is_noted_and_nothing_of_it_runs() -> None:
    assert extraction.extract(a_pdf("ok", script="app.alert(1)")) == Extracted(PDF, "ok", 1, ("script",))


def test_pdf_with_a_password_is_kept_unread() -> None:
    assert extraction.extract(a_pdf(password="secret")) == Extracted(PDF, "", None, ("password",))


def test_image_is_kept_without_words() -> None:
    assert extraction.extract(PNG) == Extracted("image/png")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (a_pdf()[:-300], "cut off"),
        (b"%PDF-1.7\n%%EOF", "damaged"),
        (a_docx("x", "y")[:-100], "cut off"),
        (a_zip(a___txt=b"x"), "not a Word document"),
        (a_zip(word__document___xml=b"<not xml"), "damaged"),
        (a_zip(**{"word__document___xml": b"<a/>", "..__..__etc__passwd": b"x"}), "damaged"),
    ],
)
def test_broken_file_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(DocumentUnreadable, match=words):
        extraction.extract(content)


def test_zip_bomb_is_refused_before_it_unpacks() -> None:
    with pytest.raises(DocumentUnreadable, match="unpacks to more"):
        extraction.extract(a_zip_bomb())


def test_entity_bomb_is_refused() -> None:
    with pytest.raises(DocumentUnreadable):
        extraction.extract(an_entity_bomb())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"plain text",
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"MZ\x90",
        b"#!/bin/sh",
    ],
)
def test_file_of_another_sort_is_refused(content: bytes) -> None:
    with pytest.raises(TypeRefused):
        extraction.extract(content)


@pytest.mark.parametrize(
    "program",
    [
        "import time; time.sleep(600)",  # longer than a test may take
        "print('{\"text\": \"' + 'x' * 50)",
        "import sys; sys.exit(3)",
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); print('x' * 99, flush=True)",
    ],
)
def test_reader_that_hangs_lies_or_dies_costs_the_text_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "reader.py").write_text(program)
    monkeypatch.setattr(extraction, "PROGRAM", tmp_path / "reader.py")
    monkeypatch.setattr(extraction, "LIFE_S", 0.5)
    assert extraction.extract(a_pdf()) == Extracted(PDF, notes=("text-not-read",))


def test_reader_gets_no_secret_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "import json, os; print(json.dumps({'text': str(dict(os.environ)), 'pages': len(os.listdir('/proc/self/fd'))}))"
    )
    (tmp_path / "reader.py").write_text(said)
    monkeypatch.setattr(extraction, "PROGRAM", tmp_path / "reader.py")
    monkeypatch.setitem(os.environ, "PHR_MASTER_KEY", "secret")
    found = extraction.extract(a_pdf())
    assert "PHR_" not in found.text
    assert found.pages == 4  # in, out, err, and the folder it just listed
