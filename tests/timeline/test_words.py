"""What entries are found by, in Chinese, English and codes."""

import pytest

from phr.timeline.words import LONGEST_WORD, MOST_SOUGHT, MOST_WORDS, sought, sought_code, words_of


def finds(query: str, *texts: str) -> list[str]:
    return [text for text in texts if set(sought(query)) <= set(words_of({"text": text}))]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("高血压", "高血压病三级，极高危"),
        ("血压", "高血压病三级，极高危"),
        ("量血压", "昨晚头晕，量血压128/82"),
        ("头晕 血压", "昨晚头晕，量血压128/82"),
        ("视网膜病变", "2型糖尿病视网膜病变"),
        ("糖尿病视网膜", "2型糖尿病视网膜病变"),
        ("metformin", "Metformin 500mg, twice a day"),
        ("METFORMIN 500MG", "Metformin 500mg, twice a day"),
        ("covid", "COVID-19 vaccine"),
        ("ＨｂＡ１ｃ", "HbA1c 6.5%"),
        ("乙肝疫苗", "接种乙肝疫苗第二针"),
        ("128", "量血压128/82"),
    ],
)
def test_words_are_found(query: str, text: str) -> None:
    assert finds(query, text) == [text]


@pytest.mark.parametrize(
    ("query", "text"), [("低血压", "高血压病"), ("头痛", "头晕"), ("form", "metformin"), ("血压 头痛", "血压")]
)
def test_other_words_are_not(query: str, text: str) -> None:
    assert finds(query, text) == []


@pytest.mark.parametrize("text", ["", "，。", " - ", "🙂"])
def test_signs_alone_are_no_words(text: str) -> None:
    assert sought(text) == words_of({"text": text}) == []


def test_words_are_found_wherever_they_stand() -> None:
    content = {"text": "体检", "sections": [{"text": "血生化", "items": [{"text": "尿酸", "value": 420}]}]}
    assert set(sought("尿酸")) <= set(words_of(content))


@pytest.mark.parametrize("code", ["icd-10:E11.9", "E11.9", "E11", "icd-10:E11"])
def test_code_is_found_with_and_without_its_system_and_from_above(code: str) -> None:
    content = {"text": "x", "codes": [{"system": "icd-10", "code": "E11.9"}]}
    assert sought_code(code) in words_of(content)


@pytest.mark.parametrize("code", ["E11.8", "E1", "icd-11:E11.9", "x"])
def test_other_code_is_not(code: str) -> None:
    assert sought_code(code) not in words_of({"text": "x", "codes": [{"system": "icd-10", "code": "E11.9"}]})


def test_code_and_word_are_apart() -> None:
    assert sought_code("x") not in words_of({"text": "x"})


def test_words_have_their_bounds() -> None:
    text = " ".join(f"w{number}" for number in range(MOST_WORDS + 10))
    assert len(words_of({"text": text})) == MOST_WORDS
    assert len(sought(text)) == MOST_SOUGHT
    assert len(words_of({"text": "a" * 10_000})[0]) == len("word:") + LONGEST_WORD
