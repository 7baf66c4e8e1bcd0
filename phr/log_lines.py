"""How the log is written: text or one JSON object a line; of an exception its type and place, never what it held."""

from __future__ import annotations

import json
import logging
import traceback
from types import TracebackType
from typing import Any

from phr.clock import rfc3339
from phr.errors import SettingInvalid

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("text", "json")
_TEXT = "%(asctime)s %(name)s %(levelname)s %(message)s"

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextLines(logging.Formatter):
    def formatException(self, ei: _Raised) -> str:
        """The message of an exception may hold a value or a name."""
        return _place(ei)


class JsonLines(logging.Formatter):
    """{"at", "level", "logger", "message"} and, of an exception, "error"."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": rfc3339(int(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = _place(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(level: str, format_: str) -> None:
    """Sets up this process's log. Raises SettingInvalid."""
    if level.upper() not in LEVELS:
        raise SettingInvalid(f"PHR_LOG_LEVEL={level} is none of {', '.join(LEVELS)}")
    if format_ not in FORMATS:
        raise SettingInvalid(f"PHR_LOG_FORMAT={format_} is none of {', '.join(FORMATS)}")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if format_ == "json" else TextLines(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every tick


def _place(raised: _Raised) -> str:
    kind, _, trace = raised
    frames = "".join(traceback.format_tb(trace)).rstrip()
    return f"{kind.__name__ if kind else 'no exception'} at\n{frames}"
