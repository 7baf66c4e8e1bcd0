"""Ports that servers get are theirs for as long as they run, and while they are started again."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops import ports


def test_a_port_is_free_and_none_that_the_system_gives_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = tmp_path / "range"
    said.write_text("21000\t60999\n", encoding="ascii")
    monkeypatch.setattr(ports, "RANGE_FILE", said)
    found = {ports.free_port() for _ in range(20)}
    assert len(found) > 10
    assert all(ports.FIRST <= port < 21_000 and ports.is_free(port) for port in found)


@pytest.mark.parametrize("text", ["", "x y", "100 200", "20000 60999"])
def test_where_the_system_says_nothing_useful_there_is_a_port_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    (tmp_path / "range").write_text(text, encoding="ascii")
    monkeypatch.setattr(ports, "RANGE_FILE", tmp_path / "range")
    assert ports.is_free(ports.free_port())


def test_a_taken_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "FIRST", port)
        monkeypatch.setattr(ports, "_first_of_system", lambda: port + 1)
        assert ports.free_port() != port
