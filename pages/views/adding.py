"""A reading by hand, with big keys; kept by the phone and sent later where there is no network."""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from pages import looks, shown
from phr.vocabulary.metric import Bounds, Component, Metric, Unit
from phr.vocabulary.metrics import vocabulary

blueprint = Blueprint("adding", __name__)

BY_HAND = ("blood-pressure", "glucose-capillary", "weight", "heart-rate", "body-temperature", "spo2", "pef", "waist")


@blueprint.get("/app/add")
def show() -> str:
    known = vocabulary().metrics
    forms = [_form(known[key]) for key in BY_HAND]
    wanted = request.args.get("metric")
    return render_template(
        "add.html",
        forms=forms,
        chosen=wanted if wanted in BY_HAND else BY_HAND[0],
        words=_words(),
    )


def _words() -> dict[str, str]:
    """What the script says, in the reader's language."""
    return {
        "kept": _("Kept on this phone; it is sent as soon as there is a network."),
        "stored": _("Stored."),
        "again": _("This reading was stored before."),
        "failed": _("Not stored:"),
        "missing": _("Type the value first."),
        "suspect": _("Stored. It is unusual: please measure once more."),
        "between": _("from LOW to HIGH"),
        "upside": _("The lower pressure is below the upper one. Please look at both again."),
        "future": _("This time has not come yet."),
        "locale": looks.of(request).tag,
    }


def _form(metric: Metric) -> dict[str, Any]:
    """The fields of a metric in the reader's unit, with what can be measured at all."""
    unit = shown.unit_of(metric)
    known = vocabulary().metrics
    parts = [
        {"key": one.key, "name": shown.name(known[one.metric].key), "required": one.required}
        | _limits(one, one.unit or unit)
        for one in metric.components
        if one.required or one.key == "pulse"
    ] or [{"key": "", "name": shown.name(metric.key), "required": True} | _limits(metric, unit)]
    return {
        "metric": metric.key,
        "name": shown.name(metric.key),
        "unit": unit.code if unit else None,
        "decimals": unit.decimals if unit else metric.decimals,
        "parts": parts,
        "has_meal": metric.key == "glucose-capillary",
    }


def _limits(one: Metric | Component, unit: Unit | None) -> dict[str, Any]:
    """What a value can be at all, and what is usual, in the reader's unit: canonical = value * factor + offset."""
    decimals = unit.decimals if unit else 0

    def told(bounds: Bounds | None) -> list[float] | None:
        if bounds is None:
            return None
        if unit is None:
            return [bounds.low, bounds.high]
        low, high = ((limit - unit.offset) / unit.factor * 10**decimals for limit in (bounds.low, bounds.high))
        return [math.ceil(round(low, 6)) / 10**decimals, math.floor(round(high, 6)) / 10**decimals]

    low, high = told(one.bounds) or (None, None)
    return {"low": low, "high": high, "usual": told(one.published), "unit": shown.label(unit)}
