"""One thing that was looked at, and what to do where it is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """``is_ok`` None: could not be judged, which is no failure."""

    is_ok: bool | None
    what: str
    advice: str = ""

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "FAIL", None: "--  "}[self.is_ok]
        return f"{mark} {self.what}" + (f": {self.advice}" if self.advice and not self.is_ok else "")


def judged(what: str, is_ok: bool, advice: str) -> Finding:
    return Finding(is_ok, what, advice)


def exit_status(findings: Iterable[Finding]) -> int:
    """1 where one failed."""
    return int(any(one.is_ok is False for one in findings))
