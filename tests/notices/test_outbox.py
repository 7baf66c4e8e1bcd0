"""A notice is stored once, whoever raises it and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pymongo.errors import BulkWriteError

from phr.clock import to_datetime
from phr.database import Database
from phr.notices import outbox
from phr.notices.outbox import COLLECTION, Telling, ensure_indexes, pending, tell
from phr.people import seals
from phr.vocabulary.alert import Alert
from tests.cast import T0
from tests.notices.builders import raise_notices
from tests.telling import tells

ALERT = Alert(
    key="k1",
    rule="blood-pressure-very-high",
    rule_version=1,
    person="ana",
    severity=3,
    metric="blood-pressure",
    device="acme/cuff",
    t_ms=1_795_000_000_123,
    seq=0,
    values={"systolic": 182, "diastolic": 96},
    unit="mm[Hg]",
    message_zh="这次血压是 182/96 mmHg",
    message_en="Your blood pressure was 182/96 mmHg",
    source="NBPHS3 2017",
    reviewed=False,
    raised_at_ms=1_795_000_001_000,
)


def test_an_alert_becomes_a_pending_notice(database: Database) -> None:
    assert raise_notices(database, [ALERT]) == 1
    (notice,) = pending(database, "ana", 10)
    assert (notice.key, notice.severity, notice.message_zh) == ("k1", 3, "这次血压是 182/96 mmHg")
    assert (notice.measured_at, notice.reviewed) == (to_datetime(ALERT.t_ms), False)


def test_the_same_alert_is_stored_once(database: Database) -> None:
    later = replace(ALERT, raised_at_ms=ALERT.raised_at_ms + 1, message_zh="another")
    assert [raise_notices(database, [one]) for one in (ALERT, later)] == [1, 0]
    assert [notice.message_zh for notice in pending(database, "ana", 10)] == [ALERT.message_zh]


def test_the_same_key_twice_in_one_batch_is_one_notice(database: Database) -> None:
    assert raise_notices(database, [ALERT, ALERT]) == 1


def test_new_ones_beside_known_ones_are_counted(database: Database) -> None:
    raise_notices(database, [ALERT])
    assert raise_notices(database, [ALERT, replace(ALERT, key="k2"), replace(ALERT, key="k3")]) == 2


def test_nothing_to_raise_asks_nobody(database: Database) -> None:
    assert raise_notices(database, []) == 0
    assert database[COLLECTION].count_documents({}) == 0


def test_two_workers_at_once_store_one(database: Database) -> None:
    batch = [replace(ALERT, key=f"k{number}") for number in range(50)]
    with ThreadPoolExecutor(4) as workers:
        counts = list(workers.map(lambda _: raise_notices(database, batch), range(8)))
    assert sum(counts) == 50
    assert database[COLLECTION].count_documents({}) == 50


def test_a_refused_row_is_not_passed_over(database: Database) -> None:
    database.drop_collection(COLLECTION)
    database.create_collection(COLLECTION, validator={"severity": {"$lt": 3}})
    with pytest.raises(BulkWriteError):
        raise_notices(database, [ALERT, replace(ALERT, key="k2", severity=1)])


def test_what_raised_it_is_kept(database: Database) -> None:
    raise_notices(database, [ALERT])
    row = database[COLLECTION].find_one({"_id": "k1"})
    assert row is not None
    opened = outbox.said(database, row)
    assert opened["values"] == [{"component": "systolic", "value": 182}, {"component": "diastolic", "value": 96}]
    assert (opened["unit"], row["rule_version"], row["device"], row["state"]) == ("mm[Hg]", 1, "acme/cuff", "pending")


def test_a_plain_number_is_kept_too(database: Database) -> None:
    assert raise_notices(database, [replace(ALERT, values={"": 3.1})]) == 1


def test_another_persons_notices_stay_unseen(database: Database) -> None:
    raise_notices(database, [ALERT])
    assert pending(database, "ben", 10) == []


def test_what_is_settled_is_not_pending(database: Database) -> None:
    raise_notices(database, [ALERT])
    database[COLLECTION].update_one({"_id": "k1"}, {"$set": {"state": "sent"}})
    assert pending(database, "ana", 10) == []


@pytest.mark.parametrize(("limit", "keys"), [(1, ["k2"]), (2, ["k2", "k1"]), (3, ["k2", "k1"])])
def test_the_newest_come_first(database: Database, limit: int, keys: list[str]) -> None:
    raise_notices(database, [ALERT, replace(ALERT, key="k2", raised_at_ms=ALERT.raised_at_ms + 1)])
    assert [notice.key for notice in pending(database, "ana", limit)] == keys


def test_the_index_serves_what_is_pending(database: Database) -> None:
    ensure_indexes(database)
    ensure_indexes(database)
    plan = database[COLLECTION].find({"person": "ana", "state": "pending"}).sort("raised_at", -1).explain()
    assert "person_state_raised" in str(plan["queryPlanner"]["winningPlan"])


def test_what_a_notice_says_is_sealed(database: Database) -> None:
    raise_notices(database, [ALERT])
    tell(database, Telling("t1", "ana", "link-reused", "一句话", "a word"), T0)
    rows = str(list(database[COLLECTION].find()))
    assert "一句话" not in rows
    assert not tells(rows, "182", "a word")
    assert {one.message_en for one in pending(database, "ana", 9)} == {ALERT.message_en, "a word"}


def test_neutral_words_are_kept_as_they_are(database: Database) -> None:
    tell(database, Telling("t1", "ana", "reminder-visit", "到时间了", "it is time", is_neutral=True), T0)
    assert database[COLLECTION].find_one({"_id": "t1"}, {"en": 1, "sealed": 1}) == {"_id": "t1", "en": "it is time"}


def test_nobody_who_was_erased_is_told(database: Database) -> None:
    raise_notices(database, [ALERT])
    seals.destroy(database, "ana", T0)
    assert raise_notices(database, [replace(ALERT, key="k2")]) == 0
    tell(database, Telling("t1", "ana", "link-reused", "一句话", "a word"), T0)
    assert [one.message_en for one in pending(database, "ana", 9)] == [""]


def test_a_telling_keeps_what_it_is_about(database: Database) -> None:
    told = Telling("t1", "ana", "alert-of-family", "x", "x", ("readings",), "ben", 4, T0 + 1, "alerts/a")
    tell(database, told, T0)
    (one,) = pending(database, "ana", 9)
    assert (one.about, one.urgency, one.expires_at_ms, one.link) == ("ben", 4, T0 + 1, "alerts/a")
