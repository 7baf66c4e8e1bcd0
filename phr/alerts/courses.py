"""How alerts go on, as data: courses.toml. Read once; a fault in it names the field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from marshmallow import Schema, ValidationError, fields, post_load, validate

from phr.errors import DataFileInvalid

FILE = Path(__file__).with_name("courses.toml")
Step = Literal["contacts", "relatives", "team"]
STEPS: tuple[Step, ...] = ("contacts", "relatives", "team")
CONFIRM, RECOVER, CRISIS = "confirm", "recover", "crisis"
_MOST_MIN = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class Course:
    """What is special about the alerts of one rule.

    "confirm": the first reading asks for rest and a second one, with which the alert reaches its rule's severity.
    "recover": one reading back within its limit ends it; who is chosen for it is told after ``minutes["contacts"]``.
    "crisis": the contact chosen for that and the team, by its own minutes alone; nobody else whatever the level.
    """

    kind: str | None = None
    minutes: Mapping[Step, int] = field(default_factory=dict)
    again_after_ms: int = 0
    again: tuple[str, str] = ("", "")  # Chinese, English; so in the question
    question: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Courses:
    """``levels``: by level, after how many minutes each step is taken."""

    levels: Mapping[int, Mapping[Step, int]]
    by_rule: Mapping[str, Course]

    def of(self, rule: str) -> Course:
        return self.by_rule.get(rule, _PLAIN)


_PLAIN = Course()


def _minutes() -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(0, _MOST_MIN))


class _Level(Schema):
    contacts_min = _minutes()
    relatives_min = _minutes()
    team_min = _minutes()


class _Course(_Level):
    kind = fields.String(required=True, validate=validate.OneOf((CONFIRM, RECOVER, CRISIS)))
    again_after_s = fields.Integer(strict=True, validate=validate.Range(1, 3_600))
    again_zh = fields.String()
    again_en = fields.String()
    question_zh = fields.String()
    question_en = fields.String()

    @post_load
    def made(self, said: dict[str, object], **_: object) -> Course:
        words = {name: str(said.get(name, "")) for name in ("again_zh", "again_en", "question_zh", "question_en")}
        pairs = [(words[f"{name}_zh"], words[f"{name}_en"]) for name in ("again", "question")]
        if any(bool(zh) != bool(en) for zh, en in pairs) or (said["kind"] == CONFIRM and not pairs[0][0]):
            raise ValidationError("words in Chinese and in English")
        again, question = pairs
        return Course(
            kind=str(said["kind"]),
            minutes=_steps(said),
            again_after_ms=int(str(said.get("again_after_s", 0))) * 1_000,
            again=again,
            question=question if question[0] else None,
        )


class _File(Schema):
    levels = fields.Dict(fields.String(validate=validate.OneOf("1234")), fields.Nested(_Level), required=True)
    courses = fields.Dict(fields.String(), fields.Nested(_Course), required=True)


@cache
def courses() -> Courses:
    return parsed(FILE.read_text(encoding="utf-8"))


def parsed(text: str) -> Courses:
    """Raises DataFileInvalid with the field at fault."""
    try:
        said = _File().load(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise DataFileInvalid(f"{FILE.name}: {error}") from error
    if len(said["levels"]) != 4:
        raise DataFileInvalid(f"{FILE.name}: levels: 1 to 4, each")
    return Courses({int(level): _steps(one) for level, one in said["levels"].items()}, said["courses"])


def _steps(said: Mapping[str, object]) -> dict[Step, int]:
    return {step: int(str(said[f"{step}_min"])) for step in STEPS if f"{step}_min" in said}
