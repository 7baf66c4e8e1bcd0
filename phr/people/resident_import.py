"""An organisation's residents and their contracts from a CSV file; who is there already is known by identity number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid
from phr.people import contracts, directory, organisations, people
from phr.people.contracts import NewContract
from phr.people.people import NewPerson

COLUMNS = ("name", "identity_number", "phone", "birth_date", "sex", "team", "starts_on", "ends_on")
NEEDED = ("name", "identity_number")
CONTRACTS = ("team", "starts_on", "ends_on")
SEXES = ("female", "male", "other", "unknown")
BATCH = 500
_Cells = dict[str, str | None]
_NOT_NORMAL = {"identity_number": "不是有效的身份证号，可能有误", "phone": "不是有效的电话号码：应有 5 到 15 位数字"}


@dataclass(frozen=True, slots=True)
class Source:
    """A file by its name, for messages, and what is in it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose residents, in which zone they live, who imports them; ``is_dry``: only says what would be."""

    organisation: str
    zone: str
    by: str
    is_dry: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """``detail`` in English, ``zh`` in Chinese."""

    line: int
    column: str
    detail: str
    zh: str


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    draft: NewPerson
    contract: tuple[str, date, date] | None  # team, first and last day


@dataclass(frozen=True, slots=True)
class Outcome:
    """``existing``: who was there already; ``contracts_left``: of who has another, or whose time is over."""

    created: int
    existing: tuple[str, ...]
    contracts: int
    contracts_left: int
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _File:
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def run(database: Database, file: Source, wish: Wish, now_ms: int) -> Outcome:
    """What came of it, or would; contracts wait for the residents' consent.

    A file with a fault in it is refused before anything is stored: raises InputInvalid naming line and column; a dry
    run gives all of them. After a crash the same command goes on.
    """
    read = _read(file, wish)
    known = _known(database, read)
    _check_teams(database, read, wish)
    new = [row for row in read.rows if row.draft.identity_number not in known]
    existing = tuple(sorted(known.values()))
    if read.faults and not wish.is_dry:
        first = min(read.faults, key=lambda one: one.line)
        more = f" (and {len(read.faults) - 1} more; --dry-run lists them)" if len(read.faults) > 1 else ""
        place = f"line {first.line}, column {first.column}" if first.column else f"line {first.line}"
        raise InputInvalid(f"{file.name} {place}: {first.detail}{more}")
    made = 0
    if not wish.is_dry:
        for number in range(0, len(new), BATCH):
            some = people.create_many(database, [row.draft for row in new[number : number + BATCH]])
            known |= {one.identity_number: one.id for one in some if one.identity_number}
        made = sum(_contract(database, row, known, wish, now_ms) for row in read.rows)
    wanted = sum(row.contract is not None for row in read.rows)
    done, left = (wanted, 0) if wish.is_dry else (made, wanted - made)
    return Outcome(len(new), existing, done, left, tuple(sorted(read.faults, key=lambda one: one.line)))


def _read(file: Source, wish: Wish) -> _File:
    found = _File()
    seen: dict[str | None, int] = {}
    try:
        for line, cells in _lines(file):
            _take(found, seen, line, cells, wish)
    except _Bad as bad:
        found.faults.append(Fault(bad.line, bad.column, bad.detail, bad.zh))
    return found


def _take(found: _File, seen: dict[str | None, int], line: int, cells: _Cells, wish: Wish) -> None:
    try:
        row = _row(line, cells, wish)
    except _Bad as bad:
        found.faults.append(Fault(line, bad.column, bad.detail, bad.zh))
        return
    number = row.draft.identity_number
    if number in seen:
        en, zh = f"stands in line {seen[number]} already", f"与第 {seen[number]} 行重复"
        found.faults.append(Fault(line, "identity_number", en, zh))
        return
    seen[number] = line
    found.rows.append(row)


class _Bad(Exception):
    """A cell that can't be taken; with ``line``, what makes the rest of the file unreadable."""

    def __init__(self, column: str, detail: str, zh: str, line: int = 1) -> None:
        super().__init__(detail)
        self.column, self.detail, self.zh, self.line = column, detail, zh, line


