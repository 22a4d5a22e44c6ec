"""The one handler: who may ask, in a fixed order, and then the door.

Path and method, `Host`, marks of browsers and proxies, the user at the other end, the token, the turn, the
fetch. Straight-line code instead of routes and middlewares: nothing can be reached around a check, and SDKs
fetch once per API call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

from sentinel_server.errors import RateLimited, SentinelError, TooLate
from sentinel_server.web import errors, health
from sentinel_server.web.auth import Guard
from sentinel_server.web.connection import Connection, Handler
from sentinel_server.web.door import Door, Witness
from sentinel_server.web.listening import CREDENTIALS
from sentinel_server.web.rate_limit import RateLimit
from sentinel_server.web.reply import Page, Reply, page

SameUser = Callable[[asyncio.Transport], bool]
"""Whether the process at the other end is one of our user's."""


def create_app(
    door: Door, witness: Witness, *, guard: Guard, turns: RateLimit, same_user: SameUser, deadline: float
) -> Handler:
    """The handler of a loopback server; `deadline` is in seconds from a fetch's arrival to its answer."""
    return _App(door, witness, guard=guard, turns=turns, same_user=same_user, deadline=deadline)


class _App:
    def __init__(
        self,
        door: Door,
        witness: Witness,
        *,
        guard: Guard,
        turns: RateLimit,
        same_user: SameUser,
        deadline: float,
    ) -> None:
        self._door = door
        self._witness = witness
        self._guard = guard
        self._turns = turns
        self._same_user = same_user
        self._deadline = deadline
        self._last: Page | None = None

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to `request`; never raises for anything a client or the door does."""
        arrived = asyncio.get_running_loop().time()
        connection = cast(Connection, request.protocol)
        connection.head_arrived()
        try:
            return Reply(await self._answer(request, connection, arrived))
        except SentinelError as error:
            return Reply(errors.refusal(error))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the server is stopping; otherwise it was something the door waited for
            return Reply(self._failed(error))
        except Exception as error:
            return Reply(self._failed(error))

    async def _answer(self, request: web.BaseRequest, connection: Connection, arrived: float) -> Page:
        path = request.raw_path.partition("?")[0]
        if path not in (CREDENTIALS, health.PATH):
            return errors.NOT_FOUND
        if request.method != "GET":
            return errors.NOT_ALLOWED
        why = self._guard.misaddressed(request.raw_headers)
        if not why and path == health.PATH:
            return health.ALIVE
        why = why or self._stranger(connection) or self._guard.unproven(request.raw_headers)
        if why:
            self._witness.auth_failed(why)
            return errors.NOT_AUTHENTICATED
        connection.proven = True
        return self._page(await self._in_time(connection, arrived))

    def _page(self, body: bytes) -> Page:
        """The answer with `body`; the door gives many fetches the same one."""
        if self._last is None or self._last.body is not body:
            self._last = page(200, body)
        return self._last

    def _stranger(self, connection: Connection) -> str:
        if connection.same_user is None:
            connection.same_user = connection.transport is not None and self._same_user(connection.transport)
        return "" if connection.same_user else "another user's process"

    async def _in_time(self, connection: Connection, arrived: float) -> bytes:
        limit = asyncio.timeout_at(arrived + self._deadline)
        try:
            async with limit:
                await self._take_turn(connection)
                return await self._door.fetch()
        except TimeoutError:
            if not limit.expired():
                raise
        late = TooLate(f"no answer within {self._deadline * 1000:.0f} ms")
        self._witness.failed(late)
        raise late

    async def _take_turn(self, connection: Connection) -> None:
        wait = self._turns.turn(connection.bucket)
        if wait is None:
            self._witness.rate_limited()
            raise RateLimited("too many fetches at once")
        if wait:
            await asyncio.sleep(wait)

    def _failed(self, error: BaseException) -> Page:
        told = errors.unexpected(error)
        self._witness.failed(told)
        return errors.refusal(told)
