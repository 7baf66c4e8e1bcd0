"""FIT, the files of Garmin's and others' devices: heart rate of records and monitoring, scales, blood pressure.

Times are UTC, so where the person was is unknown. Steps and distances are running totals of a day and are not taken.
A scale that several people use numbers them: ``mapping`` = {"user_profile_index": 0} says which one this is; without it
what has a number is refused, since it may be somebody else's. Source: the FIT SDK's Profile.xlsx, as fitdecode has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

import fitdecode

from phr.clock import to_ms
from phr.errors import InputInvalid
from phr.formats.building import Item, ItemRefused, take
from phr.interchange.formats import Batch, FileBroken, Wish
from phr.interchange.gathering import RECORDS_A_BATCH, refuse, source_name
from phr.vocabulary.metrics import vocabulary

NAME = "fit"
SUFFIXES = (".fit",)

# message -> {field: (metric, unit)}
_NUMBERS = {
    "record": {"heart_rate": ("heart-rate", "/min")},
    "monitoring": {"heart_rate": ("heart-rate", "/min")},
    "weight_scale": {
        "weight": ("weight", "kg"),
        "percent_fat": ("body-fat-pct", "%"),
        "bone_mass": ("bone-mass", "kg"),
        "muscle_mass": ("muscle-mass", "kg"),
    },
}
_PRESSURE = "blood_pressure"


FIT_EPOCH_MS = 631_065_600_000  # 1989-12-31T00:00Z


def check(wish: Wish) -> int | None:
    """Which user of a scale the person is, where the wish says so. Raises InputInvalid."""
    user = (wish.mapping or {}).get("user_profile_index")
    if user is not None and (type(user) is not int or not 0 <= user < 2**16):
        raise InputInvalid("user_profile_index is a number that the scale gave", "/mapping/user_profile_index")
    return user


def read(file: BinaryIO, wish: Wish) -> Iterator[Batch]:
    """Raises FileBroken: a file whose checksum or length is wrong is not taken in part."""
    reading = _Reading(check(wish), source_name(wish.salt, "fit", ""))
    settings = {"check_crc": fitdecode.CrcCheck.RAISE, "error_handling": fitdecode.ErrorHandling.IGNORE}
    try:
        with fitdecode.FitReader(file, **settings) as frames:
            for frame in frames:
                if frame.frame_type == fitdecode.FIT_FRAME_DATA:
                    reading.take(frame, wish.salt)
                if reading.batch.records >= RECORDS_A_BATCH:
                    yield reading.batch
                    reading.batch = Batch()
    except (fitdecode.FitError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise FileBroken(f"not a whole FIT file: {str(error)[:200]}") from error
    if not reading.number:
        raise FileBroken("not a FIT file: nothing is in it")
    yield reading.batch


class _Reading:
    def __init__(self, user: int | None, source: str) -> None:
        self.batch = Batch()
        self._user = user
        self._source = source
        self.number = 0
        self._latest_s = 0  # the latest whole timestamp, in seconds of FIT's epoch

    def take(self, frame: Any, salt: str) -> None:
        self.batch.records += 1
        self.number += 1
        if frame.name == "file_id":
            product = f"{_said(frame, 'manufacturer')}-{_said(frame, 'product')}"
            self._source = source_name(salt, product, str(_said(frame, "serial_number")))
        t_ms = self._time(frame)
        path = f"/{frame.name}/{self.number}"
        values = dict(_values(frame))
        if not values:
            return
        try:
            if t_ms is None:
                raise ItemRefused("time-missing", "a message without its time", "/timestamp")
            self._check_user(_said(frame, "user_profile_index"))
        except ItemRefused as refused:
            refuse(self.batch, self._source, path + refused.pointer, (refused.code, refused.detail))
            return
        for metric, (value, unit) in values.items():
            take(self.batch.of(self._source), Item(path, vocabulary().metrics[metric], t_ms, value, None, unit))

    def _check_user(self, user: Any) -> None:
        if user is not None and user != self._user:
            why = "of another user of this scale, or of one that nobody has named"
            raise ItemRefused("other-person", why, "/user_profile_index")

    def _time(self, frame: Any) -> int | None:
        """A monitor writes the low 16 bits of the seconds where the last whole timestamp is near enough."""
        moment, low = _said(frame, "timestamp"), _said(frame, "timestamp_16")
        if isinstance(moment, datetime):
            t_ms = to_ms(moment)
            self._latest_s = (t_ms - FIT_EPOCH_MS) // 1_000
            return t_ms
        if type(low) is int and self._latest_s:
            return FIT_EPOCH_MS + 1_000 * (self._latest_s + ((low - self._latest_s) & 0xFFFF))
        return None


def _values(frame: Any) -> Iterator[tuple[str, tuple[Any, str]]]:
    """(metric, (value, unit)) of all that a message measures."""
    if frame.name == _PRESSURE:
        names = {"systolic": "systolic_pressure", "diastolic": "diastolic_pressure", "pulse": "heart_rate"}
        value = {key: number for key, name in names.items() if _is_number(number := _said(frame, name))}
        if value:
            yield "blood-pressure", (value, "mm[Hg]")
    for name, (metric, unit) in _NUMBERS.get(frame.name, {}).items():
        number = _said(frame, name)
        if _is_number(number) and number:
            yield metric, (number, unit)


def _said(frame: Any, name: str) -> Any:
    return frame.get_value(name, fallback=None) if frame.has_field(name) else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)
