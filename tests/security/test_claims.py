"""What SECURITY.md and docs/privacy.md claim has a test; what the linter is told to pass over says why."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from phr.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("SECURITY.md", "docs/privacy.md")
STRIDE = (
    "Spoofing",
    "Tampering",
    "Repudiation",
    "Information disclosure",
    "Denial of service",
    "Elevation of privilege",
)
NAMED = re.compile(r"`((?:\w+/)*test_\w+)::(\w+)`")
CODE = ("app.py", "phr", "ingest", "notifications", "ops", "simulator", "vendor")


@cache
def named_in(file: str) -> frozenset[str]:
    path = ROOT / "tests" / f"{file}.py"
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(one.name for one in tree.body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"))


def rows(paper: str) -> list[list[str]]:
    """The cells of each row of each table, without heads."""
    lines = (ROOT / paper).read_text(encoding="utf-8").splitlines()
    tables = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [cells for cells in tables if cells[-1] != "test"]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_row_names_tests_that_are_there(paper: str) -> None:
    """Where one was renamed, name it anew; where it went, so does the claim."""
    assert len(rows(paper)) > 20
    for cells in rows(paper):
        named = NAMED.findall(cells[-1])
        assert named, f"{paper}: no test for {cells[0]}"
        assert all(cells), f"{paper}: {cells}"
        assert [f"{file}::{name}" for file, name in named if name not in named_in(file)] == []
        assert NAMED.sub("", cells[-1]).strip(", ") == "", f"{paper}: more than tests in {cells[-1]}"


def test_every_kind_of_threat_has_its_table() -> None:
    heads = re.findall(r"^## (.+)$", (ROOT / "SECURITY.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [head for head in heads if head in STRIDE] == list(STRIDE)


@pytest.mark.parametrize("paper", PAPERS)
def test_settings_that_are_named_are_there_with_that_default(paper: str) -> None:
    known = {row["name"]: row["value"] for row in Settings().described()}
    text = (ROOT / paper).read_text(encoding="utf-8")
    for name, value in re.findall(r"`(PHR_[A-Z_]+)`(?: \(([\d,]+)\))?", text):
        if name != "PHR_DATA_DIR/keys":
            assert name in known, name
            assert value.replace(",", "") in ("", known[name]), name


def test_what_the_linter_passes_over_says_why() -> None:
    files = [file for name in CODE for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))]
    assert len(files) > 200
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            found = re.search(r"# noqa: S\d+(.*)$", line)
            assert not found or re.match(r"(, \w+)* - \w", found[1]), f"{file.relative_to(ROOT)}: {line.strip()}"
