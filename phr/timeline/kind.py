"""What a kind of entry is: its schema, whose eyes it is for, and what the record works out from what was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema

Content = Mapping[str, Any]  # as JSON has it: texts, numbers, truths, lists and objects


def _as_said(content: Content) -> Content:
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """``category``: what one must be allowed to see or write; codes and the author may add sensitive ones."""

    name: str
    category: str
    zh: str
    en: str
    schema: type[Schema]
    completed: Callable[[Content], Content] = _as_said  # with what follows from it, a score
    is_written_by_record: bool = False  # what happened here; nobody writes it by hand
