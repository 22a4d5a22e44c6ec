"""The reference session store: what the others are tested against, and what tests of other rooms use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sentinel_server.errors import AlreadyExists, NotFound
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Ref
from sentinel_server.sessions.listing import checked_limit, matches, page_of, read_token
from sentinel_server.sessions.model import Block, BlockKey, Revocation, Session, Standing, checked_new
from sentinel_server.sessions.store import Beat, Page, SessionQuery, StoreRef

_HERE = StoreRef(url="memory:", shared=False)


class MemorySessions:
    """A SessionStore in a dictionary. Nothing in it awaits, so every operation is atomic.

    `records` are the ledgers whose rows `standing` also sees.
    """

    def __init__(self, ref: StoreRef = _HERE, records: MemoryRecords | None = None) -> None:
        self._ref = ref
        self.records = MemoryRecords() if records is None else records
        self._sessions: dict[str, Session] = {}
        self._blocks: dict[BlockKey, Block] = {}

    @property
    def ref(self) -> StoreRef:
        """Which store this is."""
        return self._ref

    async def create(self, session: Session) -> None:
        """Write a new row; raises AlreadyExists."""
        checked_new(session)
        if session.id in self._sessions:
            raise AlreadyExists(f"session {session.id} exists already")
        self._sessions[session.id] = session

    async def standing(
        self, session_id: str | None, keys: Sequence[BlockKey], refs: Sequence[Ref] = ()
    ) -> Standing:
        """The row, the blocks under `keys`, in the order of `keys`, and the rows under `refs`."""
        session = None if session_id is None else self._sessions.get(session_id)
        found = (self._blocks.get(key) for key in dict.fromkeys(keys))
        blocks = tuple(block for block in found if block)
        return Standing(session=session, blocks=blocks, rows=self.records.look(refs))

    async def beat(self, beat: Beat) -> bool:
        """Record a sign of life when its conditions hold."""
        session = self._live(beat.session_id)
        if session is None or session.server_instance_id != beat.server_instance_id:
            return False
        if not beat.not_before <= session.heartbeat_at <= beat.not_after:
            return False
        self._sessions[session.id] = replace(
            session,
            heartbeat_at=beat.at,
            last_access_at=beat.last_access_at,
            request_count=beat.request_count,
            credentials_until=beat.credentials_until or session.credentials_until,
            override_id=beat.override_id or session.override_id,
        )
        return True

    async def revive(self, session_id: str, server_instance_id: str, seen: datetime, at: datetime) -> bool:
        """Bring a lapsed session back, only if its heartbeat is still `seen`."""
        session = self._live(session_id)
        if session is None or session.server_instance_id != server_instance_id:
            return False
        if session.heartbeat_at != seen:
            return False
        self._sessions[session_id] = replace(session, heartbeat_at=at)
        return True

    async def end(self, session_id: str, at: datetime) -> bool:
        """End a session; False when it is missing, ended or revoked already."""
        session = self._live(session_id)
        if session is None:
            return False
        self._sessions[session_id] = replace(session, ended_at=at)
        return True

    async def revoke(self, session_id: str, revocation: Revocation) -> Session:
        """Cut a session off; the first revocation stays. Raises NotFound."""
        session = self._sessions.get(session_id)
        if session is None:
            raise NotFound(f"there is no session {session_id}", hint="list them: sentinel server-sessions")
        if session.revocation is None:
            session = self._sessions[session_id] = replace(session, revocation=revocation)
        return session

    async def sessions(
        self, query: SessionQuery, now: datetime, limit: int, token: str | None = None
    ) -> Page:
        """One page, newest first."""
        checked_limit(limit)
        after = read_token(query, token)
        newest_first = sorted(self._sessions.values(), key=lambda s: (s.started_at, s.id), reverse=True)
        found = [
            session
            for session in newest_first
            if matches(query, session, now)
            and (after is None or (session.started_at, session.id) < (after.started_at, after.id))
        ]
        return page_of(query, found, limit)

    async def block(self, block: Block) -> None:
        """Write a block, replacing one under the same key."""
        self._blocks[block.key] = block

    async def lift(self, key: BlockKey, by: str, at: datetime) -> Block:
        """Lift a block. Raises NotFound when none is in force."""
        block = self._blocks.get(key)
        if block is None or not block.holds(at):
            raise NotFound(f"no block on {key} is in force", hint="list them: sentinel server-blocks")
        lifted = self._blocks[key] = replace(block, lifted_at=at, lifted_by=by)
        return lifted

    async def blocks(self) -> tuple[Block, ...]:
        """Every block ever written, oldest first."""
        return tuple(sorted(self._blocks.values(), key=lambda block: (block.at, str(block.key))))

    async def close(self) -> None:
        """Nothing to let go of."""

    def _live(self, session_id: str) -> Session | None:
        session = self._sessions.get(session_id)
        over = session is None or session.revocation is not None or session.ended_at is not None
        return None if over else session
