"""One server session, from its start to its end: the door behind `exec --server`.

Everything that might need a person is settled in `start`, before the child runs (with `lazy`, at the first
fetch, where a refusal is simply a refused fetch). After that every fetch is decided anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sentinel_server.access.facts import Allow, Deny
from sentinel_server.access.gate import PATIENCE, Gate
from sentinel_server.access.rounds import Count, NotInTime, Rounds
from sentinel_server.access.seat import Issued, Seat, Sources
from sentinel_server.auditlog.event import Action
from sentinel_server.credentials.model import container_json
from sentinel_server.errors import PrincipalChanged, SentinelError, StoreUnavailable, TooLate
from sentinel_server.frozen import frozen
from sentinel_server.identity.source_identity import stamp_for
from sentinel_server.sessions.model import Session
from sentinel_server.sessions.store import Beat, SessionStore

CLOSING = 2.0
"""Seconds that a mint under way may delay the end."""
START_PATIENCE = timedelta(seconds=15)
"""How long one fact may take before the child starts, when nobody's SDK is waiting."""


@frozen
class SessionOptions:
    """`heartbeat` is how often the row is told that we live, `max_session` the end nothing extends.

    `ending` is how long the store may take over the end, while somebody waits for their prompt.
    """

    max_session: timedelta = timedelta(hours=12)
    heartbeat: timedelta = timedelta(seconds=60)
    lazy: bool = False
    ending: timedelta = timedelta(seconds=5)


