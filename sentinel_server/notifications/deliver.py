"""Delivers what is in the outbox: one change's messages at once, or everything that is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from sentinel_server.clock import Clock
from sentinel_server.errors import NotificationFailed, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.notifications.message import Message, read_message
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import (
    GIVE_UP,
    LEASE,
    Delivery,
    Entry,
    Outcome,
    due,
    outbox_ref,
    read_entry,
    wait_before,
)
from sentinel_server.records.model import Change, Ledger, Row
from sentinel_server.records.store import Records

SEND = timedelta(seconds=15)
"""How long one destination may take over one message."""

_PAGE = 100
_PATIENCE = 3
"""Failures in a row after which a destination is left alone for the rest of a flush."""

_READ_AT_ONCE = 100

_GRACE = timedelta(milliseconds=500)
"""What a notifier gets beyond its time, to say what is wrong in its own words."""


class Outbox:
    """Sends what is in the outbox of `records` to `destinations`, and remembers how far that got.

    `chance` gives a number from 0 to 1, `link_base` is what links begin with. Only StoreUnavailable is
    raised: what a destination does is told in the deliveries.
    """

    def __init__(
        self,
        records: Records,
        destinations: Sequence[Destination],
        clock: Clock,
        chance: Callable[[], float],
        link_base: str = "",
    ) -> None:
        self._records = records
        self._destinations = tuple(destinations)
        self._clock = clock
        self._chance = chance
        self._link_base = link_base

    def _run(self, within: timedelta) -> _Run:
        ends = self._clock.monotonic() + within.total_seconds()
        pace = _Pace(clock=self._clock, chance=self._chance, ends=ends, link_base=self._link_base)
        return _Run(self._records, self._destinations, pace)

    async def deliver(self, ledger: Ledger, delivery_ids: Sequence[str], within: timedelta) -> list[Delivery]:
        """Send the messages of a change that has just been committed, in about that time at most.

        Without any destination nothing is touched: somebody else delivers.
        """
        if not self._destinations or not delivery_ids:
            return []
        refs = [outbox_ref(ledger, each) for each in delivery_ids[:_READ_AT_ONCE]]
        rows = await self._records.get(refs)
        run = self._run(within)
        turns = await asyncio.gather(*(run.row(rows[ref]) for ref in refs if ref in rows))
        return [turn for turn in turns if turn is not None]

    async def flush(
        self, within: timedelta, ledgers: Sequence[Ledger] = tuple(Ledger), *, early: bool = False
    ) -> list[Delivery]:
        """Send everything that is due, oldest first, until all is done or the time is up.

        With `early`, also what is to wait until later. Two may flush at once.
        """
        run = self._run(within)
        found: list[Delivery] = []
        for ledger in ledgers:
            async for row in self._waiting(ledger):
                if not run.has_time():
                    return found
                if (delivery := await run.row(row, early=early)) is not None:
                    found.append(delivery)
        return found

    async def waiting(self, ledgers: Sequence[Ledger] = tuple(Ledger)) -> list[Entry]:
        """Everything that somebody has still to be told, oldest first."""
        entries: list[Entry] = []
        for ledger in ledgers:
            async for row in self._waiting(ledger):
                with suppress(ValueError):  # a flush says which rows are none of ours
                    entries.append(read_entry(row))
        return sorted(entries, key=lambda entry: entry.created_at)

    async def _waiting(self, ledger: Ledger) -> AsyncIterator[Row]:
        token = None
        while True:
            page = await self._records.find(due(ledger), _PAGE, token)
            for row in page.rows:
                yield row
            token = page.next_token
            if token is None:
                return


@frozen
class _Pace:
    """When one go has to end, by the monotonic clock, and what its waits and links are made of."""

    clock: Clock
    chance: Callable[[], float]
    ends: float
    link_base: str

    def left(self) -> timedelta:
        return timedelta(seconds=self.ends - self.clock.monotonic())


class _Run:
    """One go at the outbox: how much time is left, and which destinations are not worth another try."""

    def __init__(self, records: Records, destinations: Sequence[Destination], pace: _Pace) -> None:
        self._records = records
        self._destinations = destinations
        self._pace = pace
        self._failures: Counter[str] = Counter()

    def has_time(self) -> bool:
        return self._pace.left() > timedelta(0)

    async def row(self, row: Row, *, early: bool = False) -> Delivery | None:
        """What became of the row; None when it is not its turn, which `early` makes it."""
        now = self._pace.clock.now()
        try:
            entry = read_entry(row)
        except ValueError as error:
            return _stranger(row, str(error))
        if entry.settled_at is not None or entry.is_taken(now) or not (early or entry.is_due(now)):
            return None
        if not await self._commit(entry.claim(now + LEASE)):
            return Delivery(ref=entry.ref, type=entry.type, outcome=Outcome.TAKEN, done=entry.done)
        entry = replace(entry, version=entry.version + 1, attempts=entry.attempts + 1)
        try:
            message = read_message(entry.body, entry.delivery_id, self._pace.link_base)
        except ValueError as error:
            return await self._give_up(entry, {"outbox": f"this event cannot be read: {error}"})
        return await self._send_to_all(entry, message)

    async def _send_to_all(self, entry: Entry, message: Message) -> Delivery:
        failed: dict[str, NotificationFailed] = {}
        wanted = [
            each for each in self._destinations if message.type in each.types and each.name not in entry.done
        ]
        tasks = [asyncio.create_task(self._send(each, message)) for each in wanted]
        try:
            for left, task in zip(range(len(tasks) - 1, -1, -1), asyncio.as_completed(tasks), strict=True):
                name, error = await task
                if error is not None:
                    failed[name] = error
                    continue
                entry = replace(entry, done=(*entry.done, name))
                if left:  # else the change that ends the turn says it, too
                    entry = await self._remember(entry)
        finally:
            for started in tasks:
                started.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return await self._conclude(entry, failed)

    async def _remember(self, entry: Entry) -> Entry:
        """The entry after its progress was written; when that is refused, somebody else has it by now."""
        written = await self._commit(entry.progress())
        return replace(entry, version=entry.version + 1) if written else entry

    async def _conclude(self, entry: Entry, failed: Mapping[str, NotificationFailed]) -> Delivery:
        now = self._pace.clock.now()
        reasons = {name: error.message for name, error in sorted(failed.items())}
        if failed and now - entry.created_at >= GIVE_UP:
            return await self._give_up(entry, reasons)
        if not failed:
            await self._commit(entry.settle(now))
            return Delivery(ref=entry.ref, type=entry.type, outcome=Outcome.DELIVERED, done=entry.done)
        asked = max((error.retry_after or timedelta(0) for error in failed.values()), default=None)
        until = now + wait_before(entry.attempts, self._pace.chance(), asked)
        await self._commit(entry.postpone(until, _in_words(reasons)))
        return Delivery(
            ref=entry.ref, type=entry.type, outcome=Outcome.FAILING, done=entry.done, failed=reasons
        )

    async def _give_up(self, entry: Entry, reasons: Mapping[str, str]) -> Delivery:
        await self._commit(entry.settle(self._pace.clock.now(), given_up=_in_words(reasons)))
        return Delivery(
            ref=entry.ref, type=entry.type, outcome=Outcome.GIVEN_UP, done=entry.done, failed=reasons
        )

    async def _send(self, to: Destination, message: Message) -> tuple[str, NotificationFailed | None]:
        error = await self._try(to, message)
        self._failures[to.name] = self._failures[to.name] + 1 if error else 0
        return to.name, error

    async def _try(self, to: Destination, message: Message) -> NotificationFailed | None:
        if self._failures[to.name] >= _PATIENCE:
            return NotificationFailed(f"not tried: it has just failed {_PATIENCE} times in a row")
        within = min(SEND, self._pace.left())
        if within <= timedelta(0):
            return NotificationFailed("not tried: the time was up")
        try:
            async with asyncio.timeout((within + _GRACE).total_seconds()):
                await to.notifier.send(message, within)
        except NotificationFailed as error:
            return error
        except SentinelError as error:
            return NotificationFailed(error.message)
        except TimeoutError:
            return NotificationFailed(f"no answer within {within.total_seconds():.0f} s")
        except Exception as error:  # what is told of is done, and whoever did it must hear so
            return NotificationFailed(f"an unexpected {type(error).__name__} came instead of an answer")
        return None

    async def _commit(self, change: Change) -> bool:
        return await self._records.commit([change])


def _stranger(row: Row, why: str) -> Delivery:
    """A row that is none of ours was put there by hand; it is left as it is, and said every time."""
    return Delivery(ref=row.ref, type="", outcome=Outcome.FAILING, failed={"outbox": why})


def _in_words(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())
