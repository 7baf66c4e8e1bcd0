"""Residents from a CSV file over HTTP, by who looks after them."""

from __future__ import annotations

from typing import Any

import pytest

from phr.people import access, directory, organisations, people
from tests.cast import Cast, a_clinic, a_person

NUMBER = "11010519491231002X"
HEADER = "name,identity_number,phone,birth_date,sex,team,starts_on,ends_on"
ROW = f"王芳,{NUMBER},13800138000,1949-12-31,female,blue,2026-01-01,2027-12-31"


def sent(cast: Cast, who: str, *rows: str, query: str = "") -> Any:
    headers = {"Authorization": f"Bearer {cast.token(who, 'organisation.write')}", "Content-Type": "text/csv"}
    return cast.http.post(
        f"/v1/organisation/residents{query}", data="\n".join((HEADER, *rows)).encode(), headers=headers
    )


def test_a_dry_run_stores_nothing_and_then_they_are_taken_in_once(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    dry = sent(cast, doctor, ROW, query="?dry_run=true")
    assert dry.json == {"created": 1, "existing": 0, "contracts": 1, "contracts_left": 0, "faults": []}
    assert directory.find_by_identity_number(cast.database, NUMBER) == []
    assert sent(cast, doctor, ROW).json["created"] == 1
    assert (sent(cast, doctor, ROW).json["created"], sent(cast, doctor, ROW).json["existing"]) == (0, 1)


def test_every_fault_is_named_and_nothing_is_stored(cast: Cast) -> None:
    (nurse,) = a_clinic(cast.database, organisations.NURSE)
    bad = (ROW, "李强,110105194912310021,,,,,,", "张伟,E1234567,1,,,,,")
    dry = sent(cast, nurse, *bad, query="?dry_run=true")
    assert [(one["line"], one["column"]) for one in dry.json["faults"]] == [
        (3, "identity_number"),
        (4, "phone"),
    ]
    assert dry.json["faults"][1]["words"] == {
        "zh": "不是有效的电话号码：应有 5 到 15 位数字",
        "en": "a phone number has 5 to 15 digits",
    }
    real = sent(cast, nurse, *bad)
    assert real.status_code == 400
    assert "line 3, column identity_number" in real.json["detail"]
    assert directory.find_by_identity_number(cast.database, NUMBER) == []


@pytest.mark.parametrize(
    ("row", "line", "zh"), [('"王芳', 2, "不是完整的 CSV，请检查引号和逗号"), ("王芳,1", 2, "有 2 列，应为 8 列")]
)
def test_file_that_cannot_be_read_on_says_where_in_both_languages(cast: Cast, row: str, line: int, zh: str) -> None:
    (nurse,) = a_clinic(cast.database, organisations.NURSE)
    (fault,) = sent(cast, nurse, row, query="?dry_run=true").json["faults"]
    assert (fault["line"], fault["words"]["zh"]) == (line, zh)
    refused = sent(cast, nurse, row)
    assert (refused.status_code, f"line {line}: " in refused.json["detail"]) == (400, True)


def test_who_is_found_there_finds_it_in_their_log(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    person = people.create(cast.database, a_person(name="王芳", identity_number=NUMBER)).id
    sent(cast, doctor, ROW, query="?dry_run=true")
    (line,) = [one for one in access.log_of(cast.database, person, 9) if one.who == doctor]
    assert (line.about, line.categories) == ("POST organisation/residents", ("profile",))


@pytest.mark.parametrize("role", [organisations.OFFICER, None])
def test_others_import_nobody(cast: Cast, role: str | None) -> None:
    made = a_clinic(cast.database, *([role] if role else []))
    who = made[0] if made else cast.owner
    assert sent(cast, who, ROW).status_code == 403


def test_too_large_a_file_is_refused(cast: Cast) -> None:
    (doctor,) = a_clinic(cast.database, organisations.DOCTOR)
    assert sent(cast, doctor, "x" * (2 * 1024 * 1024)).status_code == 413
