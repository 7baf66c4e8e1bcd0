"""A person sees the apps that they have let in, and shuts one out in one step."""

import pytest

from phr.auth import clients, links
from phr.auth.clients import NewClient
from phr.auth.links import Link, NewLink
from phr.auth.revocations import REVOKED
from phr.clock import now_ms
from tests.cast import T0, Cast


@pytest.fixture
def link(cast: Cast) -> Link:
    draft = NewClient(
        name="Health app",
        scope=["profile.read"],
        grant_types=["authorization_code"],
        redirect_uris=["https://app.example/cb"],
        is_public=True,
    )
    client = clients.create(cast.database, draft, T0).client_id
    made = links.begin(
        cast.database, links.new_id(), NewLink(cast.owner, client, "profile.read", T0, ("pwd",)), now_ms()
    )
    assert made is not None
    return made


def shown(cast: Cast, who: str) -> list[str]:
    return [one["id"] for one in cast.send(who, "GET", "/v1/people/me/links").json["links"]]  # type: ignore[index]


def test_owner_sees_who_was_let_in_and_what_for(cast: Cast, link: Link) -> None:
    (told,) = cast.send(cast.owner, "GET", "/v1/people/{owner}/links").json["links"]  # type: ignore[index]
    assert told.keys() == {"id", "client", "scope", "began_at", "used_at"}
    assert (told["id"], told["client"]["name"], told["scope"]) == (link.id, "Health app", ["profile.read"])


def test_link_that_its_owner_ends_opens_nothing_more(cast: Cast, link: Link) -> None:
    token = cast.token(cast.owner, "profile.read", sid=link.id)
    headers = {"Authorization": f"Bearer {token}"}
    assert cast.http.get("/v1/people/me", headers=headers).status_code == 200
    assert cast.send(cast.owner, "DELETE", f"/v1/people/me/links/{link.id}").status_code == 204
    assert cast.http.get("/v1/people/me", headers=headers).status_code == 401
    assert links.take_turn(cast.database, link.id, 0, now_ms()) is None
    assert shown(cast, cast.owner) == []


@pytest.mark.parametrize("who", ["relative", "doctor", "stranger"])
def test_nobody_else_sees_or_ends_it(cast: Cast, link: Link, who: str) -> None:
    person = getattr(cast, who)
    assert cast.send(person, "GET", "/v1/people/{owner}/links").status_code == 403
    assert cast.send(person, "DELETE", f"/v1/people/{{owner}}/links/{link.id}").status_code == 403
    assert cast.send(person, "DELETE", f"/v1/people/me/links/{link.id}").status_code == 404
    assert (shown(cast, cast.owner), shown(cast, person)) == ([link.id], [])
    assert cast.database[REVOKED].count_documents({}) == 0


@pytest.mark.parametrize("of", ["unknown", "x" * 200])
def test_unknown_link_is_not_found(cast: Cast, of: str) -> None:
    assert cast.send(cast.owner, "DELETE", f"/v1/people/me/links/{of}").status_code == 404


def test_link_that_ended_by_itself_is_not_shown(cast: Cast, link: Link) -> None:
    assert links.of_person(cast.database, cast.owner, now_ms() + 91 * 86_400_000) == []
