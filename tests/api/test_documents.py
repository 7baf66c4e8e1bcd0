"""The file of a document over HTTP: kept sealed, found by its words, given back as it came, refused in words."""

from typing import Any

import pytest
from bson import encode

from phr.people import seals
from phr.people.keyring import KeyDestroyed
from phr.timeline import files
from tests.cast import T0, Cast
from tests.timeline.papers import PNG, a_docx, a_pdf, a_zip_bomb

ENTRY = "/v1/people/{owner}/entries/d1"
FILE = ENTRY + "/file"


@pytest.fixture
def paper(cast: Cast) -> Cast:
    """The owner has a document entry, d1."""
    body = {"kind": "document", "id": "d1", "text": "出院小结", "effective_at": "2020", "words": "typed"}
    assert cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body).status_code == 201
    return cast


def put(cast: Cast, content: bytes, version: int = 1, who: str = "", query: str = "") -> Any:
    headers = {"If-Match": f'"{version}"', "Content-Type": "application/octet-stream"}
    return cast.send(who or cast.owner, "PUT", FILE + query, data=content, headers=headers)


def test_file_comes_back_as_it_was_sent_and_shows_itself_in_the_entry(paper: Cast) -> None:
    content = a_pdf("hypertension")
    changed = put(paper, content, query="?name=出院.pdf").json
    assert changed["words"] == "hypertension"
    assert (
        changed["file"].items() >= {"name": "出院.pdf", "media_type": "application/pdf", "bytes": len(content)}.items()
    )
    answer = paper.send(paper.owner, "GET", FILE)
    assert (answer.data, answer.content_type) == (content, "application/pdf")


def test_document_is_found_by_a_word_in_its_file(paper: Cast) -> None:
    put(paper, a_docx("患者头晕入院", "血压 150/95"))
    for text, count in (("头晕", 1), ("150", 1), ("糖尿病", 0)):
        found = paper.send(paper.owner, "GET", f"/v1/people/{{owner}}/entries?text={text}").json
        assert len(found["entries"]) == count


def test_browser_is_told_to_run_nothing_of_it(paper: Cast) -> None:
    put(paper, a_pdf(script="app.alert(1)"), query="?name=a%22%0d%0aX: y.pdf")
    headers = paper.send(paper.owner, "GET", FILE).headers
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y.pdf"


def test_database_holds_nothing_of_it_in_the_clear(paper: Cast) -> None:
    content = PNG + b"MARKED-BYTES" * 60_000
    put(paper, content, query="?name=marked-name.png")
    raw = b"".join(
        encode(row) for name in ("documents.files", "documents.chunks") for row in paper.database[name].find()
    )
    assert len(raw) > len(content)
    assert b"MARKED-BYTES" not in raw
    assert b"marked-name" not in raw
    assert paper.send(paper.owner, "GET", FILE).data == content


@pytest.mark.parametrize("size", [files.PIECE_BYTES - 1, files.PIECE_BYTES, files.PIECE_BYTES + 1])
def test_file_around_the_size_of_a_piece_is_whole(paper: Cast, size: int) -> None:
    content = PNG + bytes(size - len(PNG))
    assert put(paper, content).status_code == 200
    assert paper.send(paper.owner, "GET", FILE).data == content


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "input-invalid"),
        (b"<html><script>alert(1)</script>", 415, "media-type-refused"),
        (a_pdf()[:-300], 400, "document-unreadable"),
        (a_zip_bomb(), 400, "document-unreadable"),
        (PNG + bytes(files.LARGEST_BYTES), 413, "payload-too-large"),
    ],
)
def test_refused_file_leaves_nothing(paper: Cast, content: bytes, status: int, code: str) -> None:
    answer = put(paper, content)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert paper.database["documents.files"].count_documents({}) == 0
    assert paper.send(paper.owner, "GET", ENTRY).json["version"] == 1


def test_largest_file_is_taken(paper: Cast) -> None:
    assert put(paper, PNG + bytes(files.LARGEST_BYTES - len(PNG))).status_code == 200


def test_same_file_again_changes_nothing(paper: Cast) -> None:
    first = put(paper, PNG)
    assert put(paper, PNG, version=2).json == first.json
    assert paper.database["documents.files"].count_documents({}) == 1


def test_file_sent_for_an_older_version_is_refused_and_not_kept(paper: Cast) -> None:
    put(paper, PNG)
    assert put(paper, a_docx("a", "b"), version=1).status_code == 412
    assert paper.database["documents.files"].count_documents({}) == 1


def test_what_was_typed_from_a_paper_stays_beside_its_picture(paper: Cast) -> None:
    assert put(paper, PNG).json["words"] == "typed"


def test_new_file_takes_the_words_of_the_old_one_away(paper: Cast) -> None:
    put(paper, a_pdf("hypertension"))
    assert "words" not in put(paper, PNG, version=2).json


def test_file_of_a_restored_version_is_there_again(paper: Cast) -> None:
    put(paper, PNG)
    put(paper, a_pdf(), version=2)
    restore = paper.send(paper.owner, "POST", ENTRY + "/restore", json={"version": 2}, headers={"If-Match": '"3"'})
    assert restore.status_code == 200
    assert paper.send(paper.owner, "GET", FILE).data == PNG


