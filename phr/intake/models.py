"""A vendor's models: names, what they measure, and the format that their devices send by default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from pymongo.errors import DuplicateKeyError

from phr.database import Database, Document
from phr.errors import AlreadyThere, InputInvalid, NotFound, VersionConflict
from phr.vocabulary.metrics import vocabulary
from phr.vocabulary.sources import categories

COLLECTION = "models"
SLUG = re.compile(r"[a-z0-9-]{1,32}")
MOST_PER_VENDOR = 1_000
_MODEL = {"vendor": 1, "model": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    vendor: str
    slug: str
    name_zh: str
    name_en: str
    format: str | None = None
    metrics: Sequence[str] = ()
    rate_per_min: int | None = None  # messages a minute that one device is made to send
    category: str | None = None  # of phr.vocabulary.sources: what kind of source its devices are
    version: int = 1


def create(database: Database, model: Model, now_ms: int) -> Model:
    """The model; its format is checked by the caller. Raises InputInvalid, AlreadyThere."""
    _check(model)
    if database[COLLECTION].count_documents({"vendor": model.vendor}, limit=MOST_PER_VENDOR) == MOST_PER_VENDOR:
        raise InputInvalid(f"a vendor has at most {MOST_PER_VENDOR} models")
    row = asdict(model) | {"_id": f"{model.vendor}/{model.slug}", "created_at_ms": now_ms}
    try:
        database[COLLECTION].insert_one(row | {"metrics": list(model.metrics)})
    except DuplicateKeyError as error:
        raise AlreadyThere(f"model {model.slug} exists", "/model") from error
    return model


def change(database: Database, model: Model) -> Model:
    """The model in place of the version that it names. Raises InputInvalid, NotFound, VersionConflict."""
    _check(model)
    new = replace(model, version=model.version + 1)
    key = f"{model.vendor}/{model.slug}"
    fields = {name: value for name, value in asdict(new).items() if name not in ("vendor", "slug")}
    at_version = model.version if model.version > 1 else {"$in": [1, None]}
    changed = {"$set": fields | {"metrics": list(model.metrics)}}
    if not database[COLLECTION].update_one({"_id": key, "version": at_version}, changed).matched_count:
        find(database, model.vendor, model.slug)
        raise VersionConflict("it has changed since you read it; read it again")
    return new


def find(database: Database, vendor: str, slug: str) -> Model:
    """Raises NotFound."""
    row = database[COLLECTION].find_one({"_id": f"{vendor}/{slug}"})
    if row is None:
        raise NotFound(f"no model {slug}")
    return _model(row)


def of_vendor(database: Database, vendor: str, limit: int, after: str = "") -> list[Model]:
    """A vendor's models in order of their slugs, those after ``after``."""
    wanted = {"vendor": vendor, "slug": {"$gt": after}}
    return [_model(row) for row in database[COLLECTION].find(wanted).sort("slug", 1).limit(limit)]


def find_many(database: Database, vendor: str, slugs: set[str]) -> dict[str, Model]:
    rows = database[COLLECTION].find({"_id": {"$in": [f"{vendor}/{slug}" for slug in slugs]}})
    return {row["slug"]: _model(row) for row in rows}


def categories_of(database: Database, refs: Iterable[str]) -> dict[str, str]:
    """The categories of those of the devices "vendor/device" whose model states one."""
    wanted = {"_id": {"$in": list(refs)}, "model": {"$ne": None}}
    model_of = {row["_id"]: f"{row['vendor']}/{row['model']}" for row in database["devices"].find(wanted, _MODEL)}
    if not model_of:
        return {}
    rows = database[COLLECTION].find({"_id": {"$in": list(set(model_of.values()))}}, {"category": 1})
    stated = {row["_id"]: row["category"] for row in rows if row.get("category")}
    return {ref: stated[model] for ref, model in model_of.items() if model in stated}


def ensure_indexes(database: Database) -> None:
    database[COLLECTION].create_index([("vendor", 1), ("slug", 1)], name="vendor")


def _check(model: Model) -> None:
    if not SLUG.fullmatch(model.slug):
        raise InputInvalid(f"{model.slug!r} is not a slug: [a-z0-9-]{{1,32}}", "/model")
    for index, metric in enumerate(model.metrics):
        if metric not in vocabulary().metrics:
            raise InputInvalid(f"{metric} is not a metric", f"/metrics/{index}")
    if model.category is not None and model.category not in categories().by_slug:
        raise InputInvalid(f"{model.category} is no category; there are {', '.join(categories().by_slug)}", "/category")


def _model(row: Document) -> Model:
    return Model(
        vendor=row["vendor"],
        slug=row["slug"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        format=row["format"],
        metrics=tuple(row["metrics"]),
        rate_per_min=row["rate_per_min"],
        category=row.get("category"),
        version=row.get("version", 1),
    )
