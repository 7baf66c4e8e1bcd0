"""Rules of the house that no linter sees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from ops import indexes
from phr.database import Database
from tests.ops.running import ROOT, command

PACKAGES = ("phr", "ingest", "notifications", "ops", "simulator", "vendor", "tests", "benchmarks")


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def has_indexes(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "ensure_indexes" for node in tree.body)


def test_nobody_imports_the_composition_root() -> None:
    assert [str(path) for path, tree in trees() if "app" in imported(tree)] == []


def test_every_store_with_indexes_is_listed() -> None:
    # called by the stores that use them
    inside = {"phr.people.numbers", "phr.people.directory", "phr.feed.positions", "phr.reminders.ledger"}
    stores = {
        ".".join(path.with_suffix("").parts) for path, tree in trees() if path.parts[0] == "phr" and has_indexes(tree)
    }
    assert {one.__name__ for one in indexes.STORES} == stores - inside


def test_indexes_can_be_made_twice(database: Database) -> None:
    indexes.ensure_indexes(database)


def test_settings_hide_secrets(tmp_path: Path) -> None:
    shown = command(tmp_path, "settings", PHR_MQTT_GROUP="hidden", PHR_MONGODB_URI="mongodb://u:hidden@h/")
    assert shown.returncode == 0
    assert '"PHR_MQTT_GROUP", "value": "(secret)", "origin": "PHR_MQTT_GROUP"' in shown.stdout
    assert "hidden" not in shown.stdout


def test_unknown_setting_is_named_in_one_line(tmp_path: Path) -> None:
    refused = command(tmp_path, "settings", PHR_PROT="1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "settings: PHR_PROT is not a setting; `python app.py settings` lists them all\n"
