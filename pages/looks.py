"""How pages look to who reads them: language, units, large signs. Kept in a cookie that says nothing of anybody."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from babel.messages import mofile, pofile
from babel.support import Translations
from flask import Flask, Request, g, request
from flask_babel import Babel, Domain
from werkzeug.wrappers import Response

from pages.house import house

COOKIE = "phr-look"
TRANSLATIONS = Path(__file__).with_name("translations")
TAGS = {"zh": "zh-CN", "en": "en"}
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
PRESSURE, GLUCOSE = ("mmHg", "kPa"), ("mmol", "mgdl")
KEPT_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Look:
    language: str = "zh"  # a key of TAGS
    pressure: str = "mmHg"  # one of PRESSURE
    glucose: str = "mmol"  # one of GLUCOSE
    is_large: bool = False  # elder mode

    @property
    def tag(self) -> str:
        return TAGS[self.language]

    def kept(self) -> str:
        return ".".join((self.language, self.pressure, self.glucose, "large" if self.is_large else "usual"))


class Catalogue(Domain):  # type: ignore[misc] # flask-babel has no types
    """The translations as people edit them, compiled when they are first asked for."""

    def get_translations(self) -> Any:
        return _catalogue(LOCALES[of(request).language])


class _Babel(Babel):  # type: ignore[misc] # flask-babel has no types
    @cached_property
    def domain_instance(self) -> Catalogue:
        return Catalogue()


def install(app: Flask) -> None:
    _Babel(app, locale_selector=lambda: LOCALES[of(request).language])
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.globals["look"] = lambda: of(request)


def of(asked: Request) -> Look:
    """By the cookie, else by what the browser's languages are; Chinese where they are neither of ours."""
    if "look" not in g:
        g.look = _read(asked)
    found: Look = g.look
    return found


def keep(answer: Response, look: Look) -> None:
    answer.set_cookie(COOKIE, look.kept(), max_age=KEPT_S, secure=house().is_tls, samesite="Lax", path="/")


def changed(look: Look, form: Any) -> Look:
    """The look with what a form chose; what it may not choose stays as it was."""
    if form.get("language") in TAGS:
        look = replace(look, language=form["language"])
    if form.get("pressure") in PRESSURE:
        look = replace(look, pressure=form["pressure"])
    if form.get("glucose") in GLUCOSE:
        look = replace(look, glucose=form["glucose"])
    if form.get("size") in ("usual", "large"):
        look = replace(look, is_large=form["size"] == "large")
    return look


def _read(asked: Request) -> Look:
    parts = asked.cookies.get(COOKIE, "").split(".")
    best = asked.accept_languages.best_match(tuple(TAGS)) or "zh"
    if len(parts) != 4:
        return Look(language=best)
    language, pressure, glucose, size = parts
    form = {"language": language, "pressure": pressure, "glucose": glucose, "size": size}
    return changed(Look(language=best), form)


@cache
def _catalogue(locale: str) -> Translations:
    file = TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"
    if not file.exists():  # English is what stands in the templates
        return Translations()
    with file.open("rb") as text:
        catalogue = pofile.read_po(text, locale=locale)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="messages")
