"""A vendor registers its devices and asks for codes and certificates; passwords and keys are shown once."""

from __future__ import annotations

import base64
from typing import Any, NotRequired, TypedDict

import msgspec
from flask import Blueprint, request
from marshmallow import Schema, fields, validate

from phr.api.deciding import access, returns, speaks, takes
from phr.api.installation import database, installation
from phr.api.problems import ShapeInvalid
from phr.api.shapes import Base64
from phr.api.vendor import VendorsDeviceTold, shown_devices
from phr.clock import At, now_ms, rfc3339
from phr.errors import NotFound
from phr.intake import certificates, claim_codes, claims, devices, enrolment
from phr.intake.device import Device
from phr.intake.devices import NewDevice
from phr.intake.enrolment import EnrolledTold

blueprint = Blueprint("vendor_devices", __name__)


class DeviceShape(Schema):
    device = fields.String(required=True, validate=validate.Regexp(r"[A-Za-z0-9._:-]{1,64}\Z"))
    model = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 32))
    format = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 80))
    made_on = fields.Date(load_default=None, allow_none=True)


class DevicesShape(Schema):
    devices = fields.List(fields.Nested(DeviceShape), required=True, validate=validate.Length(1, enrolment.MOST))


class AllEnrolledTold(TypedDict):
    devices: list[EnrolledTold]


class CertificateMadeTold(TypedDict):
    """PEM. ``serial``: in hexadecimal digits; ``key``: where it is ours, told once; ``authority``: who signed."""

    serial: str
    ends_at: At
    certificate: str
    key: NotRequired[str]
    authority: str


class ClaimCodeTold(TypedDict):
    """``qr_text``: what the picture says."""

    device: str
    claim_code: str
    qr_text: str
    qr_png_base64: Base64


@blueprint.post("/v1/vendor/devices")
@access("vendor.write")
@returns(status=201)
@speaks("application/json")
def create_devices(vendor: str) -> EnrolledTold | AllEnrolledTold:
    """One device, or {"devices": [...]} of 1,000 at most, all or none; their logins work within a few seconds."""
    wanted, is_list = _wanted()
    drafts = [
        NewDevice(vendor=vendor, name=one["device"], model=one["model"], format=one["format"], made_on=one["made_on"])
        for one in wanted
    ]
    made = [one.as_json() for one in enrolment.enrol(database(), drafts, now_ms())]
    return {"devices": made} if is_list else made[0]


@blueprint.get("/v1/vendor/devices/<device>")
@access("vendor.read")
@returns()
def show_device(vendor: str, device: str) -> VendorsDeviceTold:
    return shown_devices([_own(vendor, device)])[0]


@blueprint.post("/v1/vendor/devices/<device>/certificate")
@access("vendor.write")
@returns(status=201)
@speaks("text/plain")
def create_certificate(vendor: str, device: str) -> CertificateMadeTold:
    """The body is a request in PEM; an empty one asks for a key of ours, shown once."""
    home, now = installation().settings.data_dir, now_ms()
    made = certificates.issue(database(), home, _own(vendor, device), request.get_data() or None, now)
    told: CertificateMadeTold = {
        "serial": f"{made.serial:x}",
        "ends_at": rfc3339(made.ends_at_ms),
        "certificate": made.certificate_pem,
        "authority": certificates.authority_pem(home, now),
    }
    if made.key_pem is not None:
        told["key"] = made.key_pem
    return told


@blueprint.post("/v1/vendor/devices/<device>/claim-code")
@access("vendor.write")
@returns(status=201)
def create_claim_code(vendor: str, device: str) -> ClaimCodeTold:
    """A new code, shown once, with its picture; the code before opens nothing any more."""
    ref = _own(vendor, device).ref
    code = claims.renew_code_of_free(database(), ref)
    png = base64.b64encode(claim_codes.picture(ref, code)).decode()
    return {"device": ref, "claim_code": code, "qr_text": claim_codes.text_of(ref, code), "qr_png_base64": png}


def _own(vendor: str, device: str) -> Device:
    found = devices.find(database(), f"{vendor}/{device}")
    if found is None:
        raise NotFound(f"no device {vendor}/{device}")
    return found


@takes(DevicesShape)
def _many(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["devices"]
    return found


@takes(DeviceShape)
def _single(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [body]


def _wanted() -> tuple[list[dict[str, Any]], bool]:
    try:
        said = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ShapeInvalid([("", f"not JSON: {error}")]) from error
    is_list = isinstance(said, dict) and "devices" in said
    return (_many() if is_list else _single()), is_list
