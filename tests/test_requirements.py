"""What is pinned for running is pinned alike for developing, so that a fresh clone checks what it runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / name).read_text(encoding="utf-8")))


def test_developers_have_every_package_of_the_installation_at_its_version() -> None:
    running, developing = pins("requirements.txt"), pins("requirements-dev.txt")
    assert running
    assert {name: version for name, version in running.items() if developing.get(name) != version} == {}


def test_every_package_that_is_named_is_pinned() -> None:
    for kind in ("requirements", "requirements-dev"):
        lines = (ROOT / f"{kind}.in").read_text(encoding="utf-8").splitlines()
        named = {plain(re.split(r"[\[=<>~; ]", line)[0]) for line in lines if line and line[0] not in "#-"}
        assert named <= {plain(name) for name in pins(f"{kind}.txt")}


def plain(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
