"""What stands in the log, and what never does."""

import json
import logging
import sys
from collections.abc import Sequence

import pytest

from phr.errors import SettingInvalid
from phr.log_lines import JsonLines, TextLines, configure
from phr.recording import Delivery
from tests.ingest.running import BreakingRecorder, Plant, a_payload, wait_until

SECRETS = ("王芳", "secret-name", "131313")


def a_record(message: str) -> logging.LogRecord:
    try:
        int("-".join(("secret", "value")))
    except ValueError:
        return logging.LogRecord("phr", logging.ERROR, "x.py", 1, message, (), sys.exc_info())
    raise AssertionError


def test_a_line_is_one_json_object() -> None:
    line = JsonLines().format(a_record("two\nlines"))
    assert "\n" not in line
    assert json.loads(line) | {"at": "", "error": ""} == {
        "at": "",
        "level": "ERROR",
        "logger": "phr",
        "message": "two\nlines",
        "error": "",
    }


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_an_exception_is_named_and_not_quoted(formatter: logging.Formatter) -> None:
    line = formatter.format(a_record("broken"))
    assert "ValueError" in line
    assert "secret-value" not in line


@pytest.mark.parametrize(("level", "format_"), [("LOUD", "text"), ("INFO", "xml")])
def test_what_is_no_setting_is_refused(level: str, format_: str) -> None:
    with pytest.raises(SettingInvalid):
        configure(level, format_)


def test_a_worker_logs_no_name_and_no_value(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    def breaks(deliveries: Sequence[Delivery]) -> Exception | None:
        return RuntimeError(*SECRETS) if any(one.decoded.runs for one in deliveries) else None

    reading = {"metric": "heart-rate", "t": 1, "unit": "/min", "value": 131313, "context": {"note": "王芳"}}
    good = json.loads(a_payload())["readings"]
    with caplog.at_level(logging.DEBUG), plant.working(BreakingRecorder(plant.database, breaks)):
        plant.ask(a_payload(readings=[reading]))
        plant.ask(a_payload(id="secret-name", readings=good))
        wait_until(lambda: any(record.exc_info for record in caplog.records))
    ours = [record for record in caplog.records if record.name.partition(".")[0] in ("ingest", "phr")]
    log = "\n".join(JsonLines().format(record) for record in ours)
    assert ours
    assert not [word for word in SECRETS if word in log]
