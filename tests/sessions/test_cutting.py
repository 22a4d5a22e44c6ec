"""What is ended ends the sessions that ran under it, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sentinel_server.errors import StoreUnavailable
from sentinel_server.sessions.cutting import Lifted, cut_sessions
from sentinel_server.sessions.memory import MemorySessions
from sentinel_server.sessions.model import Revocation, Session, State
from sentinel_server.sessions.store import Page, SessionQuery
from tests.fakes.sessions import NOON, a_session

NOW = NOON + timedelta(minutes=5)
ENDED = Lifted(
    id="00000000000000e1",
    person=a_session(1).person,
    profile=a_session(1).profile,
    at=NOW,
    by="iam:111122223333:bob",
    reason="approval 00000000000000e1 was revoked: all is well",
    own=False,
)
OWN = replace(ENDED, own=True)


def under(number: int, **changes: object) -> Session:
    """A session of alice's that ran under what was ended."""
    return a_session(number, override_id=ENDED.id, **changes)


async def states(store: MemorySessions, *sessions: Session) -> list[State]:
    """What sessions are now."""
    found = [(await store.standing(each.id, ())).session for each in sessions]
    return [each.state(NOW) for each in found if each is not None]


async def test_the_live_sessions_that_ran_under_it_are_revoked() -> None:
    store = MemorySessions()
    sessions = [under(1), under(2), a_session(3), a_session(4, override_id="00000000000000e2")]
    for each in sessions:
        await store.create(each)
    cut = await cut_sessions(store, ENDED)
    assert {each.id for each in cut.sessions} == {sessions[0].id, sessions[1].id}
    revoked, active = State.REVOKED, State.ACTIVE
    assert await states(store, *sessions) == [revoked, revoked, active, active]
    found = cut.sessions[0].revocation
    assert found is not None
    assert (found.by, found.reason, found.at) == (ENDED.by, ENDED.reason, NOW)


class Unprivileged(MemorySessions):
    """Lets nobody revoke, as the permissions of developers do."""

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        """Refuse."""
        raise StoreUnavailable("dynamodb:UpdateItem on revoked_at is denied")


async def test_an_invoker_who_may_not_revoke_ends_their_own() -> None:
    store = Unprivileged()
    await store.create(under(1))
    cut = await cut_sessions(store, OWN)
    assert (len(cut.sessions), cut.failures) == (1, ())
    assert await states(store, under(1)) == [State.ENDED]


async def test_what_could_not_be_revoked_is_said_and_the_rest_goes_on() -> None:
    store = Unprivileged()
    for number in (1, 2):
        await store.create(under(number))
    cut = await cut_sessions(store, ENDED)
    assert sorted(each.session_id for each in cut.failures) == [under(1).id, under(2).id]
    assert await states(store, under(1)) == [State.ACTIVE]


async def test_a_search_that_breaks_off_is_said() -> None:
    class Silent(MemorySessions):
        async def sessions(self, query: SessionQuery, now: object, limit: int, token: object = None) -> Page:
            raise StoreUnavailable("no answer")

    cut = await cut_sessions(Silent(), ENDED)
    assert [each.session_id for each in cut.failures] == [""]


async def test_sessions_on_later_pages_are_found() -> None:
    store = MemorySessions()
    for number in range(1, 151):
        await store.create(under(number) if number % 3 == 0 else a_session(number))
    assert len((await cut_sessions(store, ENDED)).sessions) == 50
