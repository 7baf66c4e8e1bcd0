"""Education over HTTP: for everybody, without a login, and with what it rests on."""

from __future__ import annotations

import pytest

from tests.cast import Cast

PATH = "/v1/education/articles"


def test_articles_are_listed_and_found_in_both_languages(cast: Cast) -> None:
    everything = cast.http.get(PATH).json["articles"]
    assert {one["language"] for one in everything} == {"zh"}
    assert {one["note"]["zh"] for one in everything} == {"未经临床医生审核"}
    found = cast.http.get(f"{PATH}?language=en&text=shaky").json["articles"]
    assert found[0]["slug"] == "low-sugar"


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("condition=depression", {"low-mood"}),
        ("metric=waist", {"weight-and-waist"}),
        ("condition=nothing", set()),
        ("text=盐&metric=waist", set()),
    ],
)
def test_filters(cast: Cast, query: str, slugs: set[str]) -> None:
    assert {one["slug"] for one in cast.http.get(f"{PATH}?{query}").json["articles"]} == slugs


def test_one_has_html_blocks_questions_and_sources(cast: Cast) -> None:
    one = cast.http.get(f"{PATH}/low-sugar").json
    assert "<h2>三步</h2>" in one["html"]
    assert {block["type"] for block in one["blocks"]} == {"paragraph", "heading", "item"}
    assert one["quiz"][0]["answers"][one["quiz"][0]["right"]] == "吃 15 克糖"
    assert [source["evidence"] for source in one["sources"]] == ["read", "unverified"]
    assert one["reviewed_by"] is None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PATH}/nothing", 404),
        (f"{PATH}/..%2f..%2fsources", 404),
        (f"{PATH}?language=de", 400),
        (f"{PATH}?text=", 400),
        (f"{PATH}?text[$ne]=x", 400),
    ],
)
def test_odd_requests(cast: Cast, path: str, status: int) -> None:
    assert cast.http.get(path).status_code == status
