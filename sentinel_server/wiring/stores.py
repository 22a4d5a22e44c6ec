"""Sessions and their table: what is written and looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sentinel_server.clock import Clock, SystemClock
from sentinel_server.settings.locations import (
    DynamoDbLocation,
    SqliteLocation,
    parse_table,
)
from sentinel_server.wiring.ledgers import LedgerOpener, check_account
from sentinel_server.wiring.principals import control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.provisioning.apply import Provisioner
    from sentinel_server.sessions.store import SessionStore
    from sentinel_server.settings.resolve import Settings


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[SessionStore]:
    """The configured session store, for commands that look at sessions and cut them off."""
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        places = (settings.store, *settings.ledgers.values())
        base = None
        if any(isinstance(where, DynamoDbLocation) for where in places):
            base = await open_own(stack, settings, control_name(settings), clock)
        yield await StoreOpener(stack, settings, base, settings.region, clock)(None)


@asynccontextmanager
async def open_provisioner(settings: Settings) -> AsyncIterator[Provisioner]:
    """What makes and mends the sessions table."""
    from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner

    async with AsyncExitStack() as stack:
        base = await open_own(stack, settings, control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.client("dynamodb", region=settings.region))
        yield DynamoDbProvisioner(client)


class StoreOpener:
    """Opens the configured store, or the table that a rule names; each sees the configured ledgers.

    Without `control` everything must be in a file of this machine.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        settings: Settings,
        control: BotoBase | None,
        region: str | None,
        clock: Clock,
    ) -> None:
        self._stack = stack
        self._settings = settings
        self._control = control
        self._region = region
        self.ledgers = LedgerOpener(stack, settings, control, region, clock)

    async def __call__(self, table: str | None) -> SessionStore:
        configured = self._settings.store
        if table is None and isinstance(configured, SqliteLocation):
            return await self._sqlite(configured)
        if table is None:
            assert isinstance(configured, DynamoDbLocation)  # noqa: S101  # the other kind has just returned
            return await self._dynamodb(configured, configured.table)
        named = parse_table(table)
        near = configured if isinstance(configured, DynamoDbLocation) else None
        if near is not None and named.account is None:  # a bare name is in the configured place
            named = replace(named, region=near.region, account=near.account)
        return await self._dynamodb(named, table)

    async def _sqlite(self, where: SqliteLocation) -> SessionStore:
        from sentinel_server.adapters.local.sqlite import SqliteSessions

        together = all(ledger == where for ledger in self._settings.ledgers.values())
        store = SqliteSessions(where.path, elsewhere=None if together else self.ledgers.read)
        self._stack.push_async_callback(store.close)
        return store

    async def _dynamodb(self, where: DynamoDbLocation, text: str) -> SessionStore:
        from sentinel_server.adapters.aws.sessions import open_dynamodb_sessions
        from sentinel_server.sessions.store import StoreRef

        assert self._control is not None  # noqa: S101  # whoever has tables brought credentials
        await check_account(self._control, where)
        region = where.region or self._region
        ref = StoreRef(url=f"dynamodb://{region or ''}/{where.table}", shared=True, table=text)
        beside = self.ledgers.beside(where)
        store = await open_dynamodb_sessions(
            self._control.aws,
            where.table,
            ref,
            region,
            ledgers=beside,
            elsewhere=None if beside else self.ledgers.read,
        )
        self._stack.push_async_callback(store.close)
        return store
