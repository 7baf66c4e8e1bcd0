"""Every role that asks the rules, or shows what they raised, refuses to start on a file that contradicts itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ingest import respawn
from notifications import scheduler
from phr.api import application, installation
from phr.config import Settings
from phr.errors import DataFileInvalid

STARTS = [(application.create, installation), (scheduler.main, scheduler), (respawn.main, respawn)]


@pytest.mark.parametrize(("start", "module"), STARTS, ids=["api", "scheduler", "ingest"])
def test_a_bad_rule_file_stops_the_start(
    start: Any, module: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contradict() -> None:
        raise DataFileInvalid("acute.toml line 4: rules.x: examples[0]")

    monkeypatch.setattr(module, "rules", contradict)
    nowhere = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=1"
    there = replace(settings, mongodb_uri=nowhere, mqtt_url="mqtt://127.0.0.1:9", mqtt_group="none")
    with pytest.raises(DataFileInvalid, match="line 4"):
        start(there)
