"""Scans of signed consents: sent by who took the consent down, seen by few, each look logged, gone with the person."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import pytest
from bson import encode
from werkzeug.test import TestResponse

from phr.auth.scopes import scopes
from phr.erasure import asking
from phr.people.organisations import DOCTOR, NURSE, OFFICER
from phr.timeline import consent_papers, files
from tests.api.test_contracts import CONTRACTS, TEXT, made
from tests.cast import T0, Cast, a_clinic
from tests.erasure.lives import Life, erased, house_of, naming
from tests.telling import tells
from tests.timeline.papers import PNG, a_docx, a_pdf, a_zip_bomb

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(40)
CONSENT = {"how": "paper", "evidence": "档案柜 3 号", **TEXT}


class Signed:
    """The owner's consent to a contract, on paper, before a doctor and a nurse."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.doctor, self.nurse, self.officer = a_clinic(cast.database, DOCTOR, NURSE, OFFICER)
        contract = made(cast, self.doctor)
        self.grant = contract["grant"]
        body = CONSENT | {"witness": self.nurse}
        taken = cast.send(self.doctor, "POST", f"{CONTRACTS}/{contract['id']}/consent", json=body)
        assert taken.status_code == 200, taken.json
        self.path = f"{CONTRACTS}/consents/{self.grant}/papers"

    def add(self, content: bytes = PNG, who: str = "") -> TestResponse:
        headers = {"Content-Type": "application/octet-stream"}
        return self.cast.send(who or self.doctor, "POST", self.path, data=content, headers=headers)

    def at_work(self, who: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.cast.token(who, ' '.join(scopes()))}"}
        return self.cast.http.get(f"/v1/organisation/consent-papers{path}", headers=headers)


@pytest.fixture
def signed(cast: Cast) -> Signed:
    return Signed(cast)


@pytest.mark.parametrize("content", [PNG, JPEG, a_pdf("signed")])
def test_owner_and_who_took_it_down_see_the_paper_as_it_was_sent(signed: Signed, content: bytes) -> None:
    paper: Any = signed.add(content).json
    assert (paper["by"], paper["bytes"], paper["grant"]) == (signed.doctor, len(content), signed.grant)
    for who in (signed.cast.owner, signed.doctor):
        assert signed.cast.send(who, "GET", signed.path).json == {"papers": [paper]}
        found = signed.cast.send(who, "GET", f"{signed.path}/{paper['id']}")
        assert (found.data, found.content_type) == (content, paper["media_type"])
        assert found.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_others_neither_see_nor_send_it(signed: Signed) -> None:
    paper: Any = signed.add().json
    for who in (signed.nurse, signed.officer, signed.cast.relative, signed.cast.doctor, signed.cast.stranger):
        seen = [signed.cast.send(who, "GET", f"{signed.path}{more}").status_code for more in ("", f"/{paper['id']}")]
        assert (seen, signed.add(JPEG, who).status_code) == ([403, 403], 403)
    assert signed.add(JPEG, signed.cast.owner).status_code == 403


def test_who_works_there_no_longer_sees_it_no_longer(signed: Signed) -> None:
    paper: Any = signed.add().json
    signed.cast.database["members"].update_one({"person": signed.doctor}, {"$set": {"organisation": "other"}})
    assert signed.cast.send(signed.doctor, "GET", f"{signed.path}/{paper['id']}").status_code == 403


def test_officer_sees_the_papers_of_their_organisation_alone_and_the_owner_reads_of_it(signed: Signed) -> None:
    paper: Any = signed.add().json
    assert signed.at_work(signed.officer, "").json == {"papers": [paper]}
    assert signed.at_work(signed.officer, f"/{paper['id']}").data == PNG
    log: Any = signed.cast.send(signed.cast.owner, "GET", "/v1/people/{owner}/access-log?others=true").json
    (line,) = [one for one in log["lines"] if one["role"] == OFFICER]
    assert line["words"]["en"] == "陈 privacy-officer, 社区卫生服务中心, looked at the paper of a consent of yours"
    assert [signed.at_work(who, f"/{paper['id']}").status_code for who in (signed.doctor, signed.cast.owner)] == [
        403
    ] * 2
    signed.cast.database["members"].update_one({"person": signed.officer}, {"$set": {"organisation": "other"}})
    assert signed.at_work(signed.officer, f"/{paper['id']}").status_code == 404
    assert signed.at_work(signed.officer, "").json == {"papers": []}


def test_each_look_of_the_recorder_stands_in_the_log(signed: Signed) -> None:
    paper: Any = signed.add().json
    signed.cast.send(signed.doctor, "GET", f"{signed.path}/{paper['id']}")
    log: Any = signed.cast.send(signed.cast.owner, "GET", "/v1/people/{owner}/access-log?others=true").json
    told = [one["words"]["en"].partition(", 社区卫生服务中心, ")[2] for one in log["lines"]]
    assert told[:2] == ["looked at the paper of a consent of yours", "added the paper of a consent of yours"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "input-invalid"),
        (b"<html><script>alert(1)</script>", 415, "media-type-refused"),
        (b"GIF89a" + bytes(60), 415, "media-type-refused"),
        (a_docx("a", "b"), 415, "media-type-refused"),
        (a_zip_bomb(), 415, "media-type-refused"),
        (a_pdf()[:-300], 400, "document-unreadable"),
        (PNG + bytes(files.LARGEST_BYTES), 413, "payload-too-large"),
    ],
)
def test_what_is_no_scan_is_refused_and_leaves_nothing(signed: Signed, content: bytes, status: int, code: str) -> None:
    answer: Any = signed.add(content)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert signed.cast.database["documents.files"].count_documents({}) == 0
    assert signed.cast.send(signed.cast.owner, "GET", signed.path).json == {"papers": []}


