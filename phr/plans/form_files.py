"""Forms of visits for others: as JSON, as a spreadsheet, as a page to print, with the official names and codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

from phr.care.form import Form, Item, forms
from phr.plans.visits import Visit
from phr.plans.workbook import Table, workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HEAD = ("姓名", "性别", "出生日期", "身份证号", "随访日期")
TAIL = ("随访医生", "随访机构", "记录标识")
CODES_SHEET = "值域代码"
_SEX = {"male": "1", "female": "2"}  # GB/T 2261.1
_UNKNOWN_SEX = "0"
_STYLE = (
    "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #444;padding:4px 8px;text-align:left;vertical-align:top}"
    "section{page-break-after:always}small{color:#555}"
)


@dataclass(frozen=True, slots=True)
class Whose:
    """What a form says of the person, each None where the reader may not see it; doctor and organisation by name."""

    name: str | None = None
    sex: str | None = None
    birth_on: date | None = None
    identity_number: str | None = None
    doctor: str | None = None
    organisation: str | None = None


Told = tuple[Visit, Whose]


def as_json(visit: Visit, whose: Whose) -> dict[str, Any]:
    """One form: the official names of its items, the value as a code or number, and what the code means."""
    form = visit.form
    return {
        "form": form.zh,
        "source": form.source,
        "id": visit.id,
        "person": visit.person,
        **dict(zip(HEAD, _head(visit, whose), strict=True)),
        "items": [_item_json(item, visit) for item in form.items.values() if not item.is_own],
        **dict(zip(TAIL, _tail(visit, whose), strict=True)),
        "sent": visit.sent,
    }


def as_sheets(told: Iterable[Told]) -> bytes:
    """A workbook: a sheet a form, a row a visit, and a sheet that says what each code means.

    Cells hold codes and numbers as they are typed into the regional system. No cell is ever a formula.
    """
    by_form: dict[str, list[Told]] = {}
    for one in told:
        by_form.setdefault(one[0].programme, []).append(one)
    tables: list[Table] = []
    for programme in sorted(by_form) or sorted(forms())[:1]:
        form = forms()[programme]
        items = [one for one in form.items.values() if not one.is_own]
        rows = [[*HEAD, *map(_title, items), *TAIL]]
        rows += [
            [*_head(visit, whose), *(_plain(one, visit) for one in items), *_tail(visit, whose)]
            for visit, whose in by_form.get(programme, ())
        ]
        tables.append((form.zh, rows))
    return workbook([*tables, (CODES_SHEET, _codes([forms()[one] for one in sorted(by_form)]))])


def as_page(told: Iterable[Told]) -> str:
    """A page to print, a sheet of paper a visit; home averages stand apart from what the visit found."""
    parts = "".join(_section(visit, whose) for visit, whose in told)
    head = f'<meta charset="utf-8"><title>随访服务记录表</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="zh">{head}{parts}'


def _section(visit: Visit, whose: Whose) -> str:
    form = visit.form
    head = "".join(f"<tr><th>{escape(one)}</th><td>{_html(text)}</td></tr>" for one, text in _pairs(visit, whose))
    rows = "".join(
        f"<tr><th>{escape(_title(one))}</th><td>{_html(one.said(_value(one, visit)))}</td></tr>"
        for one in form.items.values()
        if not one.is_own
    )
    tail = "".join(
        f"<tr><th>{escape(name)}</th><td>{_html(text)}</td></tr>"
        for name, text in zip(TAIL, _tail(visit, whose), strict=True)
    )
    return (
        f"<section><h1>{escape(form.zh)}</h1><table>{head}{rows}{tail}</table>"
        f"<p><small>{escape(_home(visit.home))} {escape(form.source)}</small></p></section>"
    )


def _home(home: Mapping[str, Any] | None) -> str:
    """What was measured at home, beside the form and no part of it."""
    if not home:
        return "家庭监测：无。"
    found = []
    for one in home.values():
        told = "，".join(f"{name} {value}" for name, value in one["told"].items() if value is not None)
        judged = "数据不足，不作判断" if not one["is_enough"] else one["judged_zh"]
        found.append(f"{one['zh']}：{told}（{one['n']} 次，{one['days']} 天；{judged}）。")
    return "".join(found)


def _item_json(item: Item, visit: Visit) -> dict[str, Any]:
    value = _value(item, visit)
    filled = visit.items.get(item.key)
    return {
        "name": item.zh,
        "key": item.key,
        "value": value,
        "unit": item.unit,
        "words": item.said(value) if item.codes else None,
        "how": filled.how if filled else None,
    }


def _value(item: Item, visit: Visit) -> Any:
    filled = visit.items.get(item.key)
    return filled.value if filled else None


def _plain(item: Item, visit: Visit) -> Any:
    value = _value(item, visit)
    return "|".join(value) if isinstance(value, (list, tuple)) else value


def _title(item: Item) -> str:
    return f"{item.zh}（{item.unit}）" if item.unit else item.zh


def _pairs(visit: Visit, whose: Whose) -> Iterable[tuple[str, Any]]:
    return zip(HEAD, _head(visit, whose), strict=True)


def _head(visit: Visit, whose: Whose) -> Sequence[Any]:
    return (
        whose.name,
        _SEX.get(whose.sex, _UNKNOWN_SEX) if whose.sex else None,
        whose.birth_on.isoformat() if whose.birth_on else None,
        whose.identity_number,
        visit.on.isoformat(),
    )


def _tail(visit: Visit, whose: Whose) -> Sequence[Any]:
    return whose.doctor or visit.doctor, whose.organisation or visit.organisation, visit.id


def _html(value: Any) -> str:
    return "" if value is None else escape(str(value)).replace("\n", "<br>")


def _codes(found: Sequence[Form]) -> Iterator[Sequence[str]]:
    """What each code of each form means."""
    yield "记录表", "项目", "代码", "含义"
    for form in found:
        for item in form.items.values():
            for code, words in item.codes.items() if not item.is_own else ():
                yield form.zh, item.zh, code, words
