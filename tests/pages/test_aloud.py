"""What the server reads aloud where a browser has no voice: real speech, one's own kept nowhere."""

from __future__ import annotations

import shutil

import pytest

from pages import speaking
from phr.clock import now_ms, rfc3339
from tests.pages.visitor import Visitor

MP3 = (b"\xff\xf3", b"\xff\xfb", b"\xff\xf2", b"\xff\xfa", b"ID3")


@pytest.fixture(autouse=True)
def voice() -> None:
    assert shutil.which("espeak-ng"), "espeak-ng is missing: sudo apt-get install -y espeak-ng"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_lesson_is_read_in_the_readers_language_and_made_once(visitor: Visitor, language: str) -> None:
    visitor.get(f"/look/{language}")
    visitor.log_in()
    assert 'data-sound="/app/aloud/lessons/less-salt"' in visitor.get("/app/learn/less-salt").text
    speaking.spoken_to_all.cache_clear()
    sounds = [visitor.get("/app/aloud/lessons/less-salt") for _ in range(2)]
    assert [one.status_code for one in sounds] == [200, 200]
    assert sounds[0].content_type == "audio/mpeg"
    assert sounds[0].data.startswith(MP3)
    assert 50_000 < len(sounds[0].data) < 1_500_000
    assert sounds[1].data == sounds[0].data
    assert (speaking.spoken_to_all.cache_info().misses, speaking.spoken_to_all.cache_info().hits) == (1, 1)


def test_part_of_a_sound_is_given_as_iphones_ask_for_it(visitor: Visitor) -> None:
    visitor.log_in()
    whole = visitor.get("/app/aloud/lessons/less-salt").data
    part = visitor.get("/app/aloud/lessons/less-salt", headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.data) == (206, whole[:2])
    assert part.headers["Content-Range"] == f"bytes 0-1/{len(whole)}"


def test_ones_own_day_is_read_and_kept_nowhere(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    speak = speaking.spoken
    monkeypatch.setattr(speaking, "spoken", lambda text, language: (said.append(text), speak(text, language))[1])
    cast = visitor.cast
    reading = {"metric": "blood-pressure", "t": rfc3339(now_ms(), 480), "unit": "mm[Hg]", "id": "b1"}
    body = {"readings": [reading | {"value": {"systolic": 136, "diastolic": 84}}]}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/readings", json=body)
    visitor.log_in()
    assert 'data-sound="/app/aloud/today"' in visitor.get("/app/today").text
    speaking.spoken_to_all.cache_clear()
    answer = visitor.get("/app/aloud/today")
    assert answer.status_code == 200
    assert answer.data.startswith(MP3)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "136/84 mmHg" in said[0]
    assert speaking.spoken_to_all.cache_info().currsize == 0
    assert visitor.another().get("/app/aloud/today").status_code == 303


def test_numbers_and_units_are_said_as_people_say_them() -> None:
    assert speaking.sayable("血压 136/84 mmHg", "zh") == "血压 136，84 毫米汞柱"
    assert speaking.sayable("136/84 mmHg", "en") == "136 over 84 millimetres of mercury"
    assert len(speaking.sayable("长" * 9_000, "zh")) == speaking.MOST_CHARACTERS


def test_text_that_looks_like_an_option_is_said_and_not_obeyed() -> None:
    assert speaking.spoken("-f /etc/passwd --help", "en").startswith(MP3)


def test_house_without_a_voice_offers_none(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor.log_in()
    speaking.spoken_to_all.cache_clear()
    speaking.can_speak.cache_clear()
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert "data-sound" not in visitor.get("/app/learn/less-salt").text
    assert visitor.get("/app/aloud/lessons/less-salt").status_code == 503
    monkeypatch.undo()
    speaking.can_speak.cache_clear()


def test_voice_that_hangs_is_given_up(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "PATIENCE_S", 0.001)
    visitor.log_in()
    speaking.spoken_to_all.cache_clear()
    answer = visitor.get("/app/aloud/lessons/less-salt")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