def test_same_page_again_is_the_one_that_is_there_and_there_are_six_at_most(signed: Signed) -> None:
    pages = [PNG + bytes([number]) for number in range(consent_papers.MOST + 1)]
    assert signed.add(pages[0]).json == signed.add(pages[0]).json
    assert [signed.add(page).status_code for page in pages] == [201] * consent_papers.MOST + [409]
    assert signed.cast.database["documents.files"].count_documents({}) == consent_papers.MOST


def test_consent_given_in_the_app_has_no_paper(signed: Signed) -> None:
    given = signed.cast.database["grants"].find_one({"grantee": signed.cast.relative})
    assert given
    path = f"{CONTRACTS}/consents/{given['_id']}/papers"
    assert signed.cast.send(signed.doctor, "POST", path, data=PNG).status_code == 403


def test_paper_of_an_elders_word_on_a_proxy_is_kept_the_same_way(signed: Signed) -> None:
    cast = signed.cast
    asked: Any = cast.send(
        cast.stranger, "POST", "/v1/people/me/received-grants", json={"person": cast.owner, "kind": "proxy"}
    )
    (contract,) = cast.database["contracts"].find({})
    path = f"{CONTRACTS}/{contract['_id']}/proxies/{asked.json['id']}/consent"
    assert cast.send(signed.doctor, "POST", path, json=CONSENT | {"witness": signed.nurse}).status_code == 200
    papers = f"{CONTRACTS}/consents/{asked.json['id']}/papers"
    assert cast.send(signed.doctor, "POST", papers, data=JPEG).status_code == 201
    assert len(cast.send(cast.owner, "GET", papers).json["papers"]) == 1  # type: ignore[index]
    assert len(cast.send(cast.stranger, "GET", papers).json["papers"]) == 1  # type: ignore[index]
    assert signed.cast.send(cast.owner, "GET", signed.path).json == {"papers": []}


def test_paper_of_another_consent_or_person_is_not_there(signed: Signed) -> None:
    paper: Any = signed.add().json
    other = signed.cast.database["grants"].find_one({"grantee": signed.cast.relative})
    assert other
    path = f"{CONTRACTS}/consents/{other['_id']}/papers/{paper['id']}"
    assert signed.cast.send(signed.cast.owner, "GET", path).status_code == 404
    theirs = f"/v1/people/{signed.cast.stranger}/contracts/consents/{signed.grant}/papers/{paper['id']}"
    assert signed.cast.send(signed.cast.stranger, "GET", theirs).status_code == 404


def test_database_holds_nothing_of_it_in_the_clear(signed: Signed) -> None:
    content = PNG + b"MARKED-BYTES" * 60_000
    signed.add(content)
    names = ("documents.files", "documents.chunks", "consent_papers")
    raw = b"".join(encode(row) for name in names for row in signed.cast.database[name].find())
    assert len(raw) > len(content)
    assert b"MARKED-BYTES" not in raw
    assert not tells(raw.decode("latin-1"), hashlib.sha256(content).hexdigest())


def test_archive_has_the_paper_and_what_it_shows(signed: Signed) -> None:
    signed.add()
    made_one: Any = signed.cast.send(signed.cast.owner, "POST", "/v1/people/me/exports", json={"format": "phr-archive"})
    content = signed.cast.send(signed.cast.owner, "GET", f"/v1/people/me/exports/{made_one.json['id']}/file").data
    sha256 = hashlib.sha256(PNG).hexdigest()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read(f"informative/consents/{signed.grant}/{sha256}") == PNG
        assert sha256 in archive.read("informative/grants.jsonl").decode()


def test_paper_goes_with_its_person(signed: Signed) -> None:
    signed.add()
    cast = signed.cast
    asking.ask(cast.database, cast.owner, "owner", 7, T0)
    erased(Life(cast, house_of(cast)))
    assert [cast.database[name].count_documents({}) for name in ("consent_papers", "documents.files")] == [0, 0]
    assert naming(cast.database, signed.grant) == {}


def test_who_took_it_down_and_was_erased_is_named_no_longer(signed: Signed) -> None:
    signed.add()
    cast = signed.cast
    asking.ask(cast.database, signed.doctor, "owner", 7, T0)
    erased(Life(cast, house_of(cast)))
    assert naming(cast.database, signed.doctor).keys() <= {"data_keys", "erasures"}
    assert len(cast.send(cast.owner, "GET", signed.path).json["papers"]) == 1  # type: ignore[index]
