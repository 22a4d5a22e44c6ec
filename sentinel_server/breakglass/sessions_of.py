"""The sessions that ran under an emergency, cut off once it is closed.

The gate drops a closed emergency at the next fetch by itself. Cutting off also keeps a session from going on
under something else, and shows in the list of sessions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sentinel_server.breakglass.model import Emergency
from sentinel_server.errors import SentinelError
from sentinel_server.sessions.model import Session, State
from sentinel_server.sessions.revoke import Failure, revoke_one
from sentinel_server.sessions.store import SessionQuery, SessionStore

_PAGE = 100
_LIVE = (State.ACTIVE, State.LAPSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The sessions that are over now, and those that this call could not end."""

    sessions: tuple[Session, ...] = ()
    failures: tuple[Failure, ...] = ()


async def cut_sessions(store: SessionStore, event: Emergency, *, own: bool) -> Cut:
    """Revoke the live sessions that ran under a closed emergency.

    Its invoker (`own`) may have no right to revoke and ends those that they cannot revoke. Never raises: what
    failed is in the result, with an empty id when the search itself broke off.
    """
    closing = event.closing
    if closing is None:
        return Cut()
    cut: list[Session] = []
    failed: list[Failure] = []
    try:
        async for session in _under(store, event, own=own):
            try:
                cut.append(await _end(store, session, event, own=own))
            except SentinelError as error:
                failed.append(Failure(session_id=session.id, error=error))
    except SentinelError as error:
        failed.append(Failure(session_id="", error=error))
    return Cut(sessions=tuple(cut), failures=tuple(failed))


async def _end(store: SessionStore, session: Session, event: Emergency, *, own: bool) -> Session:
    assert event.closing is not None  # noqa: S101  # the caller has just looked
    closing = event.closing
    why = f"emergency {event.id} was closed: {closing.reason}"
    try:
        return (await revoke_one(store, session.id, closing.by, why, closing.at)).session
    except SentinelError:
        if not own:
            raise
        await store.end(session.id, closing.at)
        return session


async def _under(store: SessionStore, event: Emergency, *, own: bool) -> AsyncIterator[Session]:
    """A session may have been there before the emergency, and under another key of its person; who is no more
    than its invoker may only look for their own.
    """
    assert event.closing is not None  # noqa: S101
    person = event.person if own else None
    query, token = SessionQuery(person=person, profile=event.profile), None
    while True:
        page = await store.sessions(query, event.closing.at, _PAGE, token)
        for session in page.sessions:
            if session.override_id == event.id and session.state(event.closing.at) in _LIVE:
                yield session
        token = page.next_token
        if token is None:
            return
