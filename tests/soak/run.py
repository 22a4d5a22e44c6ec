"""A soak: 200 clients fetch while policies change, sessions are revoked and made, and faults come and go.

Every session is a process of its own, as with users; the clients and AWS are here.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sentinel_server import wiring
from sentinel_server.errors import SentinelError
from sentinel_server.sandbox.seed import POLICIES
from sentinel_server.sessions.model import Revocation
from sentinel_server.sessions.store import SessionStore
from tests.fakes.aws import client as aws_client
from tests.faults.faults import SERVICES, of_service
from tests.faults.ground import Ground, ground
from tests.faults.loop import WatchedLoop, the_loop
from tests.soak.accounts import accounts, differences
from tests.soak.model import Asked, Model, Span
from tests.soak.resident import Resident, lateness

CLIENTS = 200
GROWS = 4.0
"""MiB by which a server's memory may grow."""
SLOW = 0.05
"""Part of the answers that may be late without a fault, on a machine that does nothing else."""
LONGER = 3
"""How many times as long it may take until something of each kind has happened, on a machine that is busy."""
SLOTS = 8
"""Sessions that serve at a time; each client belongs to one. The first is never revoked."""
DENY = POLICIES["prod"].replace("effect: require_server", "effect: deny")
PARAMETER = "/sentinel/policies/prod"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it; all is well when `wrong` is empty.

    `slow` are the answers that were late without a fault. `memory` is that of the session which lasts, in
    MiB, over time, and `grown` what its last quarter has more than its second.
    """

    said: Mapping[str, int]
    sessions: int
    revoked: int
    faults: int
    denials: int
    slow: int
    memory: tuple[float, ...]
    grown: float
    seconds: float
    wrong: tuple[str, ...]


def soak(seconds: float, seed: int = 0, *, pace: float = 1.0) -> Report:
    """Run it for so long; each client waits `pace` seconds between two fetches, on average."""
    with (
        tempfile.TemporaryDirectory() as into,
        ground("soak", Path(into), shared=True) as where,
        asyncio.Runner(loop_factory=WatchedLoop) as runner,
    ):
        return runner.run(_Soak(where, random.Random(seed), pace).run(seconds))  # no secret


class _Soak:
    def __init__(self, where: Ground, chance: random.Random, pace: float) -> None:
        self._ground = where
        self._chance = chance
        self._pace = pace
        self._model = Model()
        self._slots: list[Resident] = []
        self._all: list[Resident] = []
        self._failed: list[str] = []
        self._memory: list[float] = []

    async def run(self, seconds: float) -> Report:
        loop = the_loop()
        began = loop.time()
        async with AsyncExitStack() as stack:
            watching = asyncio.create_task(loop.watch())
            security = await stack.enter_async_context(wiring.open_store(self._ground.settings))
            self._slots = [one for _ in range(SLOTS) if (one := await self._newcomer())]
            gc.collect()
            try:
                await self._live(seconds, security)
            finally:
                await asyncio.gather(*(resident.close() for resident in self._all))
            watching.cancel()
        return self._report(loop.time() - began)

    async def _live(self, seconds: float, security: SessionStore) -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as client:
            over = asyncio.Event()
            lives = [asyncio.create_task(self._client(number, client, over)) for number in range(CLIENTS)]
            events = [self._revoking(security, client, over), self._ruling(over), self._failing(over)]
            lives += [asyncio.create_task(event) for event in events]
            lives.append(asyncio.create_task(self._measuring(over)))
            for _ in range(LONGER):
                await asyncio.wait(lives, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
                if self._eventful():
                    break
            over.set()
            await asyncio.gather(*lives)

    def _eventful(self) -> bool:
        revoked = any(resident.revocation is not None for resident in self._all)
        return revoked and min(len(self._model.faults), len(self._model.denials)) > 0

    # ---- those who ask

    async def _client(self, number: int, client: aiohttp.ClientSession, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._ask(self._slots[number % len(self._slots)], client)
            await self._pause(over, 0.5 * self._pace, 1.5 * self._pace)

    async def _ask(self, resident: Resident, client: aiohttp.ClientSession) -> None:
        loop = the_loop()
        began, stalled = loop.time(), loop.stalled
        cut = resident.revocation is not None and resident.revocation.ended is not None
        status, raw = await resident.ask(client)
        ended = loop.time()
        answer = resident.judged(status, raw, ended - began, cut)
        resident.said[answer.code] += 1
        self._model.hear(
            Asked(
                began=began,
                ended=ended,
                code=lateness(answer),
                message=answer.message,
                stalled=loop.stalled - stalled,
            ),
            resident.revocation,
        )

    # ---- what happens to them

    async def _revoking(
        self, security: SessionStore, client: aiohttp.ClientSession, over: asyncio.Event
    ) -> None:
        """Make a session, revoke the one that it takes the place of, and see it refused to the end."""
        while not await self._pause(over, 0.5, 2.0):
            slot = self._chance.randrange(1, SLOTS)
            successor, resident = await self._newcomer(over), self._slots[slot]
            if successor is None:
                return
            await self._revoke(resident, security)
            await asyncio.gather(*(self._ask(resident, client) for _ in range(5)))
            self._slots[slot] = successor
            await self._pause(over, 1.0, 1.2)  # whoever asked it before has its answer by now
            await resident.close()

    async def _revoke(self, resident: Resident, security: SessionStore) -> None:
        span = resident.revocation = Span(what="revocation", began=the_loop().time())
        while span.ended is None:
            cut = Revocation(at=self._ground.truth.now(), by="security", reason="a drill")
            with suppress(SentinelError):
                await security.revoke(resident.id, cut)
                span.ended = the_loop().time()

    async def _ruling(self, over: asyncio.Event) -> None:
        while not await self._pause(over, 6.0, 10.0):
            await asyncio.to_thread(self._put, DENY)
            span = Span(what="denial", began=the_loop().time())
            self._model.denials.append(span)
            await self._pause(over, 1.0, 8.0)
            span.ending = the_loop().time()
            await asyncio.to_thread(self._put, POLICIES["prod"])
            span.ended = the_loop().time()

    def _put(self, text: str) -> None:
        """Until it is there. An author meets the faults too, and an answer without a version is no answer."""
        ssm = aws_client(self._ground.aws, "ssm", self._ground.aws.root)
        put: Mapping[str, object] = {}
        while "Version" not in put:
            with suppress(Exception):
                put = ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)

    async def _failing(self, over: asyncio.Event) -> None:
        faults = [fault for service in SERVICES for fault in of_service(service)]
        while not await self._pause(over, 2.0, 14.0):
            fault = self._chance.choice(faults)
            span = Span(what=SERVICES[fault.dependency], began=the_loop().time())
            self._model.faults.append(span)
            fault.begin(self._ground)
            try:
                await self._pause(over, 0.3, 3.0)
            finally:
                fault.end(self._ground)
                span.ended = the_loop().time()

    async def _measuring(self, over: asyncio.Event) -> None:
        while not await self._pause(over, 0.5, 0.5):
            self._ground.aws.forget_calls()
            self._memory.append(self._slots[0].memory)

    # ---- both

    async def _newcomer(self, over: asyncio.Event | None = None) -> Resident | None:
        """A session that serves, as soon as one can be had; None when it is over before."""
        while over is None or not over.is_set():
            resident = Resident(self._ground, self._ground.home / f"said-{len(self._all)}.txt")
            if await resident.open():
                self._all.append(resident)
                return resident
            self._failed += resident.wrong
        return None

    async def _pause(self, over: asyncio.Event, least: float, most: float) -> bool:
        """Wait a while; whether it is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(least, most)):
                await over.wait()
        return over.is_set()

    def _report(self, seconds: float) -> Report:
        answered = {resident.id: resident.said for resident in self._all}
        logged = accounts(self._ground.home / "state")
        wrong = [*self._model.wrong, *differences(logged, answered)]
        wrong += [*self._failed, *(each for resident in self._all for each in resident.wrong)]
        grown = _grown(self._memory)
        if grown > GROWS:
            wrong.append(f"the memory of one server has grown by {grown:.1f} MiB")
        return Report(
            said=dict(self._model.said),
            sessions=len(self._all),
            revoked=sum(resident.revocation is not None for resident in self._all),
            faults=len(self._model.faults),
            denials=len(self._model.denials),
            slow=self._model.slow,
            memory=tuple(self._memory),
            grown=grown,
            seconds=seconds,
            wrong=tuple(wrong),
        )


def _grown(memory: Sequence[float]) -> float:
    """MiB that the last quarter needs more than the second."""
    quarter = max(1, len(memory) // 4)
    return statistics.fmean(memory[-quarter:]) - statistics.fmean(memory[quarter : 2 * quarter])
