"""Who works where as what, and that a grant to a team is a grant to whoever is in it at that moment."""

import pytest

from phr.database import Database
from phr.errors import AlreadyThere, InputInvalid, NotFound
from phr.people import grants, organisations, people
from phr.people.organisations import DEPUTY, DOCTOR, NURSE, OFFICER, Member
from tests.cast import T0, a_clinic, a_grant, a_person

BLUE = "team:clinic/blue"


def holds(database: Database, owner: str, who: str, now_ms: int = T0) -> bool:
    return bool(grants.live(database, owner, who, now_ms))


def test_a_grant_to_a_team_is_held_by_who_is_in_it(database: Database) -> None:
    owner = people.create(database, a_person()).id
    doctor, officer = a_clinic(database, DOCTOR, OFFICER)
    grants.create(database, a_grant(owner, BLUE, kind="family-doctor"))
    assert (holds(database, owner, doctor), holds(database, owner, officer)) == (True, False)


@pytest.mark.parametrize("way", ["part", "leave"])
def test_who_leaves_the_team_or_the_organisation_holds_nothing(database: Database, way: str) -> None:
    owner = people.create(database, a_person()).id
    (doctor,) = a_clinic(database, DOCTOR)
    grants.create(database, a_grant(owner, BLUE, kind="family-doctor"))
    if way == "part":
        organisations.leave_team(database, "clinic/blue", doctor)
    else:
        organisations.remove_member(database, "clinic", doctor)
    assert not holds(database, owner, doctor)


@pytest.mark.parametrize(("now_ms", "is_held"), [(T0 + 999, True), (T0 + 1_000, False)])
def test_a_deputy_stands_in_until_the_end(database: Database, now_ms: int, is_held: bool) -> None:
    owner, deputy = (one.id for one in people.create_many(database, [a_person(), a_person()]))
    a_clinic(database)
    organisations.put_member(database, Member("clinic", deputy, DEPUTY, T0 + 1_000), T0)
    organisations.join_team(database, "clinic/blue", deputy, T0)
    grants.create(database, a_grant(owner, BLUE, kind="family-doctor"))
    assert holds(database, owner, deputy, now_ms) is is_held


@pytest.mark.parametrize(
    ("role", "until_ms", "pointer"),
    [(DEPUTY, None, "/until"), (DEPUTY, T0, "/until"), (DOCTOR, T0 + 1, "/until"), ("king", None, "/role")],
)
def test_bad_memberships_are_refused_with_the_field(
    database: Database, role: str, until_ms: int | None, pointer: str
) -> None:
    person = people.create(database, a_person()).id
    a_clinic(database)
    with pytest.raises(InputInvalid) as refused:
        organisations.put_member(database, Member("clinic", person, role, until_ms), T0)
    assert refused.value.pointer == pointer


def test_one_works_in_one_organisation_and_is_known_by_it(database: Database) -> None:
    (nurse,) = a_clinic(database, NURSE)
    organisations.create(database, "other", "另一家")
    with pytest.raises(AlreadyThere):
        organisations.put_member(database, Member("other", nurse, NURSE, None), T0)
    known = people.require(database, nurse)
    assert (known.roles, known.organisation) == (("nurse",), "社区卫生服务中心")
    organisations.remove_member(database, "clinic", nurse)
    assert people.require(database, nurse).organisation is None


def test_only_professionals_of_the_organisation_are_in_its_teams(database: Database) -> None:
    (officer,) = a_clinic(database, OFFICER)
    stranger = people.create(database, a_person()).id
    for person in (officer, stranger):
        with pytest.raises(InputInvalid):
            organisations.join_team(database, "clinic/blue", person, T0)
    with pytest.raises(NotFound):
        organisations.join_team(database, "clinic/red", officer, T0)


def test_names_and_slugs_are_taken_once(database: Database) -> None:
    a_clinic(database)
    for slug, name in (("clinic", "x"), ("x", "社区卫生服务中心")):
        with pytest.raises(AlreadyThere):
            organisations.create(database, slug, name)
    with pytest.raises(InputInvalid):
        organisations.create(database, "No Slug", "x")
    with pytest.raises(AlreadyThere):
        organisations.create_team(database, "clinic", "blue", "x")


def test_who_becomes_the_officer_is_in_no_team_any_more(database: Database) -> None:
    owner = people.create(database, a_person()).id
    (doctor,) = a_clinic(database, DOCTOR)
    grants.create(database, a_grant(owner, BLUE, kind="family-doctor"))
    organisations.put_member(database, Member("clinic", doctor, OFFICER, None), T0)
    assert not holds(database, owner, doctor)


def test_standing_is_by_grants_to_oneself_and_ones_teams_with_the_person_beside(database: Database) -> None:
    owner, other = (one.id for one in people.create_many(database, [a_person(), a_person()]))
    (doctor,) = a_clinic(database, DOCTOR)
    grants.create(database, a_grant(owner, BLUE, kind="family-doctor"))
    grants.create(database, a_grant(owner, "team:clinic/red", kind="family-doctor"))
    standing = grants.standing(database, owner, doctor, T0)
    assert [one.grantee for one in standing.grants] == [BLUE]
    assert standing.person is not None
    assert people.opened(database, standing.person) == people.find(database, owner)
    assert grants.standing(database, owner, other, T0).grants == []
    assert grants.standing(database, people.new_id(), doctor, T0) == grants.Standing([], None)


def test_who_asks_at_the_same_time_is_told_of_their_own_alone(database: Database) -> None:
    owners = [one.id for one in people.create_many(database, [a_person() for _ in range(3)])]
    doctor, officer = a_clinic(database, DOCTOR, OFFICER)
    grants.create(database, a_grant(owners[0], BLUE, kind="family-doctor"))
    grants.create(database, a_grant(owners[1], officer))
    grants.create(database, a_grant(owners[2], BLUE, kind="family-doctor"))
    pairs = [(owner, who) for owner in (*owners, people.new_id()) for who in (doctor, officer)]
    alone = [grants.standing(database, owner, who, T0) for owner, who in pairs]
    together = grants._standings([grants._Question(database, owner, who, T0) for owner, who in pairs])
    assert together == alone
    assert [len(one.grants) for one in together] == [1, 0, 0, 1, 1, 0, 0, 0]
