"""Articles: what is sound is served, what is not is named; plain, sourced, found by the words that people use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from phr.care.rules import rules
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

# What people were promised that they can read about: subject, and the article that it is in.
SUBJECTS = {
    "measuring blood pressure": "measuring-blood-pressure",
    "measuring glucose": "measuring-glucose",
    "a CGM curve": "reading-a-glucose-curve",
    "salt": "less-salt",
    "oil": "less-oil",
    "sugar": "less-sugar",
    "exercise by age": "moving-by-age",
    "medicines and why not to stop them": "do-not-stop-medicines",
    "hypoglycaemia": "low-sugar",
    "stroke and heart attack": "signs-of-stroke-and-heart-attack",
    "inhalers": "using-an-inhaler",
    "weight": "weight-and-waist",
    "sleep": "sleeping-well",
    "smoking": "stop-smoking",
    "alcohol": "less-alcohol",
    "vaccination": "childrens-vaccines",
    "fever of children": "child-with-fever",
    "feeding children": "feeding-a-small-child",
    "pregnancy": "being-pregnant",
    "falls of elders": "falls-of-elders",
    "depression": "low-mood",
    "stress": "stress",
    "a check-up report": "reading-a-check-up-report",
    "privacy of one's record": "your-record-is-yours",
    "COPD": "living-with-copd",
    "asthma and peak flow": "asthma-and-peak-flow",
    "heart failure and weight": "heart-failure-weight",
    "kidney disease": "kidneys-early",
    "lipids": "blood-lipids",
    "diabetes in pregnancy": "diabetes-in-pregnancy",
    "pressure in pregnancy": "blood-pressure-in-pregnancy",
    "atrial fibrillation": "atrial-fibrillation-and-your-watch",
    "120": "calling-120",
    "12356": "helping-somebody-who-is-low",
}


def text(front: str = FRONT, body: str = "少放盐。") -> str:
    return f"+++\n{front}+++\n\n{body}\n"


def test_what_is_for_professionals_is_found_by_nobody_else() -> None:
    of_staff = {slug for (_, slug), one in library().articles.items() if one.is_for_staff}
    assert {one.slug for one in library().listed("zh", TODAY, for_staff=True)} == of_staff
    assert not of_staff & {one.slug for one in library().listed("zh", TODAY)}
    assert not of_staff & {one.slug for one in library().searched("zh", "高血压随访 紧急转诊", TODAY)}
    for slug in of_staff:
        assert library().find("zh", slug, TODAY, is_staff=True).slug == slug
        with pytest.raises(NotFound):
            library().find("zh", slug, TODAY)


def test_every_shipped_article_is_sound_plain_in_date_and_translated() -> None:
    assert library().faults == ()
    assert remarks(library(), TODAY) == []
    slugs = {language: {slug for its, slug in library().articles if its == language} for language in LANGUAGES}
    assert slugs["zh"] == slugs["en"] == {path.stem for path in FOLDER.glob("zh/*.md")}
    for language in LANGUAGES:
        assert len([one for one in library().listed(language, TODAY) if one.sources]) >= 40  # for people alone


@pytest.mark.parametrize(("subject", "slug"), SUBJECTS.items())
def test_every_subject_that_is_wanted_has_its_article_with_sources_in_both_languages(subject: str, slug: str) -> None:
    for language in LANGUAGES:
        one = library().find(language, slug, TODAY)
        assert one.sources, subject


def test_every_programme_has_an_article_about_its_disease() -> None:
    about = {word for one in library().articles.values() for word in one.conditions}
    asked = {programme.diagnosis for programme in rules().programmes}
    assert asked - about == {"af-screening"}  # which is of nobody's record; "atrial-fibrillation" has one


def test_a_translation_has_the_questions_and_sources_of_its_article() -> None:
    for (language, slug), one in library().articles.items():
        other = library().articles["en" if language == "zh" else "zh", slug]
        shapes = [[(len(row.answers), row.right) for row in it.quiz] for it in (one, other)]
        assert shapes[0] == shapes[1], slug
        assert [source.id for source in one.sources] == [source.id for source in other.sources], slug
        assert one.audience == other.audience, slug


@pytest.mark.parametrize("slug", sorted({slug for _, slug in library().articles}))
def test_no_article_gives_a_diagnosis_or_changes_a_dose(slug: str) -> None:
    zh, en = (rendering.words(library().articles[language, slug].body) for language in LANGUAGES)
    assert not [word for word in ("您得了", "你得了", "加一片", "减一片", "毫克") if word in zh]
    assert not [
        word
        for word in (" mg", "you have diabetes", "double the dose", "half a pill")
        if word in en.lower().replace(" mg/g", "")
    ]


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
        (text(FRONT.replace("minutes", 'audience = ["everybody"]\nminutes')), "audience"),
        (text(FRONT.replace("minutes", "audience = []\nminutes")), "audience"),
        (text(FRONT.replace("minutes", 'audience = ["person", "professional"]\nminutes')), "nobody else"),
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
    assert "zh/salt.md: expired on 2028-11-26" in map(str, remarks(found, after))


@pytest.mark.parametrize(
    ("language", "said", "slug"),
    [
        ("zh", "手抖出冷汗", "low-sugar"),
        ("zh", "中风", "signs-of-stroke-and-heart-attack"),
        ("zh", "高压", "measuring-blood-pressure"),
        ("zh", "减肥", "weight-and-waist"),
        ("zh", "吃得太咸", "less-salt"),
        ("zh", "心情不好", "low-mood"),
        ("zh", "最近很紧张", "stress"),
        ("zh", "伺候老人太累", "caring-for-the-carer"),
        ("zh", "心跳不齐", "atrial-fibrillation-and-your-watch"),
        ("zh", "血氧低", "using-an-oximeter"),
        ("zh", "怎么叫救护车", "calling-120"),
        ("zh", "急救电话", "calling-120"),
        ("zh", "烂脚", "feet-in-diabetes"),
        ("zh", "尿里有泡沫", "kidneys-early"),
        ("zh", "胰岛素放冰箱", "keeping-medicines-and-insulin"),
        ("zh", "村医", "your-family-doctor-team"),
        ("zh", "老人健身", "exercise-for-elders"),
        ("zh", "高温", "heat-and-cold"),
        ("zh", "煤气中毒", "heat-and-cold"),
        ("zh", "口渴尿多", "sugar-very-high"),
        ("zh", "奶茶", "less-sugar"),
        ("zh", "吃得太油腻", "less-oil"),
        ("zh", "哮喘泵", "using-an-inhaler"),
        ("zh", "失眠", "sleeping-well"),
        ("zh", "抽烟", "stop-smoking"),
        ("zh", "喝白酒", "less-alcohol"),
        ("zh", "小孩发烧", "child-with-fever"),
        ("zh", "添辅食", "feeding-a-small-child"),
        ("zh", "产检", "being-pregnant"),
        ("zh", "化验单有箭头", "reading-a-check-up-report"),
        ("zh", "老慢支", "living-with-copd"),
        ("zh", "峰流速", "asthma-and-peak-flow"),
        ("zh", "肌酐高", "kidneys-early"),
        ("zh", "胆固醇高", "blood-lipids"),
        ("zh", "糖妈妈", "diabetes-in-pregnancy"),
        ("zh", "怀孕血压高", "blood-pressure-in-pregnancy"),
        ("zh", "在家量和医院量不一样", "home-and-clinic-pressure"),
        ("zh", "糖化高", "long-term-sugar"),
        ("zh", "流感疫苗", "vaccines-for-adults"),
        ("zh", "孩子老看手机", "children-move-and-screens"),
        ("zh", "家里人想自杀", "helping-somebody-who-is-low"),
        ("zh", "尿酸高", "uric-acid-and-gout"),
        ("en", "feeling shaky", "low-sugar"),
        ("en", "salty food", "less-salt"),
        ("en", "my glucose curve", "reading-a-glucose-curve"),
        ("en", "I feel anxious", "stress"),
        ("en", "caregiver burnout", "caring-for-the-carer"),
        ("en", "heart palpitations", "atrial-fibrillation-and-your-watch"),
        ("en", "oxygen saturation", "using-an-oximeter"),
        ("en", "ambulance", "calling-120"),
        ("en", "numb feet", "feet-in-diabetes"),
        ("en", "my eyesight is blurred", "eyes-and-kidneys-in-diabetes"),
        ("en", "expired pills", "keeping-medicines-and-insulin"),
        ("en", "register with a gp", "your-family-doctor-team"),
        ("en", "weak legs", "exercise-for-elders"),
        ("en", "heatstroke", "heat-and-cold"),
        ("en", "thirsty all the time", "sugar-very-high"),
        ("en", "I eat too many sweets", "less-sugar"),
        ("en", "fried food", "less-oil"),
        ("en", "my puffer", "using-an-inhaler"),
        ("en", "insomnia", "sleeping-well"),
        ("en", "quit cigarettes", "stop-smoking"),
        ("en", "too much wine", "less-alcohol"),
        ("en", "my baby has a temperature", "child-with-fever"),
        ("en", "weaning", "feeding-a-small-child"),
        ("en", "antenatal check", "being-pregnant"),
        ("en", "lab report", "reading-a-check-up-report"),
        ("en", "emphysema", "living-with-copd"),
        ("en", "wheezing", "asthma-and-peak-flow"),
        ("en", "creatinine", "kidneys-early"),
        ("en", "high cholesterol", "blood-lipids"),
        ("en", "gestational diabetes", "diabetes-in-pregnancy"),
        ("en", "preeclampsia", "blood-pressure-in-pregnancy"),
        ("en", "white coat", "home-and-clinic-pressure"),
        ("en", "my a1c", "long-term-sugar"),
        ("en", "flu shot", "vaccines-for-adults"),
        ("en", "children and screens", "children-move-and-screens"),
        ("en", "my mother is suicidal", "helping-somebody-who-is-low"),
        ("en", "big toe hurts", "uric-acid-and-gout"),
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
