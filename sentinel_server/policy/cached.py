"""What bounds how old a document may be: a cache whose entries end by age, or when their signature does."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sentinel_server.clock import Clock
from sentinel_server.errors import InvalidPolicy, PolicyUnavailable, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.policy.schema import Loaded
from sentinel_server.policy.source import Source

_JITTER = 0.1
L = TypeVar("L", bound=Loaded | None)


@frozen
class _Kept(Generic[L]):
    """A document, and when its load began by both clocks: the monotonic one stands still while we sleep."""

    loaded: L
    started: float
    at: datetime
    good_for: float


class Cached(Generic[L]):
    """A Source that serves what another gave, for at most `max_age` from when that load began.

    What is signed is not served past its `not_after` either. Asks for one name share one load; a load that
    fails is not remembered, and nothing older is served in its place. `timeout` bounds a load; it must not
    exceed `max_age` (ValueError). Of more than `capacity` names the ones asked for longest ago are dropped.
    `chance` draws from 0 to 1: a document is read again by up to a tenth sooner, lest all that began together
    ask the store together for ever.
    """

    def __init__(
        self,
        inner: Source[L],
        clock: Clock,
        *,
        max_age: timedelta,
        timeout: timedelta = timedelta(milliseconds=600),
        capacity: int = 64,
        chance: Callable[[], float] = lambda: 0.0,
    ) -> None:
        if not timedelta(0) < timeout <= max_age or capacity < 1:
            raise ValueError("a cache needs 0 < timeout <= max_age and room for one policy")
        self._inner = inner
        self._clock = clock
        self._max_age = max_age.total_seconds()
        self._timeout = timeout.total_seconds()
        self._capacity = capacity
        self._chance = chance
        self._kept: OrderedDict[str, _Kept[L]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[L]] = {}
        self._closed = False

    async def load(self, name: str) -> L:
        """The document of `name`, read at most `max_age` ago. A caller that is cancelled stops no other."""
        kept = self._fresh(name)
        if kept is not None:
            return kept.loaded
        if self._closed:
            raise PolicyUnavailable(f"the policy of {name} was asked for while stopping", hint="")
        flight = self._flights.get(name)
        if flight is None or flight.done():
            flight = asyncio.create_task(self._fly(name), name=f"policy of {name}")
            self._flights[name] = flight
            flight.add_done_callback(lambda done: self._landed(name, done))
        return await asyncio.shield(flight)

    def at_hand(self, name: str) -> L | None:
        """What `load` would give at once; None when it would have to wait."""
        kept = self._fresh(name)
        return None if kept is None else kept.loaded

    async def close(self) -> None:
        """Serve nothing more, and wait for the end of every load, so that its store may be closed."""
        self._closed = True
        self._kept.clear()
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _fresh(self, name: str) -> _Kept[L] | None:
        kept = self._kept.get(name)
        if kept is None or not self._counts(kept):
            return None
        self._kept.move_to_end(name)
        return kept

    def _counts(self, kept: _Kept[L]) -> bool:
        now = self._clock.now()
        end = None if kept.loaded is None else kept.loaded.not_after
        if end is not None and now >= end:
            return False
        by_the_wall = (now - kept.at).total_seconds()
        return max(self._clock.monotonic() - kept.started, by_the_wall) < kept.good_for

    async def _fly(self, name: str) -> L:
        started, at = self._clock.monotonic(), self._clock.now()
        self._kept.pop(name, None)
        loaded = await self._bounded(name)
        good_for = self._max_age * (1 - _JITTER * self._chance())
        self._kept[name] = _Kept(loaded=loaded, started=started, at=at, good_for=good_for)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return loaded

    async def _bounded(self, name: str) -> L:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._inner.load(name)
        except InvalidPolicy as error:
            raise PolicyUnavailable(error.message, hint=error.hint) from error
        except SentinelError:
            raise
        except TimeoutError as error:
            what = f"the policy of {name} did not arrive within {self._timeout:g} s"
            raise PolicyUnavailable(what, hint="try again") from error
        except Exception as error:
            raise PolicyUnavailable(
                f"the policy of {name} could not be read: {type(error).__name__}"
            ) from error

    def _landed(self, name: str, flight: asyncio.Task[L]) -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]
        if not flight.cancelled():
            flight.exception()  # noted, should every caller have gone
