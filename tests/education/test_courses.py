"""Courses: those that ship are sound; what is broken is refused by name and costs the others nothing."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from phr.education.article import LANGUAGES
from phr.education.courses import FOLDER, courses, load, served
from phr.education.library import library
from phr.errors import NotFound

GOOD = """
title = { zh = "课程", en = "Course" }
summary = { zh = "两节", en = "Two lessons" }
audience = "person"
lessons = ["less-salt", "low-sugar"]
"""


def loaded(folder: Path, **files: str) -> tuple[set[str], str]:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    found = load(folder, library())
    return set(found.by_slug), "\n".join(found.faults)


def test_courses_that_ship_are_sound_and_every_lesson_is_served_in_both_languages() -> None:
    found = courses()
    assert found.faults == ()
    assert len(found.by_slug) == len(list(FOLDER.glob("*.toml"))) >= 13
    for one in found.by_slug.values():
        for language in LANGUAGES:
            assert served(one, library(), language, date(2026, 12, 1)) == list(one.lessons)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace('"less-salt"', '"no-such"'), "no article zh/no-such.md"),
        (GOOD.replace('"low-sugar"', '"less-salt"'), "each once"),
        (GOOD.replace('lessons = ["less-salt", "low-sugar"]', "lessons = []"), "1 to 30"),
        (GOOD.replace('en = "Course"', 'fr = "Cours"'), "title"),
        (GOOD.replace('"person"', '"everybody"'), "audience"),
        (GOOD.replace("low-sugar", "staff-diabetes-whom"), "is for professionals"),
        (GOOD + 'needs = ["nowhere"]', "there is no course nowhere"),
        (GOOD + 'needs = ["bad"]', "needs itself"),
        (GOOD + "odd = 1", "odd"),
        ("title = ", "can't be read"),
    ],
)
def test_broken_course_is_named_and_the_rest_is_served(tmp_path: Path, text: str, why: str) -> None:
    served_ones, faults = loaded(tmp_path, good=GOOD, bad=text)
    assert served_ones == {"good"}
    assert faults.startswith("bad.toml: ")
    assert why in faults


def test_courses_in_a_circle_are_all_refused(tmp_path: Path) -> None:
    found, faults = loaded(tmp_path, a=GOOD + 'needs = ["b"]', b=GOOD + 'needs = ["a"]', c=GOOD)
    assert found == {"c"}
    assert "a.toml" in faults
    assert "b.toml" in faults


def test_course_that_needs_a_broken_one_is_broken(tmp_path: Path) -> None:
    found, faults = loaded(tmp_path, a=GOOD + 'needs = ["b"]', b="title = ")
    assert found == set()
    assert "a.toml: needs: there is no course b" in faults


def test_article_without_a_question_is_no_lesson(tmp_path: Path) -> None:

    of = library()
    silent = {
        key: dataclasses.replace(one, quiz=()) if key[1] == "less-salt" else one for key, one in of.articles.items()
    }
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8")
    (fault,) = load(tmp_path, dataclasses.replace(of, articles=silent)).faults
    assert "asks no question" in fault


def test_lesson_whose_article_is_out_of_date_is_left_out() -> None:
    one = courses().find("first-steps-diabetes")
    assert served(one, library(), "zh", date(2030, 1, 1)) == []
    with pytest.raises(NotFound):
        courses().find("no-such")
