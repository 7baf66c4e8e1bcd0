"""Articles: what is sound is served, what is not is named; plain, sourced, found by the words that people use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from phr.education import rendering
from phr.education.article import LANGUAGES, parsed
from phr.education.library import FOLDER, library, load, remarks
from phr.education.readability import measure
from phr.errors import DataFileInvalid, NotFound

TODAY = date(2026, 11, 26)
FRONT = """title = "少吃盐"
summary = "少放一点"
minutes = 2
written_on = 2026-11-26
expires_on = 2028-11-26
[[sources]]
id = "SHEET"
section = "1.8"
evidence = "unverified"
note = "general knowledge"
"""
QUIZ = '[[quiz]]\nask = "?"\nanswers = ["a", "b"]\nright = {right}\nwhy = "so"\n'


def text(front: str = FRONT, body: str = "少放盐。") -> str:
    return f"+++\n{front}+++\n\n{body}\n"


def test_every_shipped_article_is_sound_plain_in_date_and_translated() -> None:
    assert remarks(library(), TODAY) == []
    slugs = {language: {slug for its, slug in library().articles if its == language} for language in LANGUAGES}
    assert slugs["zh"] == slugs["en"]
    assert len(slugs["zh"]) == len(list(FOLDER.glob("zh/*.md"))) >= 9


def test_a_translation_has_the_questions_and_sources_of_its_article() -> None:
    for (language, slug), one in library().articles.items():
        other = library().articles["en" if language == "zh" else "zh", slug]
        shapes = [[(len(row.answers), row.right) for row in it.quiz] for it in (one, other)]
        assert shapes[0] == shapes[1], slug
        assert [source.id for source in one.sources] == [source.id for source in other.sources], slug


@pytest.mark.parametrize("slug", sorted({slug for _, slug in library().articles}))
def test_no_article_gives_a_diagnosis_or_changes_a_dose(slug: str) -> None:
    zh, en = (rendering.words(library().articles[language, slug].body) for language in LANGUAGES)
    assert not [word for word in ("您得了", "你得了", "加一片", "减一片", "毫克") if word in zh]
    assert not [word for word in (" mg", "you have diabetes", "double the dose", "half a pill") if word in en.lower()]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (text().replace("+++", "---"), "front matter"),
        (text(FRONT + "x = 1\n"), "x"),
        (text('title = "a'), "front matter"),
        (text(FRONT.replace('id = "SHEET"', 'id = "NOWHERE"')), "NOWHERE"),
        (text("\n".join(FRONT.split("\n")[:5]) + "\n"), "sources"),
        (text(FRONT.replace("minutes = 2", "minutes = 60")), "minutes"),
        (text(FRONT.replace("2028", "2020")), "expires_on"),
        (text(FRONT + QUIZ.format(right=2)), "quiz.0"),
        (text(FRONT + QUIZ.format(right=0).replace('"b"', '"a"')), "quiz.0"),
        (text(body=""), "nothing to read"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(changed: str, fault: str) -> None:
    with pytest.raises(DataFileInvalid, match=fault):
        parsed("salt", "zh", changed)


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>", "a <img src=x onerror=alert(1)>", "# heading", "[x](http://a.example)",
        "[x](javascript:alert(1))", "![](/v1/education/images/a.png)", "![x](https://a.example/a.png)",
    ],
)  # fmt: skip
def test_what_an_article_may_not_hold_is_refused_and_the_rest_is_served(tmp_path: Path, body: str) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "bad.md").write_text(text(body=body), encoding="utf-8")
    (tmp_path / "zh" / "good.md").write_text(text(), encoding="utf-8")
    (tmp_path / "zh" / "huge.md").write_text(text(body="盐" * 100_000), encoding="utf-8")
    (tmp_path / "zh" / "torn.md").write_bytes(b"+++\n\xff\xfe")
    found = load(tmp_path)
    assert [slug for _, slug in found.articles] == ["good"]
    assert sorted(fault.split(":")[0] for fault in found.faults) == ["zh/bad.md", "zh/huge.md", "zh/torn.md"]
    assert "<script" not in rendering.html(body)
    assert "onerror" not in rendering.html(body).replace("&lt;img src=x onerror", "")


def test_what_is_out_of_date_is_not_served_and_named(tmp_path: Path) -> None:
    (tmp_path / "zh").mkdir()
    (tmp_path / "zh" / "salt.md").write_text(text(), encoding="utf-8")
    found, after = load(tmp_path), date(2028, 11, 26)
    assert found.find("zh", "salt", date(2028, 11, 25)).title == "少吃盐"
    with pytest.raises(NotFound):
        found.find("zh", "salt", after)
    assert found.listed("zh", after) == found.searched("zh", "盐", after) == []
    assert "zh/salt.md: expired on 2028-11-26" in remarks(found, after)


@pytest.mark.parametrize(
    ("language", "said", "slug"),
    [
        ("zh", "手抖出冷汗", "low-sugar"),
        ("zh", "中风", "signs-of-stroke-and-heart-attack"),
        ("zh", "高压", "measuring-blood-pressure"),
        ("zh", "减肥", "weight-and-waist"),
        ("zh", "吃得太咸", "less-salt"),
        ("zh", "心情不好", "low-mood"),
        ("en", "feeling shaky", "low-sugar"),
        ("en", "salty food", "less-salt"),
        ("en", "my glucose curve", "reading-a-glucose-curve"),
    ],
)
def test_it_is_found_by_the_words_that_people_use(language: str, said: str, slug: str) -> None:
    assert next(one.slug for one in library().searched(language, said, TODAY)) == slug


def test_nothing_is_found_for_what_is_no_word() -> None:
    assert library().searched("zh", "？？。", TODAY) == library().searched("en", "the of", TODAY) == []


HARD_EN = "Antihypertensive pharmacotherapy necessitates longitudinal physiological evaluation."
HARD_ZH = "高血压患者在接受长期药物治疗的过程中应当定期进行动态血压监测以便对靶器官损害的风险进行综合评估并据此调整方案"


@pytest.mark.parametrize(
    ("language", "said", "is_plain"),
    [
        ("en", "Sit down. Rest. Measure again.", True),
        ("en", HARD_EN, False),
        ("zh", "坐好，歇一歇。再量一次。", True),
        ("zh", HARD_ZH, False),
    ],
)
def test_hard_words_and_long_sentences_are_measured(language: str, said: str, is_plain: bool) -> None:
    assert measure(said, language).is_plain is is_plain
