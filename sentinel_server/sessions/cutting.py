"""The sessions that ran under an approval or an emergency, cut off once that was ended.

The gate drops what was ended at the next fetch by itself. Cutting off also keeps a session from going on
under something else, and shows in the list of sessions who did it and why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.sessions.model import Session, State
from sentinel_server.sessions.revoke import Failure, revoke_one
from sentinel_server.sessions.store import SessionQuery, SessionStore

_PAGE = 100
_LIVE = (State.ACTIVE, State.LAPSED)


@frozen
class Lifted:
    """What sessions ran under and was ended: its id, whose and for what it was, and by whom it was ended.

    `reason` is what the rows of the sessions will say. `own` is true when whoever has it ended it: they may
    have no right to revoke, and end those that they cannot revoke.
    """

    id: str
    person: str
    profile: str
    at: datetime
    by: str
    reason: str
    own: bool


@frozen
class Cut:
    """The sessions that are over now, and those that this call could not end."""

    sessions: tuple[Session, ...] = ()
    failures: tuple[Failure, ...] = ()


async def cut_sessions(store: SessionStore, lifted: Lifted) -> Cut:
    """Revoke the live sessions that ran under it.

    Never raises: what failed is in the result, with an empty id when the search itself broke off.
    """
    cut: list[Session] = []
    failed: list[Failure] = []
    try:
        async for session in _under(store, lifted):
            try:
                cut.append(await _end(store, session, lifted))
            except SentinelError as error:
                failed.append(Failure(session_id=session.id, error=error))
    except SentinelError as error:
        failed.append(Failure(session_id="", error=error))
    return Cut(sessions=tuple(cut), failures=tuple(failed))


async def _end(store: SessionStore, session: Session, lifted: Lifted) -> Session:
    try:
        return (await revoke_one(store, session.id, lifted.by, lifted.reason, lifted.at)).session
    except SentinelError:
        if not lifted.own:
            raise
        await store.end(session.id, lifted.at)
        return session


async def _under(store: SessionStore, lifted: Lifted) -> AsyncIterator[Session]:
    """A session may have been there before, and under another key of its person; who is no more than its
    person may only look for their own.
    """
    person = lifted.person if lifted.own else None
    query, token = SessionQuery(person=person, profile=lifted.profile), None
    while True:
        page = await store.sessions(query, lifted.at, _PAGE, token)
        for session in page.sessions:
            if session.override_id == lifted.id and session.state(lifted.at) in _LIVE:
                yield session
        token = page.next_token
        if token is None:
            return
