"""Education over HTTP: for everybody, without a login, and with what it rests on."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from phr.education import signatures, versions
from phr.education.article import Article
from phr.education.library import library
from tests.cast import T0, Cast, a_clinic

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
        ("condition=depression", {"low-mood", "helping-somebody-who-is-low"}),
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


def test_what_is_for_professionals_is_shown_to_those_who_work_in_an_organisation(
    cast: Cast, staff: tuple[str, str]
) -> None:
    slug, course = "staff-diabetes-whom", "staff-diabetes"
    for path in (f"{PATH}/{slug}", f"/v1/education/courses/{course}"):
        assert cast.http.get(path).status_code == 404, path
    for path in (PATH, f"{PATH}?text=糖尿病随访", "/v1/education/courses"):
        assert "staff-" not in cast.http.get(path).text, path
    for who in staff:
        headers = {"Authorization": f"Bearer {cast.token(who, 'organisation.read')}"}
        told = [
            cast.http.get(f"/v1/organisation/{path}?language=en", headers=headers).json
            for path in ("courses", f"courses/{course}", "articles", f"articles/{slug}")
        ]
        listed, shown, articles, article = told
        assert listed
        assert {one["audience"] for one in listed["courses"]} == {"professional"}
        assert course in {one["course"] for one in listed["courses"]}
        assert shown["lessons"][0]["lesson"] == slug  # type: ignore[index]
        assert slug in {one["slug"] for one in articles["articles"]}  # type: ignore[index]
        assert article["audience"] == ["professional"]  # type: ignore[index]
    headers = {"Authorization": f"Bearer {cast.token(cast.owner, 'organisation.read')}"}
    assert cast.http.get(f"/v1/organisation/courses/{course}", headers=headers).status_code == 403


def test_doctor_signs_what_is_for_professionals_too(cast: Cast, staff: tuple[str, str]) -> None:
    headers = {"Authorization": f"Bearer {cast.token(staff[0], 'care-rules.sign')}"}
    signed = cast.http.post(f"{PATH}/staff-diabetes-whom/sign", headers=headers)
    assert signed.status_code == 200
    assert signed.json
    assert signed.json["reviewed_by"] == "陈 doctor"


@pytest.fixture
def staff(cast: Cast) -> tuple[str, str]:
    """A doctor and a nurse of a clinic."""
    doctor, nurse = a_clinic(cast.database, "doctor", "nurse")
    return doctor, nurse


def sign(cast: Cast, who: str, method: str = "POST", language: str = "zh") -> int:
    headers = {"Authorization": f"Bearer {cast.token(who, 'care-rules.sign')}"}
    path = f"/v1/education/articles/low-sugar/sign?language={language}"
    return cast.http.open(path, method=method, headers=headers).status_code


def reviewed(cast: Cast, language: str = "zh") -> Any:
    one = cast.http.get(f"/v1/education/articles/low-sugar?language={language}").json
    assert one
    return one["reviewed_by"], one["note"]


def test_article_is_unreviewed_until_a_doctor_signs_it_in_its_language(cast: Cast, staff: tuple[str, str]) -> None:
    assert reviewed(cast)[0] is None
    assert reviewed(cast)[1]["en"] == "not reviewed by a clinician"
    assert sign(cast, staff[0]) == 200
    assert reviewed(cast) == ("陈 doctor", None)
    assert reviewed(cast, "en")[0] is None
    listed = cast.http.get("/v1/education/articles").json
    assert listed
    assert {one["slug"] for one in listed["articles"] if one["reviewed_by"]} == {"low-sugar"}
    assert sign(cast, staff[0], "DELETE") == 204
    assert reviewed(cast)[0] is None


def test_nurses_and_citizens_sign_nothing(cast: Cast, staff: tuple[str, str]) -> None:
    assert sign(cast, staff[1]) == 403
    assert sign(cast, cast.owner) == 403
    assert reviewed(cast)[0] is None


def test_changed_text_is_unsigned_again(cast: Cast) -> None:
    one = library().articles["zh", "low-sugar"]
    signatures.sign(cast.database, one, ("陈", cast.doctor), T0)
    assert set(signatures.of(cast.database, [one])) == {"zh/low-sugar"}
    assert signatures.of(cast.database, [dataclasses.replace(one, body=one.body + "。")]) == {}


def read_before_an_upgrade(cast: Cast, monkeypatch: pytest.MonkeyPatch, slug: str = "low-sugar") -> Article:
    """What the owner has read, of which the next release says something else."""
    one = library().articles["zh", slug]
    assert cast.send(cast.owner, "POST", f"/v1/people/{{owner}}/lessons/{slug}/read").status_code == 200
    changed = dataclasses.replace(one, title="新的题目", body="新的内容。")
    monkeypatch.setitem(library().articles, ("zh", slug), changed)
    return one


def test_what_was_read_is_shown_as_it_was_after_it_has_changed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cast.http.get(f"{PATH}/low-sugar").json
    was = read_before_an_upgrade(cast, monkeypatch)
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/lessons").json
    assert found
    (seen,) = found["lessons"][0]["versions"]
    assert (seen["language"], seen["version"]) == ("zh", was.version)
    now = cast.http.get(f"{PATH}/low-sugar").json
    assert (now["title"], now["is_current"]) == ("新的题目", True)
    then = cast.http.get(f"{PATH}/low-sugar?version={seen['version']}").json
    assert then == before | {"is_current": False}


def test_new_version_that_is_read_is_noted_besides_the_old_one(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    was = read_before_an_upgrade(cast, monkeypatch)
    for _ in range(2):
        told = cast.send(cast.owner, "POST", "/v1/people/{owner}/lessons/low-sugar/read").json
    assert [one["version"] for one in told["versions"]] == [was.version, library().articles["zh", "low-sugar"].version]
    english = cast.send(cast.owner, "POST", "/v1/people/{owner}/lessons/low-sugar/read?language=en").json
    assert [one["language"] for one in english["versions"]] == ["zh", "zh", "en"]


def test_signature_stays_with_the_version_that_was_signed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    was = read_before_an_upgrade(cast, monkeypatch)
    signatures.sign(cast.database, was, ("陈", cast.doctor), T0)
    assert cast.http.get(f"{PATH}/low-sugar?version={was.version}").json["reviewed_by"] == "陈"
    assert reviewed(cast)[0] is None


def test_version_of_professionals_is_shown_to_nobody_else(
    cast: Cast, staff: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = library().articles["zh", "staff-diabetes-whom"]
    versions.keep(cast.database, one, T0)
    monkeypatch.delitem(library().articles, ("zh", one.slug))
    assert cast.http.get(f"{PATH}/{one.slug}?version={one.version}").status_code == 404
    headers = {"Authorization": f"Bearer {cast.token(staff[1], 'organisation.read')}"}
    found = cast.http.get(f"/v1/organisation/articles/{one.slug}?version={one.version}", headers=headers)
    assert found.status_code == 200


@pytest.mark.parametrize(("version", "status"), [("0" * 32, 404), ("x", 400), ("0" * 31 + "%0a", 400)])
def test_version_that_nobody_has_read_or_that_is_none_is_refused(cast: Cast, version: str, status: int) -> None:
    assert cast.http.get(f"{PATH}/low-sugar?version={version}").status_code == status
