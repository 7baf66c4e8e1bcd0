"""FHIR's ways to say something, taken apart: texts, codes, and what may be anything at all. Pure."""

from __future__ import annotations

import re
from typing import Any

from phr.timeline.coding import SYSTEMS, has_check_digit

LONGEST = 500
MOST_CODES = 10
_CODE_SYSTEMS = {
    "http://snomed.info/sct": "snomed",
    "http://loinc.org": "loinc",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://hl7.org/fhir/sid/icd-10": "icd-10",
    "http://hl7.org/fhir/sid/icd-10-cm": "icd-10",
    "http://hl7.org/fhir/sid/cvx": "cvx",
    "http://www.whocc.no/atc": "atc",
}


def coded(concept: Any, *systems: str) -> dict[str, Any]:
    """Text, and the codes of the systems that the kind takes, each of the shape that its system gives it."""
    found = []
    for coding in listed(fields(concept).get("coding")):
        system, code = _CODE_SYSTEMS.get(str(fields(coding).get("system"))), fields(coding).get("code")
        if system in systems and isinstance(code, str) and _has_shape(system, code):
            one = {"system": system, "code": code}
            found.append(one | ({"text": text} if (text := str(coding.get("display") or "")[:LONGEST]) else {}))
    content: dict[str, Any] = {"text": text_of(concept)}
    return content | ({"codes": found[:MOST_CODES]} if found else {})


def _has_shape(system: str, code: str) -> bool:
    return re.fullmatch(SYSTEMS[system], code, re.ASCII) is not None and (system != "loinc" or has_check_digit(code))


def text_of(concept: Any) -> str:
    said = fields(concept)
    text = said.get("text") or next((c["display"] for c in listed(said.get("coding")) if fields(c).get("display")), "")
    return text[:LONGEST] if isinstance(text, str) else ""


def code_of(concept: Any) -> Any:
    return fields(first(fields(concept).get("coding"))).get("code")


def mapped(words: dict[str, Any], status: Any) -> Any:
    return words.get(status, status) if isinstance(status, str) else None


def first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
