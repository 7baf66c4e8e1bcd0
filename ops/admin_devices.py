"""`admin device …` besides `create`: import, suspend, resume, retire, rotate, certificates, its clock."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ingest import broker, credentials
from ops import device_import
from ops.administration import Operator, Printed
from phr import amending
from phr.care.rules import rules
from phr.clock import rfc3339
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.intake import certificates, clock_words, clocks, devices, mqtt_logins
from phr.intake.authority import LARGEST_CSR_BYTES
from phr.intake.device import Device
from phr.intake.device_clock import Period, Removal
from phr.notices import outbox
from phr.notices.outbox import Telling
from phr.recording import Recorder

LONGEST_REASON = 200


def add_verbs(verbs: Any) -> None:
    """The verbs of ``admin device``."""
    many = verbs.add_parser("import")
    many.set_defaults(run=_import)
    many.add_argument("file", type=Path)
    many.add_argument("vendor")
    many.add_argument("--output", type=Path, help="where the credentials go; FILE.credentials.csv without it")
    for name, run in (("suspend", _suspend), ("resume", _resume), ("retire", _retire)):
        _one(verbs, name, run)
    rotate = _one(verbs, "rotate", _rotate)
    rotate.add_argument("--now", action="store_true", help="the old password ends at once")
    certificate = _one(verbs, "certificate", _certificate)
    certificate.add_argument("--csr", type=Path, help="a request in PEM; without it a key is made and shown once")
    revoke = _one(verbs, "revoke-certificate", _revoke)
    revoke.add_argument("--serial", help="one of them; all without it")
    _one(verbs, "clock", _clock)
    remove = _one(verbs, "remove-clock", _remove_clock)
    remove.add_argument("number", type=int, help="of the period, as `clock` shows it")
    remove.add_argument("--reason", required=True)


def _one(verbs: Any, name: str, run: Any) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = verbs.add_parser(name)
    command.set_defaults(run=run)
    command.add_argument("vendor")
    command.add_argument("device")
    return command


def _import(operator: Operator, wished: argparse.Namespace) -> Printed:
    output = wished.output or wished.file.with_suffix(".credentials.csv")
    result = device_import.run(operator.database, wished.file, output, wished.vendor, operator.now_ms)
    credentials.sync(operator.database, operator.settings.data_dir)
    return result


def _suspend(operator: Operator, wished: argparse.Namespace) -> Printed:
    return _set_suspended(operator, wished, is_suspended=True)


def _resume(operator: Operator, wished: argparse.Namespace) -> Printed:
    return _set_suspended(operator, wished, is_suspended=False)


def _set_suspended(operator: Operator, wished: argparse.Namespace, *, is_suspended: bool) -> Printed:
    """First the record refuses it, then the broker; on the way back the other way round does not matter."""
    ref = f"{wished.vendor}/{wished.device}"
    if _found(operator, wished).is_retired:
        raise AlreadyThere(f"{ref} is retired for good")
    device = devices.suspend(operator.database, ref, is_suspended=is_suspended)
    return _applied(operator, device, is_disabled=is_suspended)


def _retire(operator: Operator, wished: argparse.Namespace) -> Printed:
    device = devices.retire(operator.database, f"{wished.vendor}/{wished.device}", operator.now_ms)
    return _applied(operator, device, is_disabled=True)


def _applied(operator: Operator, device: Device, *, is_disabled: bool) -> Printed:
    mqtt_logins.set_disabled(operator.database, device.vendor, device.name, is_disabled=is_disabled)
    credentials.sync(operator.database, operator.settings.data_dir)
    return {"device": device.ref, "is_suspended": device.is_suspended, "is_retired": device.is_retired}


def _rotate(operator: Operator, wished: argparse.Namespace) -> Printed:
    device = _found(operator, wished)
    made = mqtt_logins.rotate(operator.database, device.vendor, device.name, operator.now_ms, is_now=wished.now)
    credentials.sync(operator.database, operator.settings.data_dir)
    ends = None if made.old_ends_at_ms is None else rfc3339(made.old_ends_at_ms)
    return {
        "device": device.ref,
        "mqtt_username": made.username,
        "mqtt_password": made.password,
        "old_mqtt_username": made.old_username,
        "old_ends_at": ends,
    }


def _certificate(operator: Operator, wished: argparse.Namespace) -> Printed:
    device = _found(operator, wished)
    csr = None if wished.csr is None else _read_csr(wished.csr)
    made = certificates.issue(operator.database, operator.settings.data_dir, device, csr, operator.now_ms)
    credentials.sync(operator.database, operator.settings.data_dir)  # a second one's name must be told its topics
    key = {} if made.key_pem is None else {"key": made.key_pem}
    return {
        "device": device.ref,
        "serial": f"{made.serial:x}",
        "ends_at": rfc3339(made.ends_at_ms),
        "certificate": made.certificate_pem,
        **key,
        "authority": certificates.authority_pem(operator.settings.data_dir, operator.now_ms),
    }


def _read_csr(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_CSR_BYTES + 1)


def _revoke(operator: Operator, wished: argparse.Namespace) -> Printed:
    device = _found(operator, wished)
    serials = certificates.revoke(operator.database, device.ref, wished.serial, operator.now_ms)
    credentials.sync(operator.database, operator.settings.data_dir)
    is_ours = broker.running_pid(operator.settings.data_dir) is not None  # restarted, it has cut every connection
    names = certificates.names_of(operator.database, serials)
    silenced = [one for one in names if is_ours or certificates.is_denied(operator.database, one)]
    return {"device": device.ref, "revoked": serials, "silenced": silenced}


def _clock(operator: Operator, wished: argparse.Namespace) -> Printed:
    device = _found(operator, wished)
    return {"device": device.ref, "periods": [_period(*one) for one in enumerate(device.clock.periods, start=1)]}


def _period(number: int, period: Period) -> Printed:
    gone = period.removed
    return {
        "number": number,
        "from_device_time": rfc3339(period.from_device_ms),
        "offset_s": period.offset_ms // 1000,
        "learned_at": rfc3339(period.learned_at_ms),
        "removed": {"at": rfc3339(gone.at_ms), "by": gone.by, "why": gone.why} if gone else None,
    }


def _remove_clock(operator: Operator, wished: argparse.Namespace) -> Printed:
    """First the period goes, so that what comes lands at its own time; then owners hear; then what it moved follows."""
    if not 0 < len(wished.reason.strip()) <= LONGEST_REASON:
        raise InputInvalid(f"a reason has 1 to {LONGEST_REASON} characters")
    database, now_ms = operator.database, operator.now_ms
    ref, removal = f"{wished.vendor}/{wished.device}", Removal(now_ms, operator.settings.operator, wished.reason)
    device = clocks.remove_period(database, ref, wished.number, removal)
    words = clock_words.of_removed(ref)
    for person in {one.person for one in device.bindings if one.until_ms is None}:
        key = f"clock-removed:{ref}:{wished.number}:{person}"
        outbox.tell(database, Telling(key, person, "device-clock", words.zh, words.en), now_ms)
    period = device.clock.periods[wished.number - 1]
    done = amending.unclock(Recorder(database, rules()), database, device, period, now_ms)
    shown = _period(wished.number, period)
    return {"device": ref, "period": shown, "restamped": done.restamped, "left": done.left}


def _found(operator: Operator, wished: argparse.Namespace) -> Device:
    ref = f"{wished.vendor}/{wished.device}"
    device = devices.find(operator.database, ref)
    if device is None:
        raise NotFound(f"no device {ref}")
    return device
