"""Reports of a FHIR file: a DiagnosticReport with the results that it names, wherever they stand; documents; images.

Of a report with results becomes a laboratory report of all of them, of one from radiology an imaging report, of one
from genetics a genomic one, of all others a document with their words; what is attached: fhir_attachments.
Source: hl7.org/fhir/R4, of each type the page that has its name; sections: HL7 v2 table 0074, LOINC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from phr.formats.building import ItemRefused
from phr.interchange.fhir_attachments import data_length, file_in, forms_of, words_in
from phr.interchange.fhir_events import Resource, Said, event_of, lines_of, made_of, report_status
from phr.interchange.fhir_words import code_of, coded, fields, first, listed, text_of
from phr.interchange.formats import Event
from phr.interchange.json_items import items
from phr.timeline.filed import LONGEST_WORDS

REPORT, DOCUMENT, STUDY, MEDICATION = "DiagnosticReport", "DocumentReference", "ImagingStudy", "Medication"
MOST_HELD = 50_000  # results and reports that wait for each other, a kilobyte each at most
MOST_ITEMS = 500
LONGEST_TEXT = 10_000
MOST_HELD_DATA = 32 * 2**20  # characters of attachments of reports that wait
PIECE_BYTES = 1 << 20

_IMAGING = frozenset(("RAD", "CT", "CUS", "NMR", "NMS", "OUS", "RUS", "RX", "VUS", "XRC", "LP29684-5"))
_GENETICS = frozenset(("GE", "CG", "LP7824-8"))
_MODALITIES = frozenset(("CR", "DX", "CT", "MR", "US", "MG", "NM", "PT", "XA", "ES", "ECG", "OT"))


@dataclass(slots=True)
class Named:
    """What resources of a file call each other: results that reports name, and what medications are."""

    results: set[str] = field(default_factory=set)
    medications: dict[str, Any] = field(default_factory=dict)


def named_in(file: BinaryIO, inner: str) -> Named:
    """Looked for before the file is read; most files have neither, and are not read twice. Raises FileBroken."""
    found = Named()
    if not _mentions(file, (f'"{REPORT}"'.encode(), f'"{MEDICATION}"'.encode())):
        return found
    for one in items(file, inner):
        said = fields(fields(one.value).get("resource", one.value))
        if said.get("resourceType") == REPORT and len(found.results) < MOST_HELD:
            found.results.update(_ids(said))
        elif said.get("resourceType") == MEDICATION and len(found.medications) < MOST_HELD:
            found.medications |= dict.fromkeys(names_of(one.value), said.get("code"))
    file.seek(0)
    return found


def names_of(item: Any) -> frozenset[str]:
    """What others call a resource: its id, and the last part of the address of its entry in a bundle."""
    resource, address = fields(fields(item).get("resource", item)), fields(item).get("fullUrl")
    found = (resource.get("id"), _last(address) if isinstance(address, str) else None)
    return frozenset(name for name in found if isinstance(name, str) and name)


def with_medication(said: Resource, named: Named) -> Resource:
    """The resource with its medicine as a concept of its own, where it only refers to one."""
    reference = fields(said.get("medicationReference"))
    if not reference or "medicationCodeableConcept" in said:
        return said
    name = str(reference.get("reference") or "")
    inside = {f"#{one.get('id')}": one.get("code") for one in map(fields, listed(said.get("contained")))}
    concept = inside.get(name) or named.medications.get(_last(name)) or {"text": reference.get("display")}
    return said | {"medicationCodeableConcept": concept}


@dataclass(slots=True)
class Reports:
    """Reports and the results that they name, held until the file is read: either may come first."""

    named: Named
    lines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    alone: dict[str, tuple[Resource, str]] = field(default_factory=dict)  # results that nothing else keeps
    waiting: list[tuple[Resource, str]] = field(default_factory=list)
    held_data: int = 0

    def has_taken(self, said: Resource, path: str, names: frozenset[str], *, is_reading: bool) -> bool:
        """True for a result that a report will tell of, and a report of results; False for an entry by itself."""
        if len(self.lines) + len(self.waiting) >= MOST_HELD:
            return False
        if said.get("resourceType") == REPORT:
            held = data_length(said)
            if not _ids(said) or self.held_data + held > MOST_HELD_DATA:
                return False
            self.held_data += held
            self.waiting.append((said, path))
            return True
        name = min(names & self.named.results, default=None)
        if name is None or not (found := lines_of(said)):
            return False
        self.lines[name] = found
        if not is_reading:
            self.alone[name] = said, path
        return True

    def events(self) -> list[tuple[str, Event | ItemRefused]]:
        """The entry of each report, by its path, or why there is none; and results that no report has told of."""
        found: list[tuple[str, Event | ItemRefused]] = []
        for said, path in self.waiting:
            try:
                found.append((path, self.of(said, path)))
            except ItemRefused as refused:
                found.append((path, refused))
            else:
                for name in _ids(said):
                    self.alone.pop(name, None)
        for said, path in self.alone.values():
            try:
                found.append((path, event_of(said, path)))
            except ItemRefused as refused:
                found.append((path, refused))
        return found

    def of(self, said: Resource, path: str) -> Event:
        """Raises as ``fhir_events.event_of``."""
        results = [line for name in _ids(said) for line in self.lines.get(name, ())][:MOST_ITEMS]
        sections = {code_of(one) for one in listed(said.get("category"))}
        if results:
            return _with_file("laboratory", said, path, lambda one: _laboratory(one, results))
        if sections & _IMAGING:
            return _with_file("imaging", said, path, _concluding)
        if sections & _GENETICS:
            return _with_file("genomic", said, path, _concluding)
        return _with_file("document", said, path, _report)


def paper_of(said: Resource, path: str) -> Event | None:
    """The entry of a document or of a study of images; None for all else. Raises as ``fhir_events.event_of``."""
    match said.get("resourceType"):
        case "DocumentReference":
            return _with_file("document", said, path, _document)
        case "ImagingStudy":
            return made_of("imaging", said, path, _study)
    return None


def _with_file(kind: str, said: Resource, path: str, read: Callable[[Resource], Said]) -> Event:
    return replace(made_of(kind, said, path, read), file=file_in(forms_of(said)))


def _laboratory(said: Resource, results: list[dict[str, Any]]) -> Said:
    content = coded(said.get("code"), "loinc", "snomed") | {"items": results, "status": report_status(said)}
    return content | _concluded(said), *_when(said)


def _concluding(said: Resource) -> Said:
    return coded(said.get("code"), "loinc", "snomed") | _concluded(said), *_when(said)


def _report(said: Resource) -> Said:
    words = "\n".join(filter(None, (str(said.get("conclusion") or ""), words_in(forms_of(said)))))
    return coded(said.get("code"), "loinc") | {"type": "report", "words": words[:LONGEST_WORDS]}, *_when(said)


def _document(said: Resource) -> Said:
    forms = forms_of(said)
    content = coded(said.get("type"), "loinc")
    content["text"] = content["text"] or str(said.get("description") or fields(first(forms)).get("title") or "")[:500]
    begin = fields(fields(said.get("context")).get("period")).get("start") or said.get("date")
    return content | {"words": words_in(forms)}, begin, None


def _study(said: Resource) -> Said:
    modality = fields(first(said.get("modality")) or fields(first(said.get("series"))).get("modality"))
    what = first(said.get("procedureCode")) or fields(said.get("procedureReference")).get("display")
    content = coded(what, "loinc", "snomed") if isinstance(what, dict) else {"text": str(what or "")[:500]}
    named = str(said.get("description") or modality.get("display") or modality.get("code") or "")
    content["text"] = content["text"] or named[:500]
    site = fields(fields(first(said.get("series"))).get("bodySite")).get("display")
    content["body_site"] = site[:100] if isinstance(site, str) else ""
    if modality.get("code") in _MODALITIES:
        content["modality"] = modality["code"]
    return content, said.get("started"), None


def _concluded(said: Resource) -> dict[str, Any]:
    codes = [text_of(one) for one in listed(said.get("conclusionCode"))]
    conclusion = str(said.get("conclusion") or "") or "; ".join(filter(None, codes))
    return {"conclusion": conclusion[:LONGEST_TEXT], "words": words_in(forms_of(said))}


def _when(said: Resource) -> tuple[Any, Any]:
    period = fields(said.get("effectivePeriod"))
    return said.get("effectiveDateTime") or period.get("start") or said.get("issued"), period.get("end")


def _ids(report: Resource) -> list[str]:
    references = (fields(one).get("reference") for one in listed(report.get("result")))
    return [_last(one) for one in references if isinstance(one, str)]


def _last(reference: str) -> str:
    """A resource's id: the last part of "Observation/x" and of "urn:uuid:x"."""
    return reference.rpartition("/")[2].rpartition(":")[2]


def _mentions(file: BinaryIO, words: tuple[bytes, ...]) -> bool:
    before, is_there = b"", False
    while piece := file.read(PIECE_BYTES):
        if is_there := any(word in before + piece for word in words):
            break
        before = piece[-32:]
    file.seek(0)
    return is_there
