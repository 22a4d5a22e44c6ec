"""One `exec --server` in this process: the real session and loopback server, and a model of what it may do.

Every answer is held against the model as it comes; what contradicts it is kept in `wrong`.
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import aiohttp

from sentinel_server import wiring
from sentinel_server.access.session import ServerSession, SessionOptions
from sentinel_server.errors import SentinelError, Unverifiable
from sentinel_server.policy.schema import STANDARD
from tests.faults.ground import Ground
from tests.faults.house import House
from tests.faults.loop import owned, the_loop

_TRIES = 20
IN_TIME = 0.8
"""Seconds within which every fetch is answered: JS v2, Java, PHP and C++ give up after one."""
_OWN = 0.1
"""Seconds that our client itself may take on a busy machine; SDKs have 200 ms more."""
LONGEST = 300
"""Characters that a refusal may have, so that SDKs show it whole."""
_ROUNDING = timedelta(seconds=2)
_BY_DEADLINE = timedelta(seconds=STANDARD.seconds or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: `Success`, a refusal's code or `late`, its message or the access key, and the seconds."""

    code: str
    message: str = ""
    key: str = ""
    seconds: float = 0.0


class Judge(ABC):
    """Asks a server, and holds what it says against the model; what contradicts it is kept in `wrong`."""

    wrong: list[str]
    _url: str
    _token: str

    @abstractmethod
    def where(self) -> Ground:
        """The AWS that is behind it."""

    async def ask(self, client: aiohttp.ClientSession) -> tuple[int, bytes]:
        """One fetch, as an SDK does it: status and body."""
        async with client.get(self._url, headers={"Authorization": self._token}) as response:
            return response.status, await response.read()

    def judged(self, status: int, raw: bytes, seconds: float, revoked: bool) -> Answer:
        """What an answer says, held against the model; `revoked` is whether it was when the fetch began."""
        body = json.loads(raw)
        if status == 200:
            self._check_credentials(body["AccessKeyId"], datetime.fromisoformat(body["Expiration"]), revoked)
        else:
            self._check_refusal(raw.decode(), body["Message"])
        message = body.get("Message", "")
        code = _code(body["Code"], message)
        return Answer(code=code, message=message, key=body.get("AccessKeyId", ""), seconds=seconds)

    def check_error(self, error: SentinelError) -> str:
        """Hold a refusal that no SDK sees against the model; its code."""
        self._check_refusal(error.line(), error.line())
        return _code(error.code, error.message)

    def _check_credentials(self, key: str, told: datetime, revoked: bool) -> None:
        now, end = self.where().truth.now(), self.where().ends_at(key)
        if revoked:
            self.wrong.append("served after its revocation was acknowledged")
        if end is None:
            self.wrong.append("served a key that AWS never gave")
        elif told > end:
            self.wrong.append(f"told that a key lasts {told - end} longer than AWS takes it")
        if told > now + _BY_DEADLINE + _ROUNDING:
            self.wrong.append(f"told that a key lasts {told - now - _BY_DEADLINE} longer than its lease")

    def _check_refusal(self, raw: str, message: str) -> None:
        if any(secret in raw for secret in self.where().aws.secrets):
            self.wrong.append("a refusal quotes a secret")
        if not message or "\n" in message or len(message) > LONGEST:
            self.wrong.append(f"a refusal that is not one line of {LONGEST}: {message!r}")
        if "unexpected" in message:
            self.wrong.append(f"a refusal that nobody foresaw: {message}")


@dataclass(slots=True, eq=False)
class Guest(Judge):
    """One server session in a house. `revoked` from when somebody was told that it is."""

    name: str
    house: House
    lazy: bool = False
    revoked: bool = False
    session: ServerSession | None = None
    answers: list[Answer] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _url: str = ""
    _token: str = ""
    _life: asyncio.Task[None] | None = None
    _up: asyncio.Event = field(default_factory=asyncio.Event)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        """Serve from now on. Raises the refusal when it may not start."""
        with owned(self.name):
            self._life = asyncio.create_task(self._live())
        up = asyncio.create_task(self._up.wait())
        try:
            await asyncio.wait([self._life, up], return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
        if not self.serves:
            await self._life

    async def settle_in(self) -> None:
        """Open while all is well; again when a busy machine was too late for that."""
        for _ in range(_TRIES):
            try:
                return await self.open()
            except Unverifiable:
                await asyncio.sleep(0.5)
        await self.open()

    def where(self) -> Ground:
        """Where its house is."""
        return self.house.ground

    @property
    def serves(self) -> bool:
        """Whether it has opened."""
        return self._up.is_set()

    @property
    def id(self) -> str:
        """The id by which it can be revoked."""
        assert self.session is not None
        assert self.session.session_id is not None
        return self.session.session_id

    async def close(self) -> float:
        """End it; the seconds that took. Notes every task that it left behind."""
        began, stalled = time.monotonic(), the_loop().stalled
        self._over.set()
        try:
            if self._life is not None:
                await self._life
        finally:
            if left := await the_loop().cleared(self.name):
                self.wrong.append(f"left tasks behind: {', '.join(left)}")
        return time.monotonic() - began - (the_loop().stalled - stalled)

    async def fetch(self) -> Answer:
        """One fetch on a connection of its own, held against the model and to its time."""
        revoked, began, stalled = self.revoked, time.monotonic(), the_loop().stalled
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as client:
            status, raw = await self.ask(client)
        seconds = time.monotonic() - began - (the_loop().stalled - stalled)
        answer = self.judged(status, raw, seconds, revoked)
        self.answers.append(answer)
        if seconds > IN_TIME + _OWN:
            self.wrong.append(f"{answer.code} after {seconds * 1000:.0f} ms")
        return answer

    async def several(self) -> list[Answer]:
        """Fetches one after another, and at once."""
        return [await self.fetch(), *await asyncio.gather(*(self.fetch() for _ in range(3)))]

    async def _live(self) -> None:
        house, ground = self.house, self.house.ground
        options = SessionOptions(
            max_session=ground.settings.max_session, lazy=self.lazy, ending=timedelta(seconds=1)
        )
        self.session = session = ServerSession(house.gate, house.sources, house.a_seat(), options)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(session.close)
            await session.start()
            entrance = stack.enter_context(wiring.open_entrance(ground.settings))
            server = wiring.loopback(ground.settings, entrance, session, session, house.clock)
            await stack.enter_async_context(server)
            self._url, self._token = server.url, entrance.token.reveal()
            self._up.set()
            await self._over.wait()


def _code(code: str, message: str) -> str:
    """`late` when nothing was wrong but that no answer came in time."""
    anybody = code in ("TooLate", "StoreUnavailable", "IdentityUnavailable")
    return "late" if anybody and "answer within" in message else code


async def within(limit: float, work: Awaitable[object]) -> float | None:
    """Seconds that `work` took, None when it was not done within `limit` of the time the loop ran."""
    began, stalled = time.monotonic(), the_loop().stalled
    task = asyncio.ensure_future(work)
    while not task.done():
        await asyncio.wait([task], timeout=0.05)
        spent = time.monotonic() - began - (the_loop().stalled - stalled)
        if not task.done() and spent > limit:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return None
    task.result()
    return time.monotonic() - began - (the_loop().stalled - stalled)
