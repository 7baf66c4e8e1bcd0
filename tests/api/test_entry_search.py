"""Finding entries by text and code, in the list and in the timeline."""

from random import Random
from typing import Any

import pytest

from phr.people import grants
from phr.timeline import listing
from tests.cast import Cast, a_grant, a_note

ENTRIES, TIMELINE = "/v1/people/{owner}/entries", "/v1/people/{owner}/timeline"
DIABETES = {"kind": "condition", "text": "2型糖尿病", "codes": [{"system": "icd-10", "code": "E11.9"}]}


def sent(cast: Cast, **changes: Any) -> Any:
    return cast.send(cast.owner, "POST", ENTRIES, json=a_note(**changes)).json


def found(cast: Cast, query: str, path: str = ENTRIES, who: str = "") -> list[str]:
    answer = cast.send(who or cast.owner, "GET", f"{path}?{query}").json
    return [one["text"] for one in answer["entries" if path == ENTRIES else "lines"]]


@pytest.mark.parametrize("path", [ENTRIES, TIMELINE])
@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("text=头晕", ["昨晚头晕，血压高"]),
        ("text=血压 头晕", ["昨晚头晕，血压高"]),
        ("text=头痛", []),
        ("text=metformin", ["Metformin 500mg"]),
        ("code=icd-10:E11.9", ["2型糖尿病"]),
        ("code=E11", ["2型糖尿病"]),
        ("code=E10", []),
        ("text=糖尿病&code=E11.9", ["2型糖尿病"]),
        ("text=头晕&code=E11.9", []),
        ("text=糖尿病&kinds=note", []),
        ("text=糖尿病&kinds=condition", ["2型糖尿病"]),
        ("text=糖尿病&source=import", []),
        ("text=糖尿病&from=2026-11-24T00:00:00Z", []),
    ],
)
def test_words_and_codes_find_what_has_them(cast: Cast, path: str, query: str, texts: list[str]) -> None:
    sent(cast, text="昨晚头晕，血压高")
    sent(cast, text="Metformin 500mg")
    sent(cast, **DIABETES)
    assert found(cast, query, path) == texts


@pytest.mark.parametrize("few", [0, 2, 4, 200])
def test_all_words_must_be_there_whichever_is_rare(cast: Cast, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    for text in ("头晕", "头晕 头痛", "头痛", "头晕 咳嗽 头痛", "咳嗽 头痛"):
        sent(cast, text=text)
    assert sorted(found(cast, "text=头晕 头痛")) == ["头晕 咳嗽 头痛", "头晕 头痛"]
    assert found(cast, "text=咳嗽 头晕 头痛") == ["头晕 咳嗽 头痛"]


def test_readings_are_no_part_of_a_search(cast: Cast) -> None:
    item = {"metric": "weight", "t": "2026-11-23T07:30:00+08:00", "unit": "kg", "value": 70}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json={"device": "phone", "readings": [item]})
    assert found(cast, "text=头晕", TIMELINE) == []


def test_who_may_not_see_it_does_not_find_it(cast: Cast) -> None:
    sent(cast, text="抑郁", sensitive=["mental"])
    grants.create(cast.database, a_grant(cast.owner, cast.stranger, categories=("notes",)))
    assert found(cast, "text=抑郁") == ["抑郁"]
    assert found(cast, "text=抑郁", who=cast.stranger) == []


def test_changed_text_is_found_by_its_new_words_alone(cast: Cast) -> None:
    sent(cast, id="n1")
    cast.send(cast.owner, "PATCH", f"{ENTRIES}/n1", json={"text": "头痛"}, headers={"If-Match": '"1"'})
    assert (found(cast, "text=头晕"), found(cast, "text=头痛")) == ([], ["头痛"])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("text=，", "/text"),
        ("text=", "/text"),
        (f"text={'x' * 201}", "/text"),
        ("code=", "/code"),
        ("code=a b", "/code"),
    ],
)
@pytest.mark.parametrize("path", [ENTRIES, TIMELINE])
def test_bad_search_is_pointed_at(cast: Cast, path: str, query: str, pointer: str) -> None:
    answer = cast.send(cast.owner, "GET", f"{path}?{query}")
    assert (answer.status_code, answer.json["pointer"]) == (400, pointer)


@pytest.mark.parametrize("path", [ENTRIES, TIMELINE])
def test_pages_of_a_search_give_each_once_while_others_are_added(cast: Cast, path: str) -> None:
    chance, name = Random(4), "entries" if path == ENTRIES else "lines"
    for number in range(9):
        sent(cast, text=f"头晕 {number}", effective_at=f"2026-11-{20 + number % 4}T07:30:00+08:00")
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = cast.send(cast.owner, "GET", f"{path}?text=头晕&limit=2{cursor and '&cursor=' + cursor}").json
        seen, cursor = seen + [one["id"] for one in page[name]], page["next_cursor"]
        sent(cast, text="头晕", effective_at=f"2026-11-{chance.randrange(18, 27)}T12:00:00+08:00")
    assert len(seen) == len(set(seen)) >= 9