def test_file_goes_and_comes_back_with_its_entry(paper: Cast) -> None:
    put(paper, PNG)
    paper.send(paper.owner, "DELETE", ENTRY, headers={"If-Match": '"2"'})
    assert paper.send(paper.owner, "GET", FILE).status_code == 404
    paper.send(paper.owner, "POST", ENTRY + "/restore", json={}, headers={"If-Match": '"3"'})
    assert paper.send(paper.owner, "GET", FILE).data == PNG


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_stranger_and_doctor_of_readings_get_nothing(paper: Cast, method: str) -> None:
    put(paper, PNG)
    for who in (paper.stranger, paper.doctor):
        sent = paper.send(who, method, FILE, data=PNG, headers={"If-Match": '"2"'})
        assert sent.status_code in (403, 404)
        assert PNG not in sent.data


def test_file_of_another_entry_can_not_be_named(paper: Cast) -> None:
    theirs = put(paper, PNG).json["file"]
    body = {"kind": "document", "id": "d2", "text": "x", "effective_at": "2020", "file": theirs}
    assert paper.send(paper.owner, "POST", "/v1/people/{owner}/entries", json=body).status_code == 201
    assert paper.send(paper.owner, "GET", "/v1/people/{owner}/entries/d2/file").status_code == 404


def test_a_file_alone_makes_the_document_that_carries_it_once(cast: Cast) -> None:
    def send(content: bytes, query: str) -> Any:
        return cast.send(cast.owner, "PUT", FILE + query, data=content)

    query = "?name=出院小结.pdf&type=discharge&effective_at=2020-05&sensitive=mental"
    made = send(a_pdf("hypertension"), query).json
    assert (made["kind"], made["text"], made["type"]) == ("document", "出院小结", "discharge")
    assert (made["effective_at"], made["categories"]) == ("2020-05", ["documents", "mental"])
    assert send(a_pdf("hypertension"), query).json == made  # the answer was lost
    assert send(a_pdf("other"), query).status_code == 428
    found = cast.send(cast.owner, "GET", "/v1/people/{owner}/entries?text=hypertension&kinds=document").json
    assert [one["id"] for one in found["entries"]] == ["d1"]
    assert cast.send(cast.owner, "GET", FILE).data == a_pdf("hypertension")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("?type=x", "/type"), ("?effective_at=once", "/effective_at"), ("?sensitive=mental,x", "/sensitive")],
)
def test_bad_word_about_a_new_document_is_pointed_at_and_no_file_kept(cast: Cast, query: str, pointer: str) -> None:
    answer = cast.send(cast.owner, "PUT", FILE + query, data=PNG)
    assert [one["pointer"] for one in answer.json["errors"]] == [pointer]
    assert cast.database["documents.files"].count_documents({}) == 0


def test_a_deleted_documents_id_makes_no_other_and_keeps_no_file(paper: Cast) -> None:
    paper.send(paper.owner, "DELETE", ENTRY, headers={"If-Match": '"1"'})
    assert paper.send(paper.owner, "PUT", FILE, data=PNG).status_code == 409
    assert paper.database["documents.files"].count_documents({}) == 0


def test_a_report_carries_its_own_file(cast: Cast) -> None:
    body = {"kind": "imaging", "id": "d1", "text": "胸部CT", "effective_at": "2020"}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=body)
    assert put(cast, a_pdf("nodule")).json["words"] == "nodule"
    assert cast.send(cast.owner, "GET", FILE).data == a_pdf("nodule")


def test_only_a_document_or_report_has_a_file(cast: Cast) -> None:
    note = {"kind": "note", "id": "d1", "text": "x", "effective_at": "2020"}
    cast.send(cast.owner, "POST", "/v1/people/{owner}/entries", json=note)
    assert put(cast, PNG).status_code == 400


def test_piece_in_anothers_place_is_noticed(paper: Cast) -> None:
    put(paper, PNG + bytes(2 * files.PIECE_BYTES))
    chunks = paper.database["documents.chunks"]
    first, second, _ = chunks.find().sort("n")
    chunks.update_one({"_id": first["_id"]}, {"$set": {"data": second["data"]}})
    with pytest.raises(seals.SealBroken):
        list(files.pieces(paper.database, paper.owner, "d1", first["files_id"]))


def test_file_that_was_cut_short_is_noticed(paper: Cast) -> None:
    file_id = put(paper, PNG + bytes(2 * files.PIECE_BYTES)).json["file"]["id"]
    paper.database["documents.chunks"].delete_one({"n": 2})
    length = {"$set": {"length": 2 * (files.PIECE_BYTES + seals.OVERHEAD_BYTES)}}
    paper.database["documents.files"].update_one({}, length)
    with pytest.raises(seals.SealBroken):
        list(files.pieces(paper.database, paper.owner, "d1", file_id))


def test_missing_piece_is_noticed(paper: Cast) -> None:
    file_id = put(paper, PNG).json["file"]["id"]
    paper.database["documents.chunks"].delete_many({})
    with pytest.raises(seals.SealBroken):
        list(files.pieces(paper.database, paper.owner, "d1", file_id))


def test_once_the_key_is_destroyed_the_file_is_gone_for_good(paper: Cast) -> None:
    put(paper, PNG)
    seals.destroy(paper.database, paper.owner, T0)
    file_id = paper.database["documents.files"].distinct("_id")[0]
    with pytest.raises(KeyDestroyed):
        list(files.pieces(paper.database, paper.owner, "d1", file_id))


def test_file_that_an_organisation_retains_outlives_the_persons_key(paper: Cast) -> None:
    file_id = files.keep(paper.database, paper.owner, "d9", PNG, "Clinic")
    seals.destroy(paper.database, paper.owner, T0)
    assert b"".join(files.pieces(paper.database, paper.owner, "d9", file_id)) == PNG
