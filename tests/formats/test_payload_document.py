"""docs/payload.md is true: its examples are taken as they stand, its table names every code that there is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import worker
from phr import recording
from phr.formats.phr_v1 import decode
from phr.intake import held
from phr.readings import chunk
from phr.vocabulary.metric import ValueType
from phr.vocabulary.metrics import vocabulary

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "payload.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json payload\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
CODE = re.compile(r"[a-z]+(-[a-z0-9]+)+")
RAISED = {"payload-unreadable", "payload-too-large", "format-unknown"}  # as errors, not as items' rejections


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text[:40])
def test_each_example_is_taken_as_it_stands(example: str) -> None:
    decoded = decode(example.encode(), vocabulary())
    assert decoded.runs
    assert not decoded.rejections
    assert not decoded.quarantined


def test_each_value_type_has_an_example() -> None:
    runs = [run for example in EXAMPLES for run in decode(example.encode(), vocabulary()).runs]
    sent = {one for one in ValueType if one not in (ValueType.COMPONENT, ValueType.AGGREGATE, ValueType.DERIVED)}
    assert {run.metric.value_type for run in runs} == sent


def test_each_code_that_a_sender_can_meet_is_in_the_table() -> None:
    """A new code wants a line in the table "Rejection codes" of docs/payload.md."""
    used = RAISED | {chunk.TOO_DENSE, chunk.TOO_OFTEN_CORRECTED}
    for path in [*sorted((ROOT / "phr" / "formats").glob("*.py")), _file(recording), _file(worker)]:
        used |= set(_codes(ast.parse(path.read_text(encoding="utf-8"))))
    assert used - _first_column("Rejection codes") == set()


def test_each_reason_for_holding_is_in_the_table() -> None:
    assert _first_column("Held readings") == held.REASONS


def test_the_verdict_in_the_document_has_the_fields_of_one() -> None:
    shown = re.findall(r"^```json verdict\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert [list(json.loads(one)) for one in shown] == [list(recording.Verdict().as_json(0))]


def _file(module: object) -> Path:
    return Path(str(vars(module)["__file__"]))


def _first_column(heading: str) -> set[str]:
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.MULTILINE))


def _codes(tree: ast.Module) -> Iterator[str]:
    """Codes where they stand: ItemRefused(code, …), Rejection(path, code, …), (code, "a sentence"), {"code": code}."""
    named = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        for candidate in _candidates(node):
            for part in ast.walk(candidate):
                found = named.get(part.id) if isinstance(part, ast.Name) else part
                if isinstance(found, ast.Constant) and isinstance(found.value, str) and CODE.fullmatch(found.value):
                    yield found.value


def _candidates(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", "")
        return node.args[:1] if name == "ItemRefused" else node.args[1:2] if name == "Rejection" else []
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code"]
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and _is_sentence(node.elts[1]):
        return node.elts[:1]
    return []


def _is_sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )
