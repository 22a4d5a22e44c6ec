"""Approvals and emergencies: the store or stores of their ledgers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from sentinel_server.clock import Clock, SystemClock
from sentinel_server.errors import StoreUnavailable
from sentinel_server.records.model import Ledger, Ref, Row
from sentinel_server.settings.locations import DynamoDbLocation, SqliteLocation, StoreLocation
from sentinel_server.wiring.principals import control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.records.store import Records
    from sentinel_server.settings.resolve import Settings

Place = SqliteLocation | tuple[str | None, str | None]
"""What one request can reach: a file, or the tables of one region and account."""


@asynccontextmanager
async def open_records(settings: Settings, clock: SystemClock | None = None) -> AsyncIterator[Records]:
    """The configured ledgers, for commands about approvals and emergencies; `clock` learns AWS's time."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        control = None
        if any(isinstance(where, DynamoDbLocation) for where in settings.ledgers.values()):
            control = await open_own(stack, settings, control_name(settings), clock)
        yield await LedgerOpener(stack, settings, control, settings.region, clock)()


class LedgerOpener:
    """Opens the configured ledgers once, when they are first asked for; closed with the stack.

    A file forgets by `clock`: it has to be the one that whoever writes there goes by.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        settings: Settings,
        control: BotoBase | None,
        region: str | None,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._stack = stack
        self._settings = settings
        self._control = control
        self._region = region
        self._opened: Records | None = None
        self._opening = asyncio.Lock()

    async def __call__(self) -> Records:
        """The ledgers. Raises StoreUnavailable when the credentials are of another account."""
        async with self._opening:
            if self._opened is None:
                self._opened = await self._open()
            return self._opened

    async def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """Rows of the ledgers, which are opened for it when nobody has. Raises StoreUnavailable."""
        return await (await self()).get(refs)

    def beside(self, where: StoreLocation) -> Mapping[Ledger, str] | None:
        """The tables of all ledgers when one request can read them together with what is at `where`."""
        ledgers = self._settings.ledgers
        tables = {
            ledger: each.table
            for ledger, each in ledgers.items()
            if isinstance(each, DynamoDbLocation) and self._place(each) == self._place(where)
        }
        return tables if len(tables) == len(ledgers) else None

    async def _open(self) -> Records:
        from sentinel_server.records.split import SplitRecords

        by_place: dict[Place, dict[Ledger, StoreLocation]] = {}
        for ledger, where in self._settings.ledgers.items():
            by_place.setdefault(self._place(where), {})[ledger] = where
        parts: dict[Ledger, Records] = {}
        for place, ledgers in by_place.items():
            store = await self._at(place, ledgers)
            self._stack.push_async_callback(store.close)
            parts |= dict.fromkeys(ledgers, store)
        return next(iter(parts.values())) if len(by_place) == 1 else SplitRecords(parts)

    async def _at(self, place: Place, ledgers: Mapping[Ledger, StoreLocation]) -> Records:
        if isinstance(place, SqliteLocation):
            from sentinel_server.adapters.local.sqlite_records import SqliteRecords

            return SqliteRecords(place.path, clock=self._clock)
        from sentinel_server.adapters.aws.records import open_dynamodb_records

        assert self._control is not None  # noqa: S101  # whoever has tables brought credentials
        tables = {ledger: where for ledger, where in ledgers.items() if isinstance(where, DynamoDbLocation)}
        for where in tables.values():
            await check_account(self._control, where)
        names = {ledger: where.table for ledger, where in tables.items()}
        return await open_dynamodb_records(self._control.aws, names, place[0])

    def _place(self, where: StoreLocation) -> Place:
        if isinstance(where, SqliteLocation):
            return where
        return where.region or self._region, where.account


async def check_account(control: BotoBase, where: DynamoDbLocation) -> None:
    """Raises StoreUnavailable when `where` names an account that the credentials are not of."""
    if where.account is None:
        return
    found = (await control.principal()).account
    if found != where.account:
        raise StoreUnavailable(
            f"{where} is asked with credentials of account {found}",
            hint="check the account and the profile: sentinel config show",
        )
