"""A vendor's page: what came in, what was refused and why, by the vendor's own client and for ten minutes."""

from __future__ import annotations

from phr.clock import now_ms
from phr.intake import rejections
from phr.intake.rejections import RejectedPayload
from phr.vocabulary.reading import Rejection
from tests.pages.visitor import Visitor


def at_the_page(visitor: Visitor) -> Visitor:
    credentials = visitor.cast.vendor
    answer = visitor.post("/vendor", client_id=credentials.client_id, client_secret=credentials.client_secret)
    assert answer.status_code == 303, answer.text
    assert answer.location == "/app/vendor"
    return visitor


def test_vendor_sees_devices_and_intake(visitor: Visitor) -> None:
    page = at_the_page(visitor).get("/app/vendor")
    assert page.status_code == 200
    assert "acme/cuff-1" in page.text
    assert visitor.get("/app/").location == "/app/vendor"
    part = visitor.get("/app/vendor/intake")
    assert part.status_code == 200
    assert '<section id="intake"' in part.text
    assert "<html" not in part.text


def test_wrong_secret_is_refused(visitor: Visitor) -> None:
    answer = visitor.post("/vendor", client_id=visitor.cast.vendor.client_id, client_secret="wrong")
    assert answer.status_code == 401
    assert visitor.get("/app/vendor").status_code == 303


def test_vendor_sees_no_person_and_a_person_no_vendors_page(visitor: Visitor) -> None:
    at_the_page(visitor)
    for path in ("/app/today", f"/app/people/{visitor.cast.owner}/report", "/app/panel", "/app/sharing"):
        page = visitor.get(path)
        assert page.status_code in (200, 403), path
        assert "owner" not in page.text
    assert visitor.get(f"/app/api/people/{visitor.cast.owner}").status_code == 403
    citizen = visitor.another()
    citizen.log_in()
    assert citizen.get("/app/vendor").status_code == 403


def test_rejection_is_named_with_its_reason(visitor: Visitor) -> None:
    why = Rejection("/readings/0/metric", "metric-unknown", "no metric 'hart-rate'; the nearest is heart-rate")
    refused = RejectedPayload("acme", "acme/cuff-1", "phr/v1/acme/cuff-1/readings", b"{}", (why,), now_ms())
    rejections.reject(visitor.cast.database, [refused])
    page = at_the_page(visitor).get("/app/vendor")
    assert "metric-unknown" in page.text
    assert "/readings/0/metric" in page.text
