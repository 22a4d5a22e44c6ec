"""Where policies come from, as a port, and the cache that bounds how old one may be."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.clock import Clock
from sentinel_server.errors import InvalidPolicy, PolicyUnavailable, SentinelError
from sentinel_server.policy.schema import LoadedPolicy

_JITTER = 0.1


class PolicySource(Protocol):
    """Reads the policy of one AWS profile.

    Parses and validates on every load, so that no other policy ever exists. Raises PolicyUnavailable when it
    is missing, unreadable, not answered for or not a policy (then the cause is the InvalidPolicy), and
    InvalidIdentifier when no policy can have that profile's name.
    """

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy in force for `profile` now."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    """A policy, and when its load began by both clocks: the monotonic one stands still while we sleep."""

    loaded: LoadedPolicy
    started: float
    at: datetime
    good_for: float


class CachedPolicies:
    """A PolicySource that serves what another gave, for at most `max_age` from when that load began.

    Asks for one profile share one load; a load that fails is not remembered, and nothing older is served in
    its place. `timeout` bounds a load; it must not exceed `max_age` (ValueError). Of more than `capacity`
    profiles the ones asked for longest ago are dropped. `chance` draws from 0 to 1: a policy is read again
    by up to a tenth sooner, lest all that began together ask the store together for ever.
    """

    def __init__(
        self,
        inner: PolicySource,
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
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._flights: dict[str, asyncio.Task[LoadedPolicy]] = {}

    async def load(self, profile: str) -> LoadedPolicy:
        """The policy for `profile`, read at most `max_age` ago. A caller that is cancelled stops no other."""
        kept = self._kept.get(profile)
        if kept is not None and self._age(kept) < kept.good_for:
            self._kept.move_to_end(profile)
            return kept.loaded
        flight = self._flights.get(profile)
        if flight is None or flight.done():
            flight = asyncio.create_task(self._fly(profile), name=f"policy of {profile}")
            self._flights[profile] = flight
            flight.add_done_callback(lambda done: self._landed(profile, done))
        return await asyncio.shield(flight)

    def _age(self, kept: _Kept) -> float:
        by_the_wall = (self._clock.now() - kept.at).total_seconds()
        return max(self._clock.monotonic() - kept.started, by_the_wall)

    async def _fly(self, profile: str) -> LoadedPolicy:
        started, at = self._clock.monotonic(), self._clock.now()
        self._kept.pop(profile, None)
        loaded = await self._bounded(profile)
        good_for = self._max_age * (1 - _JITTER * self._chance())
        self._kept[profile] = _Kept(loaded, started, at, good_for)
        while len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return loaded

    async def _bounded(self, profile: str) -> LoadedPolicy:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._inner.load(profile)
        except InvalidPolicy as error:
            raise PolicyUnavailable(error.message, hint=error.hint) from error
        except SentinelError:
            raise
        except TimeoutError as error:
            what = f"the policy of {profile} did not arrive within {self._timeout:g} s"
            raise PolicyUnavailable(what, hint="try again") from error
        except Exception as error:
            raise PolicyUnavailable(
                f"the policy of {profile} could not be read: {type(error).__name__}"
            ) from error

    def _landed(self, profile: str, flight: asyncio.Task[LoadedPolicy]) -> None:
        if self._flights.get(profile) is flight:
            del self._flights[profile]
        if not flight.cancelled():
            flight.exception()  # noted, should every caller have gone
