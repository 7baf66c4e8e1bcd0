"""The table of templates, as operators write it."""

from __future__ import annotations

import pytest

from phr.config import Settings
from phr.errors import SettingInvalid
from phr.notices.wechat_templates import Template, Templates, fields_of, of, web_of

TIMED, WORDS = {"thing1": "words", "time2": "time"}, {"thing4": "words"}


def read(table: str) -> Templates | None:
    return of(Settings(wechat_template="G", wechat_templates=table))


def test_without_a_table_the_general_template_tells_everything() -> None:
    assert of(Settings()) is None
    assert read(" ") == Templates(Template("G", TIMED))


def test_kinds_have_templates_and_fields_of_their_own() -> None:
    found = read("reminder=R thing4=words; alert=A-1_x ;")
    assert found == Templates(
        Template("G", TIMED), {"reminder": Template("R", WORDS), "alert": Template("A-1_x", TIMED)}
    )
    assert [one.id for one in found.of_kind("reminder")] == ["R", "G"]
    assert [one.id for one in found.of_kind("digest")] == ["G"]
    assert found.kinds() == {"A-1_x": ("alert",), "R": ("reminder",), "G": ("lesson", "account", "digest")}


def test_template_that_is_named_twice_is_asked_once() -> None:
    found = read("lesson=L; reminder=L; alert=G")
    assert found is not None
    assert [one.id for one in found.of_kind("alert")] == ["G"]
    assert found.kinds() == {"L": ("reminder", "lesson"), "G": ("alert", "account", "digest")}


@pytest.mark.parametrize(
    "table",
    [
        "reminder",
        "digest=D",
        "pills=P",
        "reminder=a b",
        "reminder=é",
        "reminder=R; reminder=S",
        "reminder=R thing1=time",
    ],
)
def test_table_that_can_not_be_stops_the_start(table: str) -> None:
    with pytest.raises(SettingInvalid, match="PHR_WECHAT_TEMPLATES"):
        read(table)


def test_table_alone_is_the_half_of_one() -> None:
    with pytest.raises(SettingInvalid, match="PHR_WECHAT_WEB_TEMPLATES needs"):
        web_of(Settings(wechat_web_templates="reminder=R"))


@pytest.mark.parametrize(
    "text", ["", "thing1", "thing=words", "thing1=time", "time1=words", "amount1=words", "thing1=x"]
)
def test_fields_that_can_not_be_stop_the_start(text: str) -> None:
    with pytest.raises(SettingInvalid, match="PHR_X"):
        fields_of(text, "PHR_X")