class ServerSession:
    """Serves one child until it is cut off. Safe to call concurrently from one event loop."""

    def __init__(
        self,
        gate: Gate,
        sources: Sources,
        seat: Seat,
        options: SessionOptions,
        begun: Callable[[Session], None] = lambda _: None,
    ) -> None:
        """`begun` is called once, when the session has its row."""
        self._tell_begun = begun
        self._gate = gate
        self._sources = sources
        self._seat = seat
        self._options = options
        self._starting: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._rounds: Rounds[bytes | tuple[Allow, int]] | None = None
        self._requests = 0
        self._last_access: datetime | None = None
        self._until: datetime | None = None
        self._override_id: str | None = None
        self._news = asyncio.Event()
        self._over: Deny | None = None
        self._body: tuple[tuple[str, datetime], bytes] | None = None

    @property
    def session_id(self) -> str | None:
        """The id under which this session can be revoked; None before `begin`."""
        return self._seat.session_id

    @property
    def store(self) -> SessionStore | None:
        """Where its row is, once it has one."""
        return self._seat.store

    @property
    def until(self) -> datetime | None:
        """AWS's own end of the latest credentials made under it."""
        return self._until

    async def start(self) -> None:
        """Settle identity, policy, session row and first mint. Raises the refusal if there is one."""
        if self._options.lazy:
            return
        await self._begun()
        self._note(await self._gate.issue(self._seat, patience=START_PATIENCE))

    async def fetch(self) -> bytes:
        """The container-credentials body for one fetch. Raises the refusal otherwise."""
        if self._rounds is None:
            await self._begun()
        assert self._rounds is not None  # noqa: S101  # that is what beginning means
        try:
            answer = await self._rounds.ask()
        except NotInTime as error:
            # Not before it is raised here: who is given up at the same moment is counted by whoever gives up.
            self.failed(error)
            raise
        if isinstance(answer, bytes):
            return answer
        allow, generation = answer
        await self._refuse_overtaken(generation, allow, 1)
        return self._answer(await self._gate.fulfil(self._seat, allow), 1)

    async def close(self) -> None:
        """End the row, write what was counted, and leave nothing running. Never raises a refusal."""
        for task in (self._starting, self._beating):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._seat.cache.close(), CLOSING)
        await self._end()
        if self._rounds is not None:
            await self._rounds.close()

    def auth_failed(self, why: str) -> None:
        """Count a loopback request that was not from our child."""
        self._seat.journal.count(Action.AUTH_FAILED)

    def rate_limited(self) -> None:
        """Count a fetch that the rate limit refused."""
        self._seat.journal.count(Action.RATE_LIMITED)

    def failed(self, error: SentinelError) -> None:
        """Count a fetch that the HTTP layer or a round gave up on."""
        self._seat.journal.count(Action.REFUSED, error.code)

    # ---- start

    async def _begun(self) -> None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._begin())
        elif self._starting.done() and not self._starting.cancelled() and self._starting.exception():
            # A start that was refused may be tried again by the next fetch of a lazy server.
            self._starting = asyncio.ensure_future(self._begin())
        await asyncio.shield(self._starting)

    async def _begin(self) -> None:
        seat = self._seat
        # Nothing of an earlier, refused start counts: other credentials may be here now, of another person.
        seat.starting, seat.reader, seat.person = True, None, None
        seat.refs, seat.sought_at = (), None
        patience = START_PATIENCE if not self._options.lazy else PATIENCE * 4
        decision = await self._gate.decision(seat, patience=patience)
        if not isinstance(decision, Allow):
            raise decision.error
        if seat.store is None:
            raise StoreUnavailable("the session store is not open")
        session = self._row(seat, decision)
        seat.sign(session.heartbeat_at)
        await seat.store.create(session)
        seat.session_id, seat.started_as = session.id, decision.principal.same_id
        seat.journal.know(session_id=session.id)
        await seat.journal.write(seat.journal.line(Action.SESSION_STARTED, decision))
        seat.reader, seat.starting = seat.store, False
        self._tell_begun(session)
        self._rounds = Rounds(self._round)
        self._beating = asyncio.ensure_future(self._beat_forever(seat.store, session.id))

    def _row(self, seat: Seat, allow: Allow) -> Session:
        now = self._sources.clock.now()
        session_id = self._sources.ids.fresh()
        principal = allow.principal
        return Session(
            id=session_id,
            person=seat.person or principal.person,
            user=principal.name,
            principal_arn=principal.arn,
            principal_id=principal.unique_id,
            profile=seat.ask.profile,
            server_instance_id=seat.instance_id or "",
            source_identity="" if allow.unstamped else stamp_for(principal, allow.marker, session_id),
            started_at=now,
            heartbeat_at=now,
            last_access_at=now,
            expires_at=now + self._options.max_session,
            lease_seconds=allow.lease.seconds,
            role_arn=seat.target.role_arn,
            override_id=allow.override_id,
        )

    # ---- signs of life

    async def _beat_forever(self, store: SessionStore, session_id: str) -> None:
        while True:
            with suppress(TimeoutError):
                # Not wait_for, which in Python 3.11 may swallow a cancellation.
                async with asyncio.timeout(self._options.heartbeat.total_seconds()):
                    await self._news.wait()
            self._news.clear()
            await self._beat(store, session_id)

    async def _beat(self, store: SessionStore, session_id: str) -> None:
        now = self._sources.clock.now()
        beat = Beat(
            session_id=session_id,
            server_instance_id=self._seat.instance_id or "",
            at=now,
            not_before=now - self._sources.rules.lapse_after,
            not_after=self._seat.sign(now),
            last_access_at=self._last_access or now,
            request_count=self._requests,
            credentials_until=self._until,
            override_id=self._override_id,
        )
        try:
            await store.beat(beat)
            await self._seat.journal.flush()
        except Exception:
            # A beat that is missed is seen by the next fetch, which reads the row and refuses by itself; one
            # that breaks in a way nobody foresaw must not end the beating.
            return

    async def _end(self) -> None:
        """The row lapses by its heartbeat if it cannot be ended; what was counted is written all the same."""
        journal, ended = self._seat.journal, False
        with suppress(SentinelError, TimeoutError):
            async with asyncio.timeout(self._options.ending.total_seconds()):
                ended = await self._row_ended()
        with suppress(SentinelError):
            await journal.flush(end=True)
            if ended:
                await journal.write(journal.line(Action.SESSION_ENDED))

    async def _row_ended(self) -> bool:
        store, session_id = self._seat.store, self._seat.session_id
        if store is None or session_id is None:
            return False
        await self._beat(store, session_id)
        await store.end(session_id, self._sources.clock.now())
        return True

    # ---- answers

    async def _round(self, asks: Count) -> bytes | tuple[Allow, int]:
        """One decision and, when nothing has to be asked of AWS first, the answer to all who wait for it.

        Otherwise the decision, and the cache's generation in which it holds. A mint is waited for outside:
        what takes long must not keep later fetches from a decision.
        """
        if self._over is not None:
            await self._seat.journal.refused(self._over, asks())
            raise self._over.error
        before = self._seat.cache.generation
        decision = await self._gate.decision(self._seat, asks=asks)
        if not isinstance(decision, Allow):
            if isinstance(decision, Deny) and isinstance(decision.error, PrincipalChanged):
                # For good, also when the store cannot be told: whoever comes back is somebody else's guest.
                self._over = decision
                with suppress(SentinelError):
                    await self._row_ended()
            raise decision.error
        await self._refuse_overtaken(before, decision, asks())
        issued = await self._gate.fulfil_kept(self._seat, decision, asks)
        return (decision, before) if issued is None else self._answer(issued, asks())

    async def _refuse_overtaken(self, generation: int, allow: Allow, asks: int) -> None:
        if self._seat.cache.generation != generation:
            error = TooLate("a later decision refused while this one was being taken")
            await self._seat.journal.refused(Deny(error=error, basis=allow.basis), asks)
            raise error

    def _answer(self, issued: Issued, times: int) -> bytes:
        self._requests += times
        self._last_access = self._sources.clock.now()
        self._note(issued)
        return self._rendered(issued)

    def _note(self, issued: Issued) -> None:
        if (issued.until, issued.allow.override_id) != (self._until, self._override_id):
            # Whoever revokes us must be told how long what we hold can last; whoever closes an emergency
            # must find what runs under it.
            self._until, self._override_id = issued.until, issued.allow.override_id
            self._news.set()

    def _rendered(self, issued: Issued) -> bytes:
        key = (issued.issue_id, issued.expires_at)
        if self._body is None or self._body[0] != key:
            self._body = (key, container_json(issued.credentials, issued.expires_at))
        return self._body[1]
