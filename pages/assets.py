"""Scripts, styles and pictures: served from the installation, packed once, kept by browsers while they stay."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, request

FOLDER = Path(__file__).with_name("static")
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_LEAST_TO_PACK = 512
KEPT = "public, max-age=31536000, immutable"  # an address names one content for ever


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    packed: bytes | None
    type: str
    version: str


def install(app: Flask) -> None:
    app.add_url_rule("/app/static/<version>/<path:name>", "static", _show)
    app.jinja_env.globals["asset"] = address


def address(name: str) -> str:
    """Where the file is to be had; another one as soon as any file changes, since scripts import each other."""
    if name not in files():
        raise LookupError(name)
    return f"/app/static/{version()}/{name}"


@cache
def files() -> dict[str, Asset]:
    """Every file under ``static``, by its path there."""
    return {
        path.relative_to(FOLDER).as_posix(): _asset(path)
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix != ".LICENSE"
    }


@cache
def version() -> str:
    """Names the content of all files."""
    told = "".join(f"{name}={one.version};" for name, one in files().items())
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = kind.startswith("text/") or "json" in kind or "svg" in kind
    packed = gzip.compress(body, 9, mtime=0) if is_text and len(body) >= _LEAST_TO_PACK else None
    return Asset(body, packed, kind, hashlib.sha256(body).hexdigest())


def _show(version: str, name: str) -> Response:  # noqa: ARG001 - an old page's address gives the file of today
    found = files().get(name)
    if found is None:
        abort(404)
    is_packed = found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    answer = Response(found.packed if is_packed else found.body, content_type=found.type)
    if is_packed:
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    answer.headers["Cache-Control"] = KEPT
    return answer
