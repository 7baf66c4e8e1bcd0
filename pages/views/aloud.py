"""What the server reads aloud where a browser has no voice of its own: the sentences of today, and lessons."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from pages import looks, sittings, speaking
from pages.views import today

blueprint = Blueprint("aloud", __name__)

LESSON_KEPT = "private, max-age=86400"
AGAIN_S = 5


@blueprint.get("/app/aloud/today")
def say_today() -> Response:
    """A person's own sentences: made for this answer, and kept nowhere."""
    return _answer(speaking.spoken, today.sentences(today.of_now()), "no-store")


@blueprint.get("/app/aloud/lessons/<slug>")
def say_lesson(slug: str) -> Response:
    return _lesson("/v1/education", slug)


@blueprint.get("/app/aloud/clinic/lessons/<slug>")
def say_professionals_lesson(slug: str) -> Response:
    return _lesson("/v1/organisation", slug)


def _lesson(where: str, slug: str) -> Response:
    found = sittings.ask("GET", f"{where}/articles/{slug}", query={"language": looks.of(request).language})
    return _answer(speaking.spoken_to_all, [found["audio_text"]], LESSON_KEPT)


def _answer(speak: Callable[[str, str], bytes], sentences: list[str], kept: str) -> Response:
    """In parts where a part is asked for, as iPhones do."""
    try:
        sound = speak("\n".join(sentences), looks.of(request).language)
    except speaking.Speechless:
        abort(Response("", 503, headers={"Retry-After": str(AGAIN_S)}))
    answer = Response(sound, content_type="audio/mpeg", headers={"Cache-Control": kept})
    answer.make_conditional(request, accept_ranges=True, complete_length=len(sound))
    return answer
