"""Every text of the pages is there in Chinese and in English, and nothing is translated that is said no more."""

from __future__ import annotations

import re

from babel.messages import pofile
from babel.messages.extract import extract_from_dir

from pages.looks import LOCALES, TRANSLATIONS

METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]


def said() -> set[str]:
    """The texts as they stand in templates and views; scripts get theirs from the page."""
    found = extract_from_dir(TRANSLATIONS.parent, METHODS)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def test_nothing_is_untranslated_and_nothing_is_left_over() -> None:
    file = TRANSLATIONS / LOCALES["zh"] / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as text:
        catalogue = pofile.read_po(text, locale=LOCALES["zh"])
    translated = {
        one.id if isinstance(one.id, str) else one.id[0]: one for one in catalogue if one.id and not one.fuzzy
    }
    empty = sorted(text for text, one in translated.items() if not one.string or not any(one.string))
    assert not empty
    assert said() - translated.keys() == set()
    assert translated.keys() - said() == set()
    for one in translated.values():
        assert not list(one.check(catalogue)), one.id
        for text in [one.string] if isinstance(one.string, str) else one.string:
            assert re.sub(r"%\(\w+\)s", "", text).count("%") == 0, text  # a sign alone breaks what is filled in


def test_scripts_and_templates_say_nothing_by_themselves() -> None:
    """Chinese there would be read by who reads English; names of languages stand for themselves."""
    for path in [*TRANSLATIONS.parent.glob("templates/**/*.html"), *TRANSLATIONS.parent.glob("static/*.js")]:
        text = path.read_text(encoding="utf-8").replace("中文", "")
        assert not [sign for sign in text if "\u4e00" <= sign <= "\u9fff"], path.name
