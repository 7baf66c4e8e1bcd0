"""A visit's form as it comes prepared: what the record knows is filled in, what must be measured stays empty."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phr.care.codes import codes
from phr.care.form import Form
from phr.clock import DAY_MS, rfc3339
from phr.database import Database
from phr.people.people import Person
from phr.plans.visits import Filled
from phr.readings.latest import Latest, latest
from phr.reminders import adherence, ledger
from phr.timeline import listing
from phr.timeline.entry import Entry
from phr.timeline.listing import Filter
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sight import Sight
from phr.vocabulary.units import canonical

ADHERENCE_DAYS = 90
MOST_ENTRIES = 500
# What counts as regular: general knowledge, no source; the doctor sees the number beside it.
REGULAR_PERCENT = 80.0
CUT_OF_ADHERENCE = {"regular_from_percent": REGULAR_PERCENT, "evidence": "unverified"}
_TAKEN = (None, "active")
_A_DAY = {"day": 1.0, "week": 1 / 7, "month": 1 / 30, "year": 1 / 365}


@dataclass(frozen=True, slots=True)
class Known:
    """Whose record, what of it may be looked at, and when."""

    person: Person
    sight: Sight
    now_ms: int

    def may(self, *categories: str) -> bool:
        return all(one in self.sight.periods for one in categories)


def filled(database: Database, form: Form, known: Known) -> tuple[dict[str, Filled], tuple[str, ...]]:
    """Values by item, each with what it rests on, and the categories of the record that they were made of."""
    items: dict[str, Filled] = {}
    used: set[str] = set()
    sources: Mapping[str, tuple[tuple[str, ...], Callable[[Database, Known], Mapping[str, Filled]]]] = {
        "weight": (("readings",), _body),
        "hba1c": (("readings",), _hba1c),
        "smoking": (("lifestyle",), _smoking),
        "adherence": (("care", "medications"), _adherence),
        "medicines": (("medications",), _medicines),
    }
    wanted = {one.of for one in form.items.values() if one.of}
    for name, (categories, read) in sources.items():
        found = read(database, known) if name in wanted and known.may(*categories) else {}
        kept = {key: one for key, one in found.items() if key in form.items}
        items |= kept
        used |= set(categories) if kept else set()
    return items, tuple(sorted(used))


def _body(database: Database, known: Known) -> Mapping[str, Filled]:
    found = _latest(database, known, "weight", "height")
    if "weight" not in found:
        return {}
    weight = canonical(found["weight"].metric, found["weight"].values[""])
    items = {"weight": Filled(weight, "record", _measured(found["weight"], known))}
    if "height" in found:
        metres = canonical(found["height"].metric, found["height"].values[""]) / 100
        items["bmi"] = Filled(round(weight / metres**2, 1), "record", _measured(found["weight"], known))
    return items


def _hba1c(database: Database, known: Known) -> Mapping[str, Filled]:
    found = _latest(database, known, "hba1c").get("hba1c")
    if found is None:
        return {}
    basis = _measured(found, known)
    value = canonical(found.metric, found.values[""])
    return {
        "hba1c": Filled(round(value, 1), "record", basis),
        "hba1c-on": Filled(basis["measured_at"][:10], "record", basis),
    }


def _smoking(database: Database, known: Known) -> Mapping[str, Filled]:
    """The latest word on it: nobody who does not smoke any more smokes some a day."""
    for entry in _entries(database, known, "exposure"):
        said = entry.content
        if said.get("to") != "smoking":
            continue
        amount = said.get("amount")
        value = 0.0 if said.get("status") in ("never", "former") else _per_day(amount)
        return {} if value is None else {"smoking": Filled(value, "record", {"entry": entry.id, "text": said["text"]})}
    return {}


def _per_day(amount: Mapping[str, Any] | None) -> float | None:
    share = _A_DAY.get((amount or {}).get("per", ""))
    return round(amount["value"] * share, 1) if amount and share else None


def _adherence(database: Database, known: Known) -> Mapping[str, Filled]:
    """Of the reminders of medicines in the last 90 days; of nothing that was settled nothing is said."""
    begin_ms = known.now_ms - ADHERENCE_DAYS * DAY_MS
    seen = ledger.of_person(database, known.person.id, begin_ms, known.now_ms)
    of_medicines = [one for one in seen if one.kind == "medication" and known.may(*one.categories)]
    total = adherence.of(of_medicines).total
    percent = total.done_percent
    if percent is None:
        return {}
    code = "1" if percent >= REGULAR_PERCENT else "2" if total.done else "3"
    basis = {"percent": percent, "done": total.done, "settled": total.settled, "days": ADHERENCE_DAYS}
    return {"adherence": Filled(code, "record", basis | CUT_OF_ADHERENCE)}


def _medicines(database: Database, known: Known) -> Mapping[str, Filled]:
    """Names, doses and how often as the entries say it, a line each; insulin by itself."""
    taken = [one for one in _entries(database, known, "medication") if _is_taken(one, known.now_ms)]
    insulin = [one for one in taken if "insulin" in codes().medications_of(_atc(one))]
    others = [one for one in taken if one not in insulin]
    found = {}
    for key, some in (("medicines", others), ("insulin", insulin)):
        if some:
            basis = {"entries": [one.id for one in some]}
            found[key] = Filled("\n".join(map(_line, some))[:2_000], "record", basis)
    return found


def _line(entry: Entry) -> str:
    said = entry.content
    dose = said.get("dose")
    parts = [
        str(said["text"]),
        f"每次 {dose['value']:g} {dose['unit']}" if dose else "",
        f"每日 {said['times_a_day']} 次" if "times_a_day" in said else "",
        str(said.get("instructions", "")),
    ]
    return "，".join(part for part in parts if part)


def _is_taken(entry: Entry, now_ms: int) -> bool:
    end = entry.effective.end
    is_over = end is not None and end.end_ms <= now_ms
    return entry.content.get("status") in _TAKEN and entry.effective_ms <= now_ms and not is_over


def _atc(entry: Entry) -> Sequence[str]:
    return [one["code"] for one in entry.content.get("codes", ()) if one["system"] == "atc"]


def _entries(database: Database, known: Known, kind: str) -> Iterator[Entry]:
    """Newest first, those that may be seen."""
    wanted = Filter(kinds=frozenset((kind,)), sight=known.sight)
    yield from listing.page(database, known.person.id, wanted, MOST_ENTRIES, None).entries


def _latest(database: Database, known: Known, *metrics: str) -> dict[str, Latest]:
    found = latest(database, known.person.id, {key: vocabulary().metrics[key] for key in metrics})
    return {one.metric.key: one for one in found}


def _measured(one: Latest, known: Known) -> dict[str, Any]:
    offset_min = one.offset_min if one.offset_min is not None else known.person.offset_min_at(one.t_ms)
    return {"measured_at": rfc3339(one.t_ms, offset_min), "days_ago": (known.now_ms - one.t_ms) // DAY_MS}


def missing(form: Form, items: Collection[str]) -> list[str]:
    """What is to be measured or asked at the visit, in the order of the form."""
    return [key for key in form.items if key not in items]
