"""One reading in each of the standard formats besides payload v1, as a vendor would send it at an instant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from phr.clock import rfc3339


def _senml(t_ms: int) -> Any:
    return [{"bn": "urn:dev:mac:0024befffe804ff1/", "n": "weight", "u": "kg", "t": t_ms / 1000, "v": 61.5}]


def _openmhealth(t_ms: int) -> Any:
    schema = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    return {
        "header": {"id": f"check-{t_ms}", "creation_date_time": rfc3339(t_ms, 480), "schema_id": schema},
        "body": {
            "heart_rate": {"value": 70, "unit": "beats/min"},
            "effective_time_frame": {"date_time": rfc3339(t_ms + 60_000, 480)},
        },
    }


def _fhir(t_ms: int) -> Any:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "effectiveDateTime": rfc3339(t_ms + 120_000, 480),
        "valueQuantity": {"value": 71, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    }


OTHER_FORMATS: dict[str, Callable[[int], Any]] = {
    "application/senml+json": _senml,
    "application/vnd.openmhealth+json": _openmhealth,
    "application/fhir+json": _fhir,
}
