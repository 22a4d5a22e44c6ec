"""One series of faults on one ground, one after another; every moment of a fault is met at once.

The guest that lives is the same from the first fault to the last: nothing here needs a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from sentinel_server import wiring
from sentinel_server.errors import SentinelError
from sentinel_server.sessions.model import Revocation
from sentinel_server.sessions.store import SessionStore
from tests.faults.cells import Cell, Moment
from tests.faults.expected import ENDS, REVOKES, allowed, opening
from tests.faults.faults import Fault
from tests.faults.ground import Ground
from tests.faults.guest import Answer, Guest, within
from tests.faults.house import House, house
from tests.faults.loop import the_loop

BACK_WITHIN = 5.0
"""Seconds from the end of a fault in which everything goes on."""
PATIENCE = 25.0
"""Seconds in which a door that cannot open says so; nobody's SDK waits for it yet."""
GIVEN_UP = 1.5
"""Seconds after which somebody who revokes gives up."""
CLOSES_WITHIN = 8.0
"""Seconds that an end may take, with everything failing at once."""
POLICY_AGE = timedelta(seconds=6)
DUE = timedelta(minutes=3)
"""What must pass until what STS gave is renewed."""
SPENT = timedelta(minutes=11, seconds=30)
"""What must pass then until it may not be served any more."""


@dataclass(slots=True, kw_only=True)
class Lane:
    """A ground, the house whose door stays open from the first fault to the last, and who cuts off."""

    ground: Ground
    worn: House
    security: SessionStore
    living: Guest
    made: int = 0

    def guest(self, where: House, *, lazy: bool = False) -> Guest:
        """One that has not opened."""
        self.made += 1
        return Guest(f"{self.ground.name}-{self.made}", where, lazy=lazy)

    async def serving(self) -> Guest:
        """One that serves."""
        guest = self.guest(self.worn)
        await guest.settle_in()
        return guest


async def run_lane(ground: Ground, faults: Sequence[Fault]) -> list[Cell]:
    """Every cell of these faults."""
    async with AsyncExitStack() as stack:
        worn = await stack.enter_async_context(house(ground, f"{ground.name}-worn"))
        security = await stack.enter_async_context(wiring.open_store(ground.settings))
        living = Guest(f"{ground.name}-living", worn)
        await living.settle_in()
        lane = Lane(ground=ground, worn=worn, security=security, living=living)
        cells = [cell for fault in faults for cell in await _Round(lane, fault).run()]
        await living.close()
        cells[-1].wrong += living.wrong
    if left := await the_loop().cleared(worn.name):
        cells[-1].wrong.append(f"tasks left behind: {', '.join(left)}")
    return cells


