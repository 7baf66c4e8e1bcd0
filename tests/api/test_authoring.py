"""Articles of an installation: imported as drafts, signed, published, served at once, gone on their day."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ops import education
from phr.config import Settings
from phr.education import authoring, drawing, images, importing, rendering, signatures
from phr.education.article import parsed
from phr.education.library import library
from tests.cast import T0, Cast, a_clinic
from tests.education.test_articles import FRONT, QUIZ, text

PATH = "/v1/education/articles"
OPERATOR = ("ops", "")
NEW = "gargling"


@pytest.fixture
def doctor(cast: Cast) -> str:
    (found,) = a_clinic(cast.database, "doctor")
    return found


def a_folder(at: Path, **files: str | bytes) -> Path:
    """``zh__salt``: the text of zh/salt.md."""
    for name, said in files.items():
        path = at / (name.replace("__", "/").replace("_", "-") + ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said if isinstance(said, bytes) else said.encode())
    return at


def imported(cast: Cast, at: Path, **files: str | bytes) -> importing.Imported:
    return importing.take(cast.database, a_folder(at, **files), OPERATOR, T0)


def asked(cast: Cast, who: str, method: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(who, 'care-rules.sign')}"}
    return cast.http.open(f"/v1/education/{path}", method=method, headers=headers)


def served(cast: Cast, slug: str = NEW) -> Any:
    return cast.http.get(f"{PATH}/{slug}")


def published(cast: Cast, doctor: str, at: Path) -> str:
    """The version of a new article that went all the way."""
    (one,) = imported(cast, at, zh__gargling=text(body="用盐水漱口。")).taken
    assert asked(cast, doctor, "POST", f"articles/{NEW}/sign?version={one.version}").status_code == 200
    assert asked(cast, doctor, "POST", f"articles/{NEW}/publish?version={one.version}").status_code == 200
    return one.version


BAD_INPUT = {
    "markdown with a script": (text(body="<script>alert(1)</script>"), "HTML"),
    "a link that is a script": (text(body="[x](javascript:alert(1))"), "link"),
    "a giant file": (text(body="盐" * 100_000), "64 KiB"),
    "broken front matter": (text('title = "a'), "front matter"),
    "no front matter": ("少放盐。", "front matter"),
    "a quiz without a right answer": (text(FRONT + QUIZ.format(right=2)), "quiz.0"),
    "a quiz that names no right answer": (
        text(FRONT + '[[quiz]]\nask = "?"\nanswers = ["a", "b"]\nwhy = ""\n'),
        "right",
    ),
    "no source": (text("\n".join(FRONT.split("\n")[:5]) + "\n"), "sources"),
    "a source that there is not": (text(FRONT.replace('"SHEET"', '"NOWHERE"')), "NOWHERE"),
    "no text": (b"\xff\xfe", "can't be read"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_by_file_and_reason_and_the_rest_is_taken(cast: Cast, tmp_path: Path, case: str) -> None:
    said, why = BAD_INPUT[case]
    found = imported(cast, tmp_path, zh__bad=said, zh__gargling=text())
    (fault,) = found.refused
    assert fault.startswith("zh/bad.md: ")
    assert why in fault
    assert [one.name for one in found.taken] == [f"zh/{NEW}"]
    assert [one.article.name for one in authoring.listed(cast.database)] == [f"zh/{NEW}"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"de__salt": text()}, "de/salt.md: the folder says the language"),
        ({"salt": text()}, "salt.md: lies in a folder"),
        ({"zh__Salt": text()}, "zh/Salt.md: the file is named"),
        ({"zh__low_sugar": text(FRONT.replace("2026-11-26", "2020-01-01"))}, "zh/low-sugar.md: written_on"),
        ({"zh__low_sugar": text(FRONT.replace("minutes", 'audience = ["professional"]\nminutes'))}, "audience"),
        ({"zh__less_salt": text()}, "zh/less-salt.md: is a lesson of the course"),
    ],
)
def test_what_cannot_stand_where_its_name_says_is_refused(
    cast: Cast, tmp_path: Path, files: dict[str, str], why: str
) -> None:
    found = imported(cast, tmp_path, **files)
    assert not found.taken
    assert any(why in fault for fault in found.refused), found.refused


def test_dry_run_says_the_same_and_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    folder = a_folder(tmp_path, zh__gargling=text(), zh__bad="x")
    dry = importing.take(cast.database, folder, OPERATOR, T0, is_dry=True)
    assert authoring.listed(cast.database) == []
    assert importing.take(cast.database, folder, OPERATOR, T0) == dry


def test_import_again_changes_nothing(cast: Cast, tmp_path: Path) -> None:
    imported(cast, tmp_path, zh__gargling=text())
    before = authoring.listed(cast.database)
    again = importing.take(cast.database, tmp_path, ("another", ""), T0 + 1)
    assert (again.taken, [one.slug for one in again.unchanged]) == ((), [NEW])
    assert authoring.listed(cast.database) == before


def test_draft_is_shown_to_nobody_but_those_who_sign(cast: Cast, doctor: str, tmp_path: Path) -> None:
    (one,) = imported(cast, tmp_path, zh__gargling=text()).taken
    assert served(cast).status_code == 404
    assert cast.http.get(f"{PATH}/{NEW}?version={one.version}").status_code == 404
    assert NEW not in cast.http.get(PATH).text
    assert asked(cast, cast.owner, "GET", "workflow").status_code == 403
    assert asked(cast, cast.owner, "GET", f"workflow/{NEW}").status_code == 403
    (text_,) = asked(cast, doctor, "GET", f"workflow/{NEW}").json["texts"]
    assert (text_["written"]["state"], text_["remarks"]) == ("draft", [{"zh": "没有译文", "en": "has no translation"}])
    assert "<p>少放盐。</p>" in text_["article"]["html"]


def test_draft_is_signed_then_published_then_served_and_found_at_once(cast: Cast, doctor: str, tmp_path: Path) -> None:
    version = published(cast, doctor, tmp_path)
    assert served(cast).json["version"] == version
    assert served(cast).json["reviewed_by"] == "陈 doctor"
    assert cast.http.get(f"{PATH}?text=漱口").json["articles"][0]["slug"] == NEW
    (row,) = asked(cast, doctor, "GET", "workflow").json["articles"]
    assert row["state"] == "published"
    assert [(one["step"], one["name"]) for one in row["steps"]] == [
        ("imported", "ops"),
        ("signed", "陈 doctor"),
        ("published", "陈 doctor"),
    ]


def test_unsigned_is_not_published(cast: Cast, doctor: str, tmp_path: Path) -> None:
    imported(cast, tmp_path, zh__gargling=text())
    refused = asked(cast, doctor, "POST", f"articles/{NEW}/publish")
    assert (refused.status_code, refused.json["code"]) == (409, "not-reviewed")
    assert served(cast).status_code == 404


def test_nobody_publishes_who_may_not_sign(cast: Cast, doctor: str, tmp_path: Path) -> None:
    published(cast, doctor, tmp_path)
    for method in ("POST", "DELETE"):
        assert asked(cast, cast.owner, method, f"articles/{NEW}/publish").status_code == 403
    assert served(cast).status_code == 200


def test_newer_version_stands_in_front_of_what_ships_until_it_is_withdrawn(
    cast: Cast, doctor: str, tmp_path: Path
) -> None:
    shipped = served(cast, "low-sugar").json["version"]
    mine = text(FRONT.replace("少吃盐", "本院写的") + QUIZ.format(right=0))
    (one,) = imported(cast, tmp_path, zh__low_sugar=mine).taken
    asked(cast, doctor, "POST", f"articles/low-sugar/sign?version={one.version}")
    asked(cast, doctor, "POST", "articles/low-sugar/publish")
    assert served(cast, "low-sugar").json["title"] == "本院写的"
    assert asked(cast, doctor, "DELETE", "articles/low-sugar/publish").status_code == 204
    assert served(cast, "low-sugar").json["version"] == shipped
    assert asked(cast, doctor, "GET", "workflow").json["articles"][0]["state"] == "reviewed"


def test_version_that_replaces_another_leaves_it_readable_by_its_name(cast: Cast, doctor: str, tmp_path: Path) -> None:
    first = published(cast, doctor, tmp_path)
    (second,) = imported(cast, tmp_path, zh__gargling=text(body="现在不一样了。")).taken
    asked(cast, doctor, "POST", f"articles/{NEW}/sign?version={second.version}")
    asked(cast, doctor, "POST", f"articles/{NEW}/publish?version={second.version}")
    assert served(cast).json["version"] == second.version
    then = cast.http.get(f"{PATH}/{NEW}?version={first}").json
    assert ("用盐水漱口" in then["html"], then["is_current"]) == (True, False)


def test_signature_taken_back_takes_the_article_out_of_the_shelf(cast: Cast, doctor: str, tmp_path: Path) -> None:
    version = published(cast, doctor, tmp_path)
    assert asked(cast, doctor, "DELETE", f"articles/{NEW}/sign?version={version}").status_code == 204
    assert served(cast).status_code == 404
    steps = authoring.find(cast.database, f"zh/{NEW}").steps
    assert {one.step for one in steps} >= {"published", "withdrawn", "signature-taken-back"}


def test_expired_article_is_neither_served_nor_published(cast: Cast) -> None:
    one = parsed(NEW, "zh", text())
    authoring.take(cast.database, one, OPERATOR, T0)
    signatures.sign(cast.database, one, ("陈", cast.doctor), T0)
    authoring.publish(cast.database, one, OPERATOR, T0, today=date(2028, 11, 25))
    shelf, after = authoring.shelf(cast.database), date(2028, 11, 26)
    assert shelf.find("zh", NEW, date(2028, 11, 25)).slug == NEW
    assert NEW not in [found.slug for found in shelf.listed("zh", after)]
    assert authoring.find(cast.database, one.name).state(after) == "expired"
    with pytest.raises(authoring.NotReviewed):
        authoring.publish(cast.database, one, OPERATOR, T0, today=after)


def test_what_was_read_of_an_own_article_is_noted(cast: Cast, doctor: str, tmp_path: Path) -> None:
    version = published(cast, doctor, tmp_path)
    told = cast.send(cast.owner, "POST", f"/v1/people/{{owner}}/lessons/{NEW}/read").json
    assert [one["version"] for one in told["versions"]] == [version]


def test_operator_imports_lists_publishes_and_withdraws_by_command(
    cast: Cast, mongod: str, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = dataclasses.replace(settings, mongodb_uri=mongod, mongodb_database=cast.database.name, operator="ops")
    folder = a_folder(tmp_path, zh__gargling=text(), zh__bad="x")

    def said(*argv: str, status: int = 0) -> Any:
        assert education.main(list(argv), own) == status
        return json.loads(capsys.readouterr().out or "null")

    assert len(said("import", str(folder), "--dry-run", status=1)["taken"]) == 1
    found = said("import", str(folder), status=1)
    assert ([one["article"] for one in found["taken"]], len(found["refused"])) == ([f"zh/{NEW}"], 1)
    said("publish", f"zh/{NEW}", status=1)
    one = authoring.find(cast.database, f"zh/{NEW}").article
    signatures.sign(cast.database, one, ("陈", cast.doctor), T0)
    assert said("publish", f"zh/{NEW}")["state"] == "published"
    assert said("withdraw", f"zh/{NEW}")["state"] == "reviewed"
    steps = said("list")["articles"][0]["steps"]
    assert {(step["step"], step["name"]) for step in steps} >= {("imported", "ops"), ("published", "ops")}


def test_folder_that_is_none_is_said(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no such folder"):
        importing.take(cast.database, tmp_path / "nowhere", OPERATOR, T0)


def test_shipped_library_is_served_alone_where_nothing_was_published(cast: Cast) -> None:
    assert authoring.shelf(cast.database) is library()


ALT = "漱口的人"


def a_png(side: int = 40, colour: str = "#336699", kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, kind)
    return out.getvalue()


def pictured(at: Path, image: bytes, name: str = "gargling.png", alt: str = ALT) -> Path:
    """An article that shows the image, and one that shows none."""
    (at / "images").mkdir(parents=True)
    (at / "images" / name).write_bytes(image)
    shown = text(body=f"这样漱口。\n\n![{alt}](/v1/education/images/{name})")
    return a_folder(at, zh__gargling=shown, zh__other=text())


def test_image_is_taken_with_its_article_and_shown_with_its_words(cast: Cast, doctor: str, tmp_path: Path) -> None:
    found = importing.take(cast.database, pictured(tmp_path, a_png()), OPERATOR, T0)
    assert found.refused == ()
    (preview,) = asked(cast, doctor, "GET", f"workflow/{NEW}").json["texts"]
    src = "/v1/education/images/gargling.png"
    assert preview["article"]["blocks"][-1] == {"type": "image", "text": ALT, "src": src}
    assert f'<img src="{src}" alt="{ALT}">' in preview["article"]["html"]
    sent = cast.http.get(src)
    assert (sent.data, sent.content_type) == (a_png(), "image/png")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("image", "name", "why"),
    [
        (SVG, "x.svg", "is named by"),
        (SVG, "x.png", "no whole PNG"),
        (a_png()[:60], "x.png", "no whole PNG"),
        (a_png(kind="GIF"), "x.png", "no whole PNG"),
        (a_png(kind="JPEG"), "x.png", "ends in .jpg"),
        (a_png(15), "x.png", "15 × 15"),
        (a_png(2_001), "x.png", "2001 × 2001"),
        (a_png() + b"0" * 300 * 1024, "x.png", "300 KiB"),
        (a_png(), "Ä.png", "is named by"),
    ],
)
def test_bad_image_is_refused_with_its_article_and_the_rest_is_taken(
    cast: Cast, tmp_path: Path, image: bytes, name: str, why: str
) -> None:
    found = importing.take(cast.database, pictured(tmp_path, image, name), OPERATOR, T0)
    assert [one.slug for one in found.taken] == ["other"]
    assert any(fault.startswith(f"images/{name}: ") and why in fault for fault in found.refused), found.refused
    assert any(fault.startswith(f"zh/{NEW}.md: ") for fault in found.refused)
    assert cast.http.get(f"/v1/education/images/{name}").status_code == 404


@pytest.mark.parametrize("side", [16, 2_000])
def test_image_at_the_limits_is_taken(cast: Cast, tmp_path: Path, side: int) -> None:
    assert importing.take(cast.database, pictured(tmp_path, a_png(side)), OPERATOR, T0).refused == ()


def test_image_without_words_is_refused(cast: Cast, tmp_path: Path) -> None:
    found = importing.take(cast.database, pictured(tmp_path, a_png(), alt=" "), OPERATOR, T0)
    assert found.refused == (f"zh/{NEW}.md: an image has words in its brackets and lies under /v1/education/images/",)


def test_name_of_an_image_is_never_another_image(cast: Cast, tmp_path: Path) -> None:
    importing.take(cast.database, pictured(tmp_path / "a", a_png()), OPERATOR, T0)
    other = pictured(tmp_path / "b", a_png(colour="#aa0000"))
    (other / "zh" / "gargling.md").write_text(text(body="![x](/v1/education/images/gargling.png)"), encoding="utf-8")
    found = importing.take(cast.database, other, OPERATOR, T0)
    assert found.refused == (
        "images/gargling.png: another image has this name: give it another one",
        f"zh/{NEW}.md: shows an image that is refused",
    )
    assert cast.http.get("/v1/education/images/gargling.png").data == a_png()


def test_image_that_ships_is_served_and_is_what_its_script_draws(cast: Cast) -> None:
    for name, draw in drawing.DRAWN.items():
        sent = cast.http.get(f"/v1/education/images/{name}")
        assert sent.status_code == 200
        with Image.open(io.BytesIO(sent.data)) as image:
            assert image.convert("RGB").tobytes() == draw().convert("RGB").tobytes()
    shown = {name for one in library().articles.values() for name in rendering.images(one.body)}
    assert shown == set(images.shipped().by_name) == set(drawing.DRAWN)
    assert images.shipped().faults == ()


@pytest.mark.parametrize("name", ["nothing.png", "..%2f..%2farticle.py", "draw.py"])
def test_nothing_but_images_is_served_as_one(cast: Cast, name: str) -> None:
    assert cast.http.get(f"/v1/education/images/{name}").status_code == 404
