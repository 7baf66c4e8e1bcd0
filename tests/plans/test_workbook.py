"""What is written as a workbook is read back by another program as it was."""

from __future__ import annotations

from io import BytesIO

import pytest
from openpyxl import load_workbook

from phr.plans.workbook import workbook

ROWS = [
    ["姓名", "值", None, "=1+1"],
    ["<&>\"'", 128, 7.25, " 空 格 "],
    ["a\nb", -0.5, 0, "+1"],
]


def test_cells_come_back_as_they_were() -> None:
    book = load_workbook(BytesIO(workbook([("2型糖尿病 & <表>", ROWS), ("值域代码", [])])))
    assert book.sheetnames == ["2型糖尿病 & <表>", "值域代码"]
    found = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    assert found == ROWS
    assert book.worksheets[0]["D1"].data_type == "s"


def test_characters_that_no_xml_may_hold_are_left_out() -> None:
    book = load_workbook(BytesIO(workbook([("a", [["x\x00\x0b\ud800y"]])])))
    assert book.worksheets[0]["A1"].value == "xy"


@pytest.mark.parametrize(("place", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (52, "AZ"), (53, "BA"), (703, "AAA")])
def test_columns_are_lettered(place: int, letters: str) -> None:
    book = load_workbook(BytesIO(workbook([("a", [[None] * (place - 1) + ["x"]])])))
    assert book.worksheets[0][f"{letters}1"].value == "x"
