"""A sheet for a doctor: what it says, in both languages, and that it stays within three pages."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader

from phr.interchange.exporters import Asked, pdf
from phr.interchange.sheet import sheet
from phr.readings.store import write
from phr.timeline import entries
from phr.timeline.effective import Effective, instant
from phr.timeline.entries import NewEntry
from phr.timeline.entry import Author, Draft
from tests.cast import T0
from tests.interchange.conftest import Desk
from tests.readings.builders import DAY_MS, a_run, arriving


def said(desk: Desk, kind: str, text: str, **more: Any) -> None:
    draft = Draft(kind=kind, content={"text": text, **more}, effective=Effective(instant(T0, 480)))
    entries.create(desk.database, NewEntry(person=desk.ana, draft=draft, author=Author(desk.ana, "app", None)), T0)


def pages(desk: Desk, **wish: Any) -> list[str]:
    content = b"".join(pdf.write(Asked(desk.database, desk.ana, T0, **wish)))
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


@pytest.fixture
def full(desk: Desk) -> Desk:
    said(desk, "allergy", "青霉素")
    said(desk, "condition", "高血压", codes=[{"system": "icd-10", "code": "I10"}])
    said(desk, "condition", "一次感冒", status="resolved")
    said(desk, "medication", "苯磺酸氨氯地平片 <b>", dose={"value": 5, "unit": "mg"})
    days = [T0 - n * DAY_MS for n in range(20, 0, -1)]
    cuff = {"systolic": [1300 + 9 * n for n in range(20)], "diastolic": [800 + n for n in range(20)]}
    runs = (a_run(days, cuff, "blood-pressure"), a_run(days, 650, "weight"))
    write(desk.database, [arriving(run, person=desk.ana) for run in runs])
    return desk


def test_sheet_says_who_what_and_how_much_in_chinese(full: Desk) -> None:
    (page,) = pages(full)
    for words in ("个人健康摘要", "青霉素", "高血压", "I10", "氨氯地平片 <b> 5 mg", "147/82 mm[Hg]", "血压", "ana"):
        assert words in page
    assert "感冒" not in page


def test_font_is_in_the_file_so_that_no_reader_leaves_words_out(full: Desk) -> None:
    content = b"".join(pdf.write(Asked(full.database, full.ana, T0)))
    fonts = PdfReader(io.BytesIO(content)).pages[0]["/Resources"]["/Font"]
    used = [one.get_object() for one in fonts.values()]
    assert {"/FontFile2" in one["/FontDescriptor"] for one in used if "/FontDescriptor" in one} == {True}
    assert "青霉素" in pages(full)[0]


def test_sheet_is_in_english_where_it_is_asked_for(full: Desk) -> None:
    (page,) = pages(full, language="en")
    assert "Allergies" in page
    assert "Blood pressure" in page
    assert "过敏" not in page


def test_charts_have_a_point_a_day_for_each_component(full: Desk) -> None:
    cuff, weight = sheet(Asked(full.database, full.ana, T0)).charts
    assert {name: len(line) for name, line in cuff.lines.items()} == {"systolic": 20, "diastolic": 20}
    assert [value for _, value in cuff.lines["systolic"]][:2] == [130.0, 130.9]
    assert len(weight.lines[""]) == 20


def test_sheet_of_an_empty_record_says_that_nothing_is_recorded(desk: Desk) -> None:
    (page,) = pages(desk, language="en")
    assert page.count("Nothing is recorded") == 5


def test_sheet_of_a_long_life_is_at_most_three_pages(full: Desk) -> None:
    for number in range(30):
        for kind in ("allergy", "condition", "medication", "procedure", "immunisation"):
            said(full, kind, f"{number} " + "很长的名字" * 40)
    found = pages(full)
    assert 1 <= len(found) <= 3
    assert "另有" in found[0]
