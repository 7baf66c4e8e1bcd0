"""Which codes are sensitive, whatever entry they stand in."""

from __future__ import annotations

from collections.abc import Iterator

# Code prefixes, by system. ICD-10 (WHO, 2019): F mental and behavioural disorders, X60-X84 self-harm, R45.8 suicidal
# ideas; O pregnancy and childbirth, N91-N98 and N46 disorders of fertility and menstruation, Z30-Z39 reproduction;
# A50-A64 sexually transmitted, B20-B24 and Z21 HIV. ATC (WHO, 2025): N05, N06 without N06D psychotropic; G02, G03
# gynaecological and sex hormones; J05AR, J05AF, J05AE antiretroviral. ICD-11: chapter 6, chapter J, 1A6-1A9, 1C6.
ICD_10 = {
    "mental": ("F", "R458", *(f"X{n}" for n in range(60, 85))),
    "reproductive": ("O", "N46", *(f"N{n}" for n in range(91, 99)), *(f"Z{n}" for n in range(30, 40))),
    "sexual-health": (*(f"A{n}" for n in range(50, 65)), *(f"B{n}" for n in range(20, 25)), "Z21"),
}
_PREFIXES: dict[str, dict[str, tuple[str, ...]]] = {
    "icd-10": ICD_10,
    "icd-10-cn": ICD_10,
    "icd-11": {"mental": ("6",), "reproductive": ("J",), "sexual-health": ("1A6", "1A7", "1A8", "1A9", "1C6")},
    "atc": {
        "mental": ("N05", "N06A", "N06B", "N06C"),
        "reproductive": ("G02", "G03"),
        "sexual-health": ("J05AE", "J05AF", "J05AR"),
    },
}


def sensitive_of(system: str, code: str) -> Iterator[str]:
    """The categories that a code adds to what it stands in."""
    plain = code.replace(".", "")
    for category, prefixes in _PREFIXES.get(system, {}).items():
        if plain.startswith(prefixes):
            yield category
