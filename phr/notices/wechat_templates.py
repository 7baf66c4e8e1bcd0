"""Which template of WeChat's tells which kind of notice: the settings' table. Pure.

``PHR_WECHAT_TEMPLATES``: ``reminder=ID thing1=words,time2=time; alert=ID``. A kind that is not named, and a digest, is
told by the general one; so is a kind whose own template has nothing left that the person has allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from phr.config import Settings
from phr.errors import SettingInvalid
from phr.notices.preferences import KINDS

DIGEST = "digest"
# What a field of a template holds, in characters (sendMessage, limits of values).
LONGEST = {"thing": 20, "phrase": 5, "name": 10}
TIMES = ("time", "date")
_FIELD = re.compile(r"([a-z_]+)\d+=(words|time)")
_LINE = re.compile(r"([a-z]+)=([A-Za-z0-9_-]{1,64})(?: +(\S.*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Template:
    """``fields``: by name, whether the words or the time is put in."""

    id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Templates:
    general: Template
    own: Mapping[str, Template] = field(default_factory=dict)

    def of_kind(self, kind: str) -> tuple[Template, ...]:
        """Those that may tell it, in the order in which they are asked."""
        found = self.own.get(kind)
        return (self.general,) if found is None or found.id == self.general.id else (found, self.general)

    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """By id of each template, the kinds that it tells first, the general one at the end."""
        by_id: dict[str, tuple[str, ...]] = {}
        for kind in (*KINDS, DIGEST):
            first = self.of_kind(kind)[0].id
            by_id[first] = (*by_id.get(first, ()), kind)
        last = by_id.pop(self.general.id, ())
        return by_id | {self.general.id: last}


def of(settings: Settings) -> Templates | None:
    """The mini-program's. Raises SettingInvalid for the half of one."""
    return _read(
        settings.wechat_template, settings.wechat_template_fields, settings.wechat_templates, "PHR_WECHAT_TEMPLATE"
    )


def web_of(settings: Settings) -> Templates | None:
    """The official account's. Raises SettingInvalid for the half of one."""
    general, table = settings.wechat_web_template, settings.wechat_web_templates
    return _read(general, settings.wechat_web_template_fields, table, "PHR_WECHAT_WEB_TEMPLATE")


def fields_of(text: str, name: str) -> Mapping[str, str]:
    """ "thing1=words,time2=time" as {"thing1": "words", "time2": "time"}. Raises SettingInvalid, naming ``name``."""
    found = {}
    for part in (one.strip() for one in text.split(",")):
        match = _FIELD.fullmatch(part)
        if match is None or match[1] not in (*LONGEST, *TIMES):
            raise SettingInvalid(f"{name}: {part or 'nothing'} is none of thing1=words, phrase1=words, time1=time …")
        if (match[2] == "time") != (match[1] in TIMES):
            raise SettingInvalid(f"{name}: {part}: times go into time and date, words into the others")
        key, _, what = part.partition("=")
        found[key] = what
    return found


def _read(general: str | None, fields: str, table: str, name: str) -> Templates | None:
    if general is None:
        if table.strip():
            raise SettingInvalid(f"{name}S needs {name}, which tells what it does not name")
        return None
    usual = fields_of(fields, f"{name}_FIELDS")
    own: dict[str, Template] = {}
    for line in (one.strip() for one in table.split(";") if one.strip()):
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in KINDS:
            raise SettingInvalid(f"{name}S: {line[:60]}: begin with one of {', '.join(KINDS)}, as reminder=ID")
        if match[1] in own:
            raise SettingInvalid(f"{name}S: {match[1]} stands there twice")
        own[match[1]] = Template(match[2], fields_of(match[3], f"{name}S") if match[3] else usual)
    return Templates(Template(general, usual), own)
