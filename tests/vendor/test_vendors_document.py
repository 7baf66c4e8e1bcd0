"""docs/vendors.md is true: its commands, files, links and routes are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ops import admin
from tests.cast import Cast
from vendor import command

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "vendors.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.M | re.S) for line in block.splitlines()]


def words(line: str) -> list[str]:
    """Without settings before it, and without what is done with the output."""
    found = [one for one in shlex.split(line.partition(" > ")[0]) if not re.fullmatch(r"[A-Z]+=.*", one)]
    return found[1:] if found[0].endswith("python") else found


@pytest.mark.parametrize("line", [one for one in COMMANDS if "app.py" in one])
def test_each_command_is_understood(line: str) -> None:
    _, part, *rest = words(line)
    parsers = {"admin": admin.parser, "vendor": command.parser}
    assert vars(parsers[part]().parse_args(rest))


@pytest.mark.parametrize("line", [one for one in COMMANDS if "examples/" in one])
def test_each_example_exists_and_knows_its_options(line: str) -> None:
    path, *options = words(line)
    text = (ROOT / path).read_text(encoding="utf-8")
    assert [one for one in options if one.startswith("--") and f'"{one}"' not in text] == []


def test_there_are_commands_of_both_kinds() -> None:
    assert [sum(part in one for one in COMMANDS) for part in ("app.py", "examples/", "curl")] == [6, 2, 1]


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", DOCUMENT))
def test_each_link_leads_somewhere(target: str) -> None:
    path, _, heading = target.partition("#")
    text = (ROOT / "docs" / path).read_text(encoding="utf-8")
    assert not heading or re.search(rf"^## {heading.replace('-', ' ')}$", text, re.M | re.I)


def test_each_route_and_its_query_are_there(cast: Cast) -> None:
    routes = re.findall(r"`GET (/v1/vendor/\w+)(?:\?([\w&]+))?`", DOCUMENT)
    rules = [one for one in cast.http.application.url_map.iter_rules() if one.rule.startswith("/v1/vendor/")]
    lists = {one.rule for one in rules if "GET" in (one.methods or ()) and not one.arguments}
    assert {path for path, _ in routes} == lists
    for path, names in routes:
        query = "&".join(
            f"{one}={'1' if one == 'from' else '2' if one == 'to' else 'x'}" for one in names.split("&") if one
        )
        headers = {"Authorization": f"Bearer {cast.vendor_token()}"}
        assert cast.http.get(f"{path}?{query}", headers=headers).status_code == 200
