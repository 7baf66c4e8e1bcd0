"""The table of what is suggested to whom: sound as it ships, and what is wrong with one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from phr.education.matching import Known, Sign, WhenRow, load, suggested, table
from phr.errors import DataFileInvalid

GOOD = """
[topics.salt]
zh = "x"
en = "x"
articles = ["less-salt"]

[[matches]]
articles = ["less-salt"]
weight = 1
when = { conditions = ["hypertension"], ages = [40, 50], sex = "female" }
why = { zh = "x", en = "x" }
"""


def test_table_that_ships_is_sound() -> None:
    assert len(table().matches) > 5
    assert any(one.when == WhenRow() for one in table().matches)  # nobody is left with nothing


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (GOOD.replace("less-salt", "no-such"), "no article no-such"),
        (GOOD.replace("less-salt", "staff-diabetes-whom"), "is for professionals"),
        (GOOD.replace('["less-salt"]\n\n', '["low-mood"]\n\n'), "less-salt is of none"),
        (GOOD.replace('["less-salt"]\n\n', '["less-salt", "less-salt"]\n\n'), "less-salt is of two"),
        (GOOD.replace('conditions = ["hypertension"]', 'mornings = "no-such"'), "no rule no-such"),
        (GOOD.replace('en = "x" }', 'en = "{limit}" }'), "why.en"),
        (GOOD.replace('conditions = ["hypertension"]', 'keeping = "odd"'), "keeping"),
        (
            GOOD.replace('conditions = ["hypertension"]', 'keeping = "silent"').replace(
                'en = "x" }', 'en = "{percent}" }'
            ),
            "{percent}",
        ),
        (GOOD.replace("hypertension", "no-such"), "there is no no-such"),
        (GOOD.replace('conditions = ["hypertension"]', 'rules = ["no-such"]'), "no rule no-such"),
        (GOOD.replace("[40, 50]", "[50, 40]"), "from and to"),
        (GOOD.replace("[40, 50]", "[50]"), "from and to"),
        (GOOD.replace(', en = "x"', ""), "zh and en"),
        (GOOD + "odd = 1", "odd"),
        ("[[matches", "matches.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "matches.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileInvalid) as refused:
        load(path)
    assert why in refused.value.detail


@pytest.mark.parametrize(
    ("age", "sex", "words", "is_for"),
    [
        (40, "female", ("hypertension",), True),
        (50, "female", ("hypertension",), True),
        (39, "female", ("hypertension",), False),
        (51, "female", ("hypertension",), False),
        (None, "female", ("hypertension",), False),
        (45, "male", ("hypertension",), False),
        (45, None, ("hypertension",), False),
        (45, "female", (), False),
    ],
)
def test_all_that_is_named_must_hold(
    tmp_path: Path, age: int | None, sex: str | None, words: tuple[str, ...], is_for: bool
) -> None:
    path = tmp_path / "matches.toml"
    path.write_text(GOOD, encoding="utf-8")
    known = Known(conditions={word: frozenset({"conditions"}) for word in words}, age=age, sex=sex)
    found = suggested(load(path), known, ())
    assert [one.slug for one in found] == (["less-salt"] if is_for else [])
    if is_for:
        assert found[0].categories == {"conditions", "profile"}
        assert suggested(load(path), known, {"less-salt"}) == []
        assert suggested(load(path), known, {"salt"}) == []  # a topic that somebody has enough of


def test_pregnancy_is_a_reason_while_it_lasts_and_is_seen_with_its_categories(tmp_path: Path) -> None:
    path = tmp_path / "matches.toml"
    when = 'conditions = ["hypertension"], ages = [40, 50], sex = "female"'
    path.write_text(GOOD.replace(when, "pregnant = true"), encoding="utf-8")
    found = suggested(load(path), Known(pregnancy=frozenset({"reproductive"})), ())
    assert [(one.slug, one.categories) for one in found] == [("less-salt", {"reproductive"})]
    assert suggested(load(path), Known(pregnancy=frozenset({"reproductive"})), (), {"care"}) == []
    assert suggested(load(path), Known(), ()) == []


def test_reason_that_may_not_be_seen_hides_none_that_may(tmp_path: Path) -> None:
    path = tmp_path / "matches.toml"
    secret = """
[[matches]]
articles = ["less-salt"]
weight = 9
when = { conditions = ["depression"] }
why = { zh = "y", en = "y" }
"""
    path.write_text(GOOD.replace(', ages = [40, 50], sex = "female"', "") + secret, encoding="utf-8")
    of = {"hypertension": frozenset({"conditions"}), "depression": frozenset({"conditions", "mental"})}
    assert [one.why["en"] for one in suggested(load(path), Known(conditions=of), ())] == ["y"]
    assert [one.why["en"] for one in suggested(load(path), Known(conditions=of), (), {"conditions"})] == ["x"]
    assert suggested(load(path), Known(conditions=of), (), ()) == []


def test_keeping_to_a_plan_is_a_reason_with_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "matches.toml"
    when, why = 'conditions = ["hypertension"], ages = [40, 50], sex = "female"', 'why = { zh = "x", en = "x" }'
    text = GOOD.replace(when, 'keeping = "medicines-missed"').replace(why, 'why = { zh = "{days}", en = "{percent}" }')
    path.write_text(text, encoding="utf-8")
    words = {"days": "30", "percent": "55.5"}
    known = Known(keeping={"medicines-missed": Sign(frozenset({"care"}), {"zh": words, "en": words})})
    (found,) = suggested(load(path), known, ())
    assert (found.why, found.is_prompt, found.categories) == ({"zh": "30", "en": "55.5"}, True, {"care"})
    assert suggested(load(path), Known(), ()) == []
