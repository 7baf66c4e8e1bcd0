"""Which source is believed first, over HTTP: who may say so, what is refused, and that series and timeline follow."""

from __future__ import annotations

from typing import Any

import pytest

from phr.intake import devices, models
from phr.intake.devices import NewDevice
from phr.intake.models import Model
from phr.readings import store
from tests.cast import T0, Cast
from tests.readings.builders import MINUTE_MS, a_run, arriving

HEART = "/v1/people/{owner}/sources/heart-rate"
STRAP, WATCH = "acme/strap-1", "acme/watch-1"


def worn(cast: Cast) -> None:
    """A watch that measures twice while a chest strap measures once."""
    for slug, category in (("strap", "chest-strap"), ("watch", "watch")):
        model = Model(vendor="acme", slug=slug, name_zh=slug, name_en=slug, category=category)
        models.create(cast.database, model, T0)
        devices.create_device(cast.database, NewDevice(vendor="acme", name=f"{slug}-1", model=slug), T0)
    measured(cast, WATCH, [T0, T0 + MINUTE_MS], 700)
    measured(cast, STRAP, [T0], 900)


def measured(cast: Cast, device: str, t: list[int], value: int, metric: str = "heart-rate") -> None:
    store.write(cast.database, [arriving(a_run(t, value, metric), person=cast.owner, device=device)])


def put(cast: Cast, *sources: str, version: int = 0, who: str | None = None, path: str = HEART) -> Any:
    headers = {"If-Match": f'"{version}"'}
    return cast.send(who or cast.owner, "PUT", path, json={"sources": list(sources)}, headers=headers)


def mean(cast: Cast) -> float:
    answer = cast.send(cast.owner, "GET", "/v1/people/{owner}/series/heart-rate?resolution=day")
    (found,) = answer.json["columns"]["mean"]
    return float(found)


def test_usual_order_follows_the_categories(cast: Cast) -> None:
    worn(cast)
    measured(cast, "acme/cuff-1", [T0], 600)
    answer = cast.send(cast.owner, "GET", HEART).json
    assert [(one["source"], one["category"]) for one in answer["order"]] == [
        (STRAP, "chest-strap"),
        (WATCH, "watch"),
        ("acme/cuff-1", None),
    ]
    assert (answer["sources"], answer["usual"][:2], answer["all_count"]) == ([], ["ecg", "chest-strap"], False)


def test_strap_is_believed_before_a_watch_until_its_owner_says_otherwise(cast: Cast) -> None:
    worn(cast)
    assert mean(cast) == 90.0
    assert put(cast, "watch").json["sources"] == ["watch"]
    assert mean(cast) == 70.0
    assert put(cast, STRAP, "watch", version=1).status_code == 200
    assert mean(cast) == 90.0
    assert put(cast, version=2).status_code == 200  # the usual order again
    assert mean(cast) == 90.0


def test_timeline_follows_the_order_as_well(cast: Cast) -> None:
    worn(cast)
    put(cast, WATCH)
    (line,) = cast.send(cast.owner, "GET", "/v1/people/{owner}/timeline").json["lines"]
    assert (line["source"], line["mean"]) == (WATCH, 70.0)


def test_what_has_no_category_is_told_apart_by_its_readings(cast: Cast) -> None:
    measured(cast, "acme/a", [T0], 600)
    measured(cast, "acme/b", [T0, T0 + 1], 800)
    assert mean(cast) == 80.0


def test_order_of_another_version_is_refused(cast: Cast) -> None:
    worn(cast)
    assert put(cast, WATCH).headers["ETag"] == '"1"'
    assert put(cast, STRAP).status_code == 412
    assert put(cast, STRAP, version=2).status_code == 412
    assert cast.send(cast.owner, "PUT", HEART, json={"sources": []}).status_code == 428
    assert cast.send(cast.owner, "GET", HEART).json["sources"] == [WATCH]


@pytest.mark.parametrize(
    ("sources", "pointer"),
    [
        (["acme/none"], "/sources/0"),
        (["watch", WATCH, "watch"], "/sources/2"),
        ([""], "/sources/0"),
        ("watch", "/sources"),
        ([7], "/sources/0"),
        (["watch"] * 101, "/sources"),
    ],
)
def test_bad_order_is_pointed_at(cast: Cast, sources: Any, pointer: str) -> None:
    worn(cast)
    answer = cast.send(cast.owner, "PUT", HEART, json={"sources": sources}, headers={"If-Match": '"0"'})
    assert (answer.status_code, answer.json.get("pointer") or answer.json["errors"][0]["pointer"]) == (400, pointer)


def test_stranger_neither_sees_nor_says_it(cast: Cast) -> None:
    assert cast.send(cast.stranger, "GET", HEART).status_code == 403
    assert put(cast, who=cast.stranger).status_code == 403
    assert put(cast, who=cast.doctor).status_code == 403  # may read


def test_metric_of_which_all_count_has_nothing_to_choose(cast: Cast) -> None:
    path = "/v1/people/{owner}/sources/blood-pressure"
    assert cast.send(cast.owner, "GET", path).json["all_count"] is True
    assert put(cast, path=path).json["code"] == "all-sources-count"
    assert cast.send(cast.owner, "GET", path.replace("blood-pressure", "no-such")).status_code == 404