class _Round:
    """One fault, from before its beginning to after its end."""

    def __init__(self, lane: Lane, fault: Fault) -> None:
        self._lane = lane
        self._ground = lane.ground
        self._fault = fault
        self._cells = {moment: Cell(fault=fault, moment=moment) for moment in Moment}

    async def run(self) -> list[Cell]:
        """Every moment of the fault."""
        name = f"{self._ground.name}-{self._fault.name}"
        async with house(self._ground, name) as fresh:
            await self._lived(self._lane.guest(fresh), self._lane.guest(fresh, lazy=True))
        if left := await the_loop().cleared(name):
            self._cells[Moment.START].wrong.append(f"tasks left behind: {', '.join(left)}")
        return list(self._cells.values())

    async def _lived(self, starting: Guest, lazy: Guest) -> None:
        lane, ground = self._lane, self._ground
        await lazy.settle_in()
        cut, doomed, ending = [await lane.serving() for _ in range(3)]
        await self._revoke(cut)
        self._fault.begin(ground)
        try:
            ground.truth.pass_(POLICY_AGE)
            await asyncio.gather(
                self._start(starting),
                self._fetches(Moment.FIRST_FETCH, lazy),
                self._fetches(Moment.STEADY, lane.living),
                self._revocation(cut, doomed),
                self._shutdown(ending),
            )
            await self._renewal()
        finally:
            self._fault.end(ground)
        await self._recovery(starting, lazy, doomed)
        for moment, guests in {
            Moment.START: [starting],
            Moment.FIRST_FETCH: [lazy],
            Moment.REVOCATION: [cut, doomed],
        }.items():
            for guest in guests:
                await guest.close()
                self._settle(moment, guest)

    # ---- under the fault

    async def _start(self, guest: Guest) -> None:
        cell = self._cells[Moment.START]
        refused: list[str] = []

        async def attempt() -> None:
            try:
                await self._open(guest)
            except SentinelError as error:
                refused.append(guest.check_error(error))

        spent = await within(PATIENCE, attempt())
        if spent is None:
            cell.wrong.append(f"neither started nor refused within {PATIENCE} s")
        cell.expect(refused or ["started"], opening(self._fault))

    async def _open(self, guest: Guest) -> None:
        """Start it; what fails only where a process begins needs another process's worth of adapters."""
        if self._fault.at_the_door:
            async with house(self._ground, f"{guest.name}-door"):
                pass
        else:
            await guest.open()

    async def _fetches(self, moment: Moment, guest: Guest) -> None:
        self._heard(moment, await guest.several())

    async def _renewal(self) -> None:
        """When it is due what there is goes on being served, where that can be; once it is spent, no more."""
        living = self._lane.living
        self._ground.truth.pass_(DUE)
        self._heard(Moment.RENEWAL, await living.several())
        self._ground.truth.pass_(SPENT)
        self._heard(Moment.RENEWAL, await living.several())

    async def _revocation(self, cut: Guest, doomed: Guest) -> None:
        """One was revoked before the fault, one is while it lasts; whether that is said is what counts."""
        cell = self._cells[Moment.REVOCATION]
        words: list[str] = []
        try:
            spent = await within(GIVEN_UP, self._revoke(doomed))
            words.append("given-up" if spent is None else "revoked")
        except SentinelError as error:
            words.append(doomed.check_error(error))
        except Exception as error:
            words.append(type(error).__name__)
        cell.expect(words, REVOKES[self._fault.dependency])
        answers = [*await cut.several(), *(await doomed.several() if doomed.revoked else [])]
        self._heard(Moment.REVOCATION, answers)

    async def _shutdown(self, guest: Guest) -> None:
        cell = self._cells[Moment.SHUTDOWN]
        try:
            spent = await guest.close()
        except SentinelError as error:
            cell.expect([error.code], ENDS[self._fault.dependency])
            return
        cell.say("ended")
        cell.slowest = spent * 1000
        if spent > CLOSES_WITHIN:
            cell.wrong.append(f"took {spent:.1f} s to end")
        self._settle(Moment.SHUTDOWN, guest)

    # ---- after it

    async def _recovery(self, starting: Guest, lazy: Guest, doomed: Guest) -> None:
        if not starting.serves:
            await self._back(Moment.START, starting.settle_in())
        await asyncio.gather(
            self._back(Moment.FIRST_FETCH, serving(lazy)),
            self._back(Moment.STEADY, serving(self._lane.living)),
            self._back(Moment.REVOCATION, self._cut_off(doomed)),
        )
        self._ground.truth.pass_(timedelta(seconds=BACK_WITHIN))
        old = self._lane.living.answers[-1].key
        self._ground.truth.pass_(DUE)
        await self._back(Moment.RENEWAL, renewed(self._lane.living, old))
        self._settle(Moment.STEADY, self._lane.living)

    async def _cut_off(self, guest: Guest) -> None:
        if not guest.revoked:
            await self._revoke(guest)
        await until(guest, lambda answer: answer.code == "SessionRevoked")

    async def _back(self, moment: Moment, work: Awaitable[None]) -> None:
        cell = self._cells[moment]
        cell.back = await within(BACK_WITHIN, work)
        if cell.back is None:
            cell.wrong.append(f"not back within {BACK_WITHIN} s")

    # ---- both

    async def _revoke(self, guest: Guest) -> None:
        cut = Revocation(at=self._ground.truth.now(), by="security", reason="a drill")
        await self._lane.security.revoke(guest.id, cut)
        guest.revoked = True

    def _heard(self, moment: Moment, answers: Sequence[Answer]) -> None:
        cell = self._cells[moment]
        cell.slowest = max(cell.slowest, *(answer.seconds * 1000 for answer in answers))
        cell.expect([answer.code for answer in answers], allowed(self._fault, moment))

    def _settle(self, moment: Moment, guest: Guest) -> None:
        self._cells[moment].wrong += guest.wrong
        guest.wrong.clear()


async def until(guest: Guest, holds: Callable[[Answer], bool]) -> None:
    """Fetch until an answer is as it shall be."""
    while not holds(await guest.fetch()):  # noqa: ASYNC110  # the answer is what is waited for
        await asyncio.sleep(0.02)


async def serving(guest: Guest) -> None:
    """Fetch until it is served."""
    await until(guest, lambda answer: answer.code == "Success")


async def renewed(guest: Guest, old: str) -> None:
    """Fetch until another key is served than `old`."""
    await until(guest, lambda answer: answer.code == "Success" and answer.key != old)
