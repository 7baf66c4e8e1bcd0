"""Organisations, members, teams and residents by the operator's commands."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from phr.database import Database
from phr.people import contracts, directory, organisations, people
from phr.people.organisations import DOCTOR
from tests.cast import T0, a_clinic, a_person
from tests.ops.test_admin import Admin, home, run

__all__ = ["home", "run"]

UNTIL = (date.today() + timedelta(days=300)).isoformat()  # noqa: DTZ011
HEADER = "name,identity_number,phone,birth_date,sex,team,starts_on,ends_on"
NUMBERS = ("11010519491231002X", "440524188001010014")  # GB 11643-1999, appendix A
GOOD = (
    f"王芳,{NUMBERS[0]},138 0013 8000,1949-12-31,female,blue,2026-01-01,{UNTIL}",
    f"李建国,{NUMBERS[1]},,1880-01-01,male,,,",
)


def a_file(tmp_path: Path, *rows: str, header: str = HEADER) -> str:
    path = tmp_path / "residents.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8-sig")
    return str(path)


def test_an_organisation_is_made_with_members_and_teams(run: Admin, database: Database) -> None:
    person = people.create(database, a_person()).id
    assert run("organisation", "create", "clinic", "--name", "社区中心")[0] == 0
    assert run("organisation", "team", "clinic", "blue", "--name", "蓝队")[1]["grantee"] == "team:clinic/blue"
    assert run("organisation", "member", "clinic", person, "--role", "doctor")[0] == 0
    assert run("organisation", "join", "clinic", "blue", person)[1]["members"] == [person]
    assert run("organisation", "duty", "clinic", "blue", person, "6-7=00:00-24:00")[1]["duty"] == ["6-7=00:00-24:00"]
    assert run("organisation", "part", "clinic", "blue", person)[1]["members"] == []
    assert run("organisation", "leave", "clinic", person)[0] == 0
    assert organisations.members(database, "clinic", T0) == []


def test_residents_and_contracts_are_imported_once(run: Admin, database: Database, tmp_path: Path) -> None:
    a_clinic(database, DOCTOR)
    file = a_file(tmp_path, *GOOD)
    printed = [run("organisation", "import", "clinic", file)[1] for _ in range(2)]
    counts = [(one["created"], one["existing"], one["contracts"]) for one in printed]
    assert counts == [(2, 0, 1), (0, 2, 1)]
    (found,) = directory.find_by_identity_number(database, NUMBERS[0])
    assert [one.grant.state(T0) for one in contracts.of_person(database, found, T0)] == ["proposed"]


def test_a_dry_run_stores_nothing(run: Admin, database: Database, tmp_path: Path) -> None:
    a_clinic(database, DOCTOR)
    before = database["people"].count_documents({})
    printed = run("organisation", "import", "clinic", a_file(tmp_path, *GOOD), "--dry-run")[1]
    assert printed == {"created": 2, "existing": 0, "contracts": 1, "contracts_left": 0, "faults": []}
    assert (database["people"].count_documents({}), database["contracts"].count_documents({})) == (before, 0)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("王芳,110105194912310021,,,,,,", "identity_number"),  # a wrong check digit
        (f"王芳,{NUMBERS[0]},12,,,,,", "phone"),
        (f"王芳,{NUMBERS[0]},,1949-13-31,,,,", "birth_date"),
        (f"王芳,{NUMBERS[0]},,,woman,,,", "sex"),
        (f",{NUMBERS[0]},,,,,,", "name"),
        (f"王芳,{NUMBERS[0]},,,,red,2026-01-01,{UNTIL}", "team"),
        (f"王芳,{NUMBERS[0]},,,,blue,,{UNTIL}", "starts_on"),
        (f"王芳,{NUMBERS[0]},,,,blue,2026-01-01,2025-01-01", "ends_on"),
        (f"李建国,{NUMBERS[1]},,,,,,", "identity_number"),  # twice in the file
    ],
)
def test_faults_name_line_and_column_and_nothing_is_stored(
    run: Admin, database: Database, tmp_path: Path, row: str, column: str
) -> None:
    a_clinic(database, DOCTOR)
    before, file = database["people"].count_documents({}), a_file(tmp_path, GOOD[1], row)
    printed: Any = run("organisation", "import", "clinic", file, "--dry-run")[1]
    assert [(one["line"], one["column"]) for one in printed["faults"]] == [(3, column)]
    status, _, said = run("organisation", "import", "clinic", file)
    assert (status, f"line 3, column {column}" in said) == (1, True)
    assert database["people"].count_documents({}) == before


def test_a_number_of_somebody_of_another_name_is_a_fault(run: Admin, database: Database, tmp_path: Path) -> None:
    a_clinic(database)
    people.create(database, a_person(name="王方", identity_number=NUMBERS[0]))
    row = GOOD[0].replace(f"blue,2026-01-01,{UNTIL}", ",,")
    printed = run("organisation", "import", "clinic", a_file(tmp_path, row), "--dry-run")[1]
    assert [(one["line"], one["column"]) for one in printed["faults"]] == [(2, "name")]


@pytest.mark.parametrize("header", ["name", f"{HEADER},nickname", f"{HEADER},name"])
def test_a_file_with_other_columns_is_refused(run: Admin, database: Database, tmp_path: Path, header: str) -> None:
    a_clinic(database)
    assert run("organisation", "import", "clinic", a_file(tmp_path, header=header))[0] == 1
