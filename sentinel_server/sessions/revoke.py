"""Cutting off: one session, or everything of a person, a profile or everyone.

More than one session is cut off by a block first, so that nobody simply starts anew, and by revoking what is
found live afterwards. A session that could not be revoked is reported, never lost; the block holds it anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.sessions.model import (
    Block,
    BlockKey,
    Revocation,
    Scope,
    Session,
    State,
    parse_session_id,
)
from sentinel_server.sessions.store import SessionQuery, SessionStore

_PAGE = 25
"""Sessions per page, all revoked at the same time."""


@frozen
class Revoked:
    """A session as it now is, and whether this call was the one that cut it off."""

    session: Session
    first: bool


@frozen
class Failure:
    """A session that this call could not revoke; an empty id means that the search itself broke off."""

    session_id: str
    error: SentinelError


@frozen
class MassRevocation:
    """What became of a revocation of more than one session. It is complete when `failures` is empty."""

    block: Block
    revoked: tuple[Session, ...]
    already: tuple[Session, ...]
    failures: tuple[Failure, ...]


async def revoke_one(store: SessionStore, session_id: str, by: str, reason: str, now: datetime) -> Revoked:
    """Cut one session off, whatever its state.

    Raises InvalidIdentifier, NotFound, and StoreUnavailable, which leaves open whether it was written.
    """
    cut = Revocation(at=now, by=by, reason=reason)
    session = await store.revoke(parse_session_id(session_id), cut)
    return Revoked(session=session, first=session.revocation == cut)


async def revoke_matching(
    store: SessionStore, key: BlockKey, by: str, reason: str, now: datetime, until: datetime | None = None
) -> MassRevocation:
    """Block `key`, until `until` or until it is lifted, then revoke every live session it covers.

    A block that is there is never shortened. Raises StoreUnavailable when the block could not be written, and
    then nothing was revoked.
    """
    block = Block(key=key, at=now, by=by, reason=reason, until=await _later_end(store, key, now, until))
    await store.block(block)
    outcomes: list[Revoked | Failure] = []
    async for found in _live(store, key, now):
        if isinstance(found, Failure):
            outcomes.append(found)
        else:
            outcomes += await asyncio.gather(*(_try(store, each, by, reason, now) for each in found))
    cut = [outcome for outcome in outcomes if isinstance(outcome, Revoked)]
    return MassRevocation(
        block=block,
        revoked=tuple(each.session for each in cut if each.first),
        already=tuple(each.session for each in cut if not each.first),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
    )


async def _try(
    store: SessionStore, session_id: str, by: str, reason: str, now: datetime
) -> Revoked | Failure:
    try:
        return await revoke_one(store, session_id, by, reason, now)
    except SentinelError as error:
        return Failure(session_id=session_id, error=error)


async def _live(store: SessionStore, key: BlockKey, now: datetime) -> AsyncIterator[Sequence[str] | Failure]:
    """The ids to revoke, page by page; a Failure when the search breaks off."""
    query, token = _covered(key), None
    while True:
        try:
            page = await store.sessions(query, now, _PAGE, token)
        except SentinelError as error:
            yield Failure(session_id="", error=error)
            return
        live = (session.id for session in page.sessions if session.state(now) in _LIVE)
        yield (*live, *page.unreadable)
        token = page.next_token
        if token is None:
            return


async def lift(store: SessionStore, key: BlockKey, by: str, now: datetime) -> Block:
    """Lift a block; sessions revoked under it stay revoked. Raises NotFound when none is in force."""
    return await store.lift(key, by, now)


_LIVE = (State.ACTIVE, State.LAPSED)
"""A lapsed session can be revived by its server, so it is cut off too."""


async def _later_end(
    store: SessionStore, key: BlockKey, now: datetime, until: datetime | None
) -> datetime | None:
    there = (await store.standing(None, (key,))).blocks
    ends = [until, *(block.until for block in there if block.holds(now))]
    return None if None in ends else max(end for end in ends if end is not None)


def _covered(key: BlockKey) -> SessionQuery:
    match key.scope:
        case Scope.PERSON:
            return SessionQuery(person=key.name)
        case Scope.PROFILE:
            return SessionQuery(profile=key.name)
        case Scope.EVERYONE:
            return SessionQuery()
