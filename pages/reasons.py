"""Why a reading was rejected, in words: the codes of verdicts that come most often."""

from __future__ import annotations

from flask_babel import gettext as _


def told(code: str) -> str:
    """The code in the reader's language; nothing for one that stands for itself."""
    return _words().get(code, "")


def _words() -> dict[str, str]:
    return {
        "payload-unreadable": _("the payload can't be read"),
        "payload-too-large": _("the payload is too large"),
        "rate-limited": _("sent faster than its rate allows"),
        "device-unknown": _("no such device is registered"),
        "device-suspended": _("the device may not send at present"),
        "device-retired": _("the device is out of use for good"),
        "device-mismatch": _("this sender may not speak for that device"),
        "consent-withdrawn": _("the person takes no readings in any more"),
        "item-invalid": _("not an object"),
        "metric-missing": _("the metric is not named"),
        "metric-unknown": _("no such metric"),
        "metric-not-a-reading": _("is never sent by itself"),
        "time-missing": _("the time is missing"),
        "time-invalid": _("the time can't be right"),
        "time-imprecise": _("the time names no instant"),
        "end-missing": _("the end of the period is missing"),
        "unit-missing": _("the unit is missing"),
        "unit-unknown": _("not a unit of this metric"),
        "value-missing": _("the value is missing"),
        "value-invalid": _("not a value of this metric"),
        "value-out-of-bounds": _("the value is impossible"),
        "component-missing": _("a part of the value is missing"),
        "code-unknown": _("not a code of this metric"),
        "slot-invalid": _("the slot is not a short text"),
        "context-invalid": _("the context is too much"),
        "id-taken": _("this id stands for another reading"),
        "too-dense": _("too many readings in that time"),
        "too-often-corrected": _("corrected too often"),
        "mapping-failed": _("the vendor's mapping does not fit this message"),
        "internal-error": _("a fault of ours"),
    }
