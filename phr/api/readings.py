"""Readings sent over HTTP: the payloads that devices send over MQTT, from a phone that speaks for one person."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask import Blueprint, request

from phr.api.deciding import access, caller, returns, speaks
from phr.api.installation import database, installation
from phr.clock import now_ms
from phr.formats import Format, find_format
from phr.intake import devices
from phr.intake.entered import HAND
from phr.intake.owner import VENDORS_DEVICE
from phr.people.access import Caller
from phr.recording import Delivery, Verdict
from phr.recording.delivery import VerdictTold
from phr.telemetry.verdicts import count_items
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.reading import Decoded, Quarantined, Rejection, Run

blueprint = Blueprint("readings", __name__)

_OWN_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_MISSING = ("device-missing", "over HTTP a reading names the device it is from, in the payload or by itself")
_INVALID = ("device-invalid", "a device is a name of 1 to 64 of [A-Za-z0-9._:-], or vendor/device")


@blueprint.post("/v1/people/<person>/readings")
@access("readings.write")
@returns()
@speaks("application/vnd.phr.readings+json")
def take_readings(person: str) -> VerdictTold:
    """``?device=``: for formats whose payloads can't name the device; a vendor's device brings its own format."""
    named = request.args.get("device")
    form = find_format(request.content_type, _registered(person, named))
    payload = request.get_data()
    decoded = form.decode(payload, vocabulary())
    arrived_at_ms = now_ms()
    by_source = _by_source(decoded, named, _sender(caller(), person))
    origin = f"http:{caller().client_id}"
    deliveries = [
        Delivery(part, source, origin, arrived_at_ms, payload, person=person) for source, part in by_source.items()
    ]
    verdicts = installation().recorder().record(deliveries, arrived_at_ms) if deliveries else []
    whole = _together(decoded, verdicts)
    _count(whole)
    return whole.as_json(arrived_at_ms)


def _registered(person: str, named: str | None) -> str | Format | None:
    """The format of a device that the person has or had: of others nobody learns whether they are registered."""
    device = devices.find(database(), named) if named and VENDORS_DEVICE.fullmatch(named) else None
    if device is None or all(one.person != person for one in device.bindings):
        return None
    return installation().recorder().formats_of([device.ref])[device.ref]


def _count(whole: Verdict) -> None:
    tally = installation().tally
    tally.add("messages_received", label="http")
    count_items(tally, [whole])
    installation().report(now_ms())


def _sender(who: Caller, person: str) -> str:
    """Somebody else's phone that has the name of the owner's is another source all the same."""
    return who.client_id if who.subject == person else f"{who.client_id}:{who.subject}"


def _by_source(decoded: Decoded, named: str | None, sender: str) -> dict[str, Decoded]:
    """The readings of each source; those without one are added to ``decoded.rejections``."""
    parts: dict[str, Decoded] = {}
    for one in _items(decoded):
        run = one if isinstance(one, Run) else one.run
        source = _of_named(run, decoded, named) or _source(run, decoded.device or named, sender)
        run.device = None  # it is said by the delivery now
        if isinstance(source, Rejection):
            decoded.rejections.append(source)
            continue
        part = parts.setdefault(source, Decoded(sent_at_ms=decoded.sent_at_ms))
        if isinstance(one, Run):
            part.runs.append(one)
        else:
            part.quarantined.append(one)
    return parts


def _items(decoded: Decoded) -> Iterator[Run | Quarantined]:
    yield from decoded.runs
    yield from decoded.quarantined


def _of_named(run: Run, decoded: Decoded, named: str | None) -> str | Rejection | None:
    """The vendor's device that the address names, as over MQTT the topic does; its payload may name no other."""
    if named is None or not VENDORS_DEVICE.fullmatch(named):
        return None
    said = run.device or decoded.device
    if said in (None, named, named.partition("/")[2]):
        return named
    where = f"{run.path}/device" if run.device else "/device"
    return Rejection(where, "device-mismatch", f"the address names {named}, the payload another device", count=len(run))


def _source(run: Run, named_by_payload: str | None, sender: str) -> str | Rejection:
    """A vendor's device under its own name, what is entered by hand, or the client's own device.

    No vendor has a colon in its slug and no hand a slash, so that none of the three is taken for another.
    """
    name = run.device or named_by_payload
    where = f"{run.path}/device" if run.device or not name else "/device"
    if name and VENDORS_DEVICE.fullmatch(name):
        return name
    if name and not _OWN_NAME.fullmatch(name):
        return Rejection(where, *_INVALID, count=len(run))
    if "id" in run.extras.get(0, {}):
        return HAND
    return f"http:{sender}/{name}" if name else Rejection(where, *_MISSING, count=len(run))


def _together(decoded: Decoded, verdicts: list[Verdict]) -> Verdict:
    whole = Verdict(decoded.payload_id, rejected=list(decoded.rejections))
    for one in verdicts:
        whole.stored += one.stored
        whole.duplicate += one.duplicate
        whole.corrected += one.corrected
        whole.held += one.held
        whole.rejected += one.rejected
    return whole
