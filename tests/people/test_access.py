"""Who may do what, and that each try leaves a line."""

import pytest

from phr.database import Database
from phr.errors import AccessDenied
from phr.people import access, grants, people
from phr.people.access import Ask, Caller
from tests.cast import T0, Cast, a_grant, a_person


def caller(subject: str, act: str | None = None) -> Caller:
    return Caller(subject, "app", frozenset(), act, "person")


def ask(person: str, *categories: str, verb: str = "read") -> Ask:
    return Ask(person, verb, categories or ("readings",), "series heart-rate")


def test_owner_may_and_a_line_says_so(cast: Cast) -> None:
    access.may(cast.database, caller(cast.owner), ask(cast.owner), T0)
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.who, line.role, line.outcome, line.about) == (cast.owner, "owner", "allowed", "series heart-rate")


def test_grantee_may_and_the_line_names_the_grant(cast: Cast) -> None:
    access.may(cast.database, caller(cast.doctor), ask(cast.owner), T0)
    line = access.log_of(cast.database, cast.owner, 1)[0]
    assert (line.role, line.grant is None) == ("family-doctor", False)


def test_stranger_is_refused_and_a_line_says_so(cast: Cast) -> None:
    with pytest.raises(AccessDenied):
        access.may(cast.database, caller(cast.stranger), ask(cast.owner), T0)
    assert access.log_of(cast.database, cast.owner, 1)[0].outcome == "refused"


def test_nobody_and_somebody_unseen_are_refused_in_the_same_words(cast: Cast) -> None:
    told = []
    for person in (cast.owner, people.new_id()):
        with pytest.raises(AccessDenied) as refusal:
            access.may(cast.database, caller(cast.stranger), ask(person), T0)
        told.append(refusal.value.detail)
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("categories", "verb"), [(("notes",), "read"), (("readings", "notes"), "read"), (("readings",), "write")]
)
def test_grant_does_not_reach_beyond_its_categories_and_verbs(
    cast: Cast, categories: tuple[str, ...], verb: str
) -> None:
    with pytest.raises(AccessDenied):
        access.may(cast.database, caller(cast.doctor), ask(cast.owner, *categories, verb=verb), T0)


@pytest.mark.parametrize(("now_ms", "is_live"), [(T0 - 1, False), (T0, True), (T0 + 999, True), (T0 + 1000, False)])
def test_grant_lives_from_its_beginning_until_before_its_end(database: Database, now_ms: int, is_live: bool) -> None:
    owner, other = (person.id for person in people.create_many(database, [a_person(), a_person()]))
    grants.create(database, a_grant(owner, other, from_ms=T0, until_ms=T0 + 1000))
    assert bool(grants.live(database, owner, other, now_ms)) is is_live


def test_revoked_grant_is_worth_nothing(cast: Cast) -> None:
    grant = grants.live(cast.database, cast.owner, cast.doctor, T0)[0]
    grants.revoke(cast.database, grant.id, T0)
    with pytest.raises(AccessDenied):
        access.may(cast.database, caller(cast.doctor), ask(cast.owner), T0)


def test_operator_as_owner_needs_the_support_grant_at_each_use(cast: Cast) -> None:
    operator = caller(cast.owner, act="root")
    with pytest.raises(AccessDenied):
        access.may(cast.database, operator, ask(cast.owner), T0)
    grants.create(cast.database, a_grant(cast.owner, grants.SUPPORT, kind="support"))
    access.may(cast.database, operator, ask(cast.owner), T0)
    assert access.log_of(cast.database, cast.owner, 1)[0].act == "root"


def test_operator_does_not_inherit_the_grants_of_whom_he_acts_for(cast: Cast) -> None:
    grants.create(cast.database, a_grant(cast.relative, grants.SUPPORT, kind="support"))
    with pytest.raises(AccessDenied):
        access.may(cast.database, caller(cast.relative, act="root"), ask(cast.owner), T0)


@pytest.mark.parametrize("kind", ["vendor", "client"])
def test_who_is_not_a_person_sees_nobody(cast: Cast, kind: str) -> None:
    with pytest.raises(AccessDenied):
        access.may(cast.database, Caller(cast.owner, "c", frozenset(), None, kind), ask(cast.owner), T0)


def test_line_of_a_begun_access_is_there_when_it_is_finished(cast: Cast) -> None:
    access.begin(cast.database, caller(cast.owner), ask(cast.owner), T0).finish()
    assert len(access.log_of(cast.database, cast.owner, 10)) == 1
