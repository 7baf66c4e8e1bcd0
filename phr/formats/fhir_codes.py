"""Which metric a FHIR code means: LOINC codes of the vocabulary, and the vocabulary's own keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from phr.formats.building import ItemRefused
from phr.vocabulary.metric import Metric
from phr.vocabulary.metrics import Vocabulary

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
# A metric without a LOINC code is named by its key, in a code system of this path on whatever host.
OWN_SYSTEM_PATH = "/fhir/CodeSystem/metric"

_LOINC_CODE = re.compile(r"\b\d{1,5}-\d\b")
# Stand beside a metric in the vocabulary and are computed from its readings, or are another quantity.
_NO_READINGS = {"41924-2": "heart-rate", "107139-8": "menstruation"}
# US Core 9, value set smoking status: SNOMED CT -> the codes of `smoking-status`.
SMOKING = {
    "266919005": "never",
    "8517006": "former",
    "428041000124106": "current-some-days",
    "449868002": "current-every-day",
    "266927001": "unknown",
}

# By identity, since a vocabulary is not hashable; it is kept beside its index so that its id stays its own.
_INDEXES: dict[int, tuple[Vocabulary, dict[str, Metric]]] = {}


def coded_metric(vocabulary: Vocabulary, concept: Any, pointer: str) -> Metric:
    """The metric of the first coding that means one. Raises ItemRefused as ``find_metric``; statistic-not-reading."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list) or not codings:
        raise ItemRefused("metric-missing", "a code with a LOINC coding says what was measured", pointer)
    index = loinc_index(vocabulary)
    for coding in codings:
        metric = _of_coding(vocabulary, index, coding)
        if metric is not None:
            if metric.is_reading:
                return metric
            instead = " and ".join(metric.use_instead)
            raise ItemRefused("metric-not-a-reading", f"{metric.key} is never sent by itself; send {instead}", pointer)
    codes = [one["code"] for one in codings if isinstance(one, dict) and isinstance(one.get("code"), str)]
    for code in codes:
        if code in _NO_READINGS:
            raise ItemRefused("statistic-not-reading", f"{code} is computed from {_NO_READINGS[code]}", pointer)
    raise ItemRefused("metric-unknown", f"no metric for {', '.join(code[:32] for code in codes[:4])}", pointer)


def loinc_index(vocabulary: Vocabulary) -> dict[str, Metric]:
    """LOINC code -> metric, the first in the file's order; alternative codes after all main ones."""
    found = _INDEXES.get(id(vocabulary))
    if found is None:
        index: dict[str, Metric] = {}
        for metric in vocabulary.metrics.values():
            if metric.loinc:
                index.setdefault(metric.loinc, metric)
        for metric in vocabulary.metrics.values():
            for code in _LOINC_CODE.findall(metric.loinc_alt or ""):
                if code not in _NO_READINGS:
                    index.setdefault(code, metric)
        found = _INDEXES[id(vocabulary)] = vocabulary, index
    return found[1]


def _of_coding(vocabulary: Vocabulary, index: Mapping[str, Metric], coding: Any) -> Metric | None:
    if not isinstance(coding, dict):
        return None
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(code, str):
        return None
    if system == LOINC:
        return index.get(code)
    if isinstance(system, str) and system.endswith(OWN_SYSTEM_PATH):
        return vocabulary.get(code)
    return None


def coded_value(metric: Metric, concept: Any, pointer: str) -> dict[str, str]:
    """{"code": …} of a coded value or event. Raises ItemRefused code-unknown."""
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        code = coding.get("code") if isinstance(coding, dict) else None
        if isinstance(code, str):
            if coding.get("system") == SNOMED and metric.key == "smoking-status":
                code = SMOKING.get(code, code)
            if code in metric.codes:
                return {"code": code}
    raise ItemRefused("code-unknown", f"{metric.key} knows {', '.join(metric.codes)}", pointer)