def _lines(file: Source) -> Iterator[tuple[int, _Cells]]:
    """Raises _Bad for what can't be read on from there."""
    try:
        lines = csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as error:
        raise _Bad("", "not UTF-8", "文件不是 UTF-8 编码") from error
    try:
        header = next(lines, [])
        odd = sorted(set(header) - set(COLUMNS)) or [name for name in NEEDED if name not in header]
        if odd or len(set(header)) < len(header):
            named = (odd or ["twice"])[0]
            raise _Bad(named, f"there are {', '.join(COLUMNS)}", f"表头可用的列：{'、'.join(COLUMNS)}")
        for row in lines:
            if row and len(row) != len(header):
                en, zh = f"{len(row)} columns, not {len(header)}", f"有 {len(row)} 列，应为 {len(header)} 列"
                raise _Bad("", en, zh, lines.line_num)
            if row:
                yield lines.line_num, {name: text.strip() or None for name, text in zip(header, row, strict=True)}
    except csv.Error as error:
        raise _Bad("", str(error), "不是完整的 CSV，请检查引号和逗号", lines.line_num) from error


def _row(line: int, said: _Cells, wish: Wish) -> Row:
    for name in NEEDED:
        if said.get(name) is None:
            raise _Bad(name, "is needed", "必填")
    number = _normal("identity_number", said, directory.normal_identity_number)
    sex = said.get("sex")
    if sex is not None and sex not in SEXES:
        raise _Bad("sex", f"is one of {', '.join(SEXES)}", f"只能是 {'、'.join(SEXES)}")
    draft = NewPerson(
        zone=wish.zone,
        name=said["name"],
        identity_number=number,
        phone=_normal("phone", said, directory.normal_phone),
        birth_on=_date("birth_date", said),
        sex=sex,
    )
    return Row(line, draft, _terms(said, wish))


def _terms(said: _Cells, wish: Wish) -> tuple[str, date, date] | None:
    if not any(said.get(name) for name in CONTRACTS):
        return None
    team, starts_on, ends_on = said.get("team"), _date("starts_on", said), _date("ends_on", said)
    for name, value in zip(CONTRACTS, (team, starts_on, ends_on), strict=True):
        if value is None:
            raise _Bad(name, "a contract has a team, a first and a last day", "签约需要团队、起始日和截止日")
    assert team is not None
    assert starts_on is not None
    assert ends_on is not None
    if ends_on < starts_on:
        raise _Bad("ends_on", "lies before starts_on", "早于起始日")
    return f"{wish.organisation}/{team}", starts_on, ends_on


def _normal(name: str, said: _Cells, normal: Any) -> str | None:
    text = said.get(name)
    if text is None:
        return None
    try:
        return str(normal(text))
    except InputInvalid as error:
        raise _Bad(name, error.detail, _NOT_NORMAL[name]) from error


def _date(name: str, said: _Cells) -> date | None:
    text = said.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise _Bad(name, "a date such as 2026-11-23", "日期应写成 2026-11-23 这样") from error


def _known(database: Database, read: _File) -> dict[str, str]:
    """Those of the rows who are there, by identity number; one of another name was mistyped, here or there."""
    found: dict[str, str] = {}
    for row in read.rows:
        number = row.draft.identity_number
        assert number is not None
        for person_id in directory.find_by_identity_number(database, number)[:1]:
            found[number] = person_id
    names = {one.id: one.name for one in people.find_many(database, found.values()).values()}
    for row in read.rows:
        there = found.get(row.draft.identity_number or "")
        if there is not None and names.get(there) not in (None, row.draft.name):
            en, zh = "somebody of another name has this identity number", "这个身份证号已登记在另一个姓名下"
            read.faults.append(Fault(row.line, "name", en, zh))
    return found


def _check_teams(database: Database, read: _File, wish: Wish) -> None:
    teams = {team.id for team in organisations.teams(database, wish.organisation)}
    read.faults += [
        Fault(row.line, "team", f"{row.contract[0]} is no team", f"没有 {row.contract[0]} 这个团队")
        for row in read.rows
        if row.contract and row.contract[0] not in teams
    ]


def _contract(database: Database, row: Row, known: dict[str, str], wish: Wish, now_ms: int) -> bool:
    """True where there is one with these terms now. One that is over, or another that is not, is left as it is."""
    if row.contract is None:
        return False
    team, starts_on, ends_on = row.contract
    person = known[row.draft.identity_number or ""]
    try:
        draft = NewContract(person=person, team=team, starts_on=starts_on, ends_on=ends_on)
        contracts.make(database, draft, wish.by, now_ms)
    except (AlreadyThere, InputInvalid):
        return False
    return True
