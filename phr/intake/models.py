"""A vendor's models: names, what they measure, and the format that their devices send by default."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid
from phr.vocabulary.metrics import vocabulary

COLLECTION = "models"
SLUG = re.compile(r"[a-z0-9-]{1,32}")
MOST_PER_VENDOR = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    vendor: str
    slug: str
    name_zh: str
    name_en: str
    format: str | None = None
    metrics: Sequence[str] = ()
    rate_per_min: int | None = None  # messages a minute that one device is made to send


def create(database: Database, model: Model, now_ms: int) -> Model:
    """The model; its format is checked by the caller. Raises InputInvalid, AlreadyThere."""
    if not SLUG.fullmatch(model.slug):
        raise InputInvalid(f"{model.slug!r} is not a slug: [a-z0-9-]{{1,32}}", "/model")
    for index, metric in enumerate(model.metrics):
        if metric not in vocabulary().metrics:
            raise InputInvalid(f"{metric} is not a metric", f"/metrics/{index}")
    if database[COLLECTION].count_documents({"vendor": model.vendor}, limit=MOST_PER_VENDOR) == MOST_PER_VENDOR:
        raise InputInvalid(f"a vendor has at most {MOST_PER_VENDOR} models")
    row = asdict(model) | {"_id": f"{model.vendor}/{model.slug}", "created_at_ms": now_ms}
    try:
        database[COLLECTION].insert_one(row | {"metrics": list(model.metrics)})
    except DuplicateKeyError as error:
        raise AlreadyThere(f"model {model.slug} exists", "/model") from error
    return model


def of_vendor(database: Database, vendor: str, limit: int, after: str = "") -> list[Model]:
    """A vendor's models in order of their slugs, those after ``after``."""
    wanted = {"vendor": vendor, "slug": {"$gt": after}}
    return [_model(row) for row in database[COLLECTION].find(wanted).sort("slug", 1).limit(limit)]


def find_many(database: Database, vendor: str, slugs: set[str]) -> dict[str, Model]:
    rows = database[COLLECTION].find({"_id": {"$in": [f"{vendor}/{slug}" for slug in slugs]}})
    return {row["slug"]: _model(row) for row in rows}


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("vendor", 1), ("slug", 1)], name="vendor")


def _model(row: Document) -> Model:
    return Model(
        vendor=row["vendor"],
        slug=row["slug"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        format=row["format"],
        metrics=tuple(row["metrics"]),
        rate_per_min=row["rate_per_min"],
    )
