"""Policies and the side policies beside them: read at a door, and written by an author."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from sentinel_server.clock import SystemClock
from sentinel_server.errors import PolicyUnavailable, StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.schema import Loaded, LoadedPolicy
from sentinel_server.policy.stored import PLAIN, Shape
from sentinel_server.settings.locations import FilePolicies, PolicyLocation, SsmPolicies
from sentinel_server.wiring.principals import Say, control_name, open_own
from sentinel_server.wiring.signing import memory_path, pinned_keys, say_if_new, signing_is_set_up

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.aws.clients import AwsSession
    from sentinel_server.adapters.local.policy_memory import PolicyMemory
    from sentinel_server.policy.cached import Cached
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.policy.sides import AnySide, SidePolicies
    from sentinel_server.policy.source import KeptPolicies, PolicySource, Source
    from sentinel_server.policy.stored import PolicyStore, SerialMemory, Stored, StoredPolicies
    from sentinel_server.policy.verified import Make
    from sentinel_server.settings.resolve import Settings

L = TypeVar("L", bound=Loaded | None)

LOADING = timedelta(seconds=5)
"""How long a policy may take to load; a fetch waits less, and the next one finds it there."""


@frozen
class Shelf:
    """Policies to be written, the serials seen on this machine, and the pinned keys (None without any)."""

    store: PolicyStore
    memory: SerialMemory
    keys: KeySet | None


@frozen
class Reading:
    """What policies are read with: `control` opens AWS in `region` where nothing else is said."""

    stack: AsyncExitStack
    settings: Settings
    control: BotoBase | None
    region: str | None
    clock: SystemClock
    say: Say = lambda _: None


@asynccontextmanager
async def open_policies(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[PolicySource]:
    """The configured policies, read as a door reads them."""
    async with _reading(settings, (settings.policies,), say) as reading:
        yield await policy_source(reading)


@asynccontextmanager
async def open_sides(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[SidePolicies]:
    """The configured side policies, read as a door reads them."""
    async with _reading(settings, tuple(settings.sides.values()), say) as reading:
        yield side_source(reading)


@asynccontextmanager
async def open_policy_store(
    settings: Settings,
    shape: Shape = PLAIN,
    kind: DocumentKind = DocumentKind.POLICY,
    say: Say = lambda _: None,
) -> AsyncIterator[Shelf]:
    """The configured policies, or the side policy of that kind, to be written.

    With it comes what this machine remembers of them. `shape` says how SSM is to store one; files have only
    one way.
    """
    where = settings.sides.get(kind, settings.policies)
    async with _reading(settings, (where,), say) as reading:
        memory = _policy_memory(reading)
        store = await _store_at(reading, where, memory, shape)
        set_up = signing_is_set_up(settings)
        if set_up:
            say_if_new(reading.settings, reading.say)
        keys = await pinned_keys(settings, memory, reading.clock).now() if set_up else None
        yield Shelf(store=store, memory=memory, keys=keys)


async def read_parameter(settings: Settings, name: str) -> bytes:
    """What one SSM parameter holds, by its full name. Raises PolicyUnavailable."""
    from sentinel_server.adapters.aws.parameters import read_parameter as read

    async with AsyncExitStack() as stack:
        base = await open_own(stack, settings, control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.calls("ssm", region=settings.region))
        return await read(client, name)


async def policy_source(reading: Reading) -> KeptPolicies:
    """What every door reads policies from: cached, and verified once keys are pinned."""
    from sentinel_server.policy.loading import policy_in

    where = reading.settings.policies
    inner: Source[LoadedPolicy]
    if signing_is_set_up(reading.settings):
        inner = await _checked_at(reading, where, policy_in)
    elif isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policies import FilePolicies as FileSource

        inner = FileSource(where.directory)
    else:
        inner = await _ssm(reading, where)
    return _cached(reading, where, inner)


def side_source(reading: Reading) -> SidePolicies:
    """What every door reads side policies from: cached, and verified once keys are pinned.

    Nothing is opened before the first of a kind is asked for, since most fetches need none.
    """
    from sentinel_server.policy.sides import SidesBySource, loaded_side

    def of(kind: DocumentKind) -> Source[AnySide | None]:
        where = reading.settings.sides[kind]
        make: Make[AnySide | None] = partial(loaded_side, kind=kind)
        return _cached(reading, where, _Lazy(lambda: _checked_at(reading, where, make)))

    return SidesBySource(of)


@asynccontextmanager
async def _reading(
    settings: Settings, places: tuple[PolicyLocation, ...], say: Say
) -> AsyncIterator[Reading]:
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        control: BotoBase | None = None
        if any(isinstance(where, SsmPolicies) for where in places):
            control = await open_own(stack, settings, control_name(settings), clock)
        yield Reading(
            stack=stack, settings=settings, control=control, region=settings.region, clock=clock, say=say
        )


def _cached(reading: Reading, where: PolicyLocation, inner: Source[L]) -> Cached[L]:
    from sentinel_server.policy.cached import Cached

    wanted = reading.settings.policy_max_age
    age = max(wanted, LOADING) if isinstance(where, SsmPolicies) else wanted
    cached = Cached(inner, reading.clock, max_age=age, timeout=min(LOADING, age), chance=_chance)
    reading.stack.push_async_callback(cached.close)
    return cached


def _chance() -> float:
    return secrets.randbelow(1000) / 1000


async def _checked_at(reading: Reading, where: PolicyLocation, make: Make[L]) -> Source[L]:
    """Documents with their envelopes, checked once keys are pinned."""
    from sentinel_server.policy.verified import Unverified, Verified

    settings, memory = reading.settings, _policy_memory(reading)
    store: StoredPolicies = await _store_at(reading, where, memory, to_write=False)
    if isinstance(where, SsmPolicies) and where.account is not None:
        store = _OfAccount(store, where.account)
    if not signing_is_set_up(settings):
        return Unverified(store, make)
    say_if_new(reading.settings, reading.say)
    return Verified(
        store,
        pinned_keys(settings, memory, reading.clock).now,
        memory,
        reading.clock,
        make,
        required=settings.signing_required is not False,
        say=reading.say,
    )


def _policy_memory(reading: Reading) -> PolicyMemory:
    from sentinel_server.adapters.local.policy_memory import PolicyMemory

    memory = PolicyMemory(memory_path(reading.settings))
    reading.stack.push_async_callback(memory.close)
    return memory


async def _store_at(
    reading: Reading,
    where: PolicyLocation,
    memory: PolicyMemory,
    shape: Shape = PLAIN,
    *,
    to_write: bool = True,
) -> PolicyStore:
    if isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policy_store import FilePolicyStore
        from sentinel_server.adapters.local.user import local_user

        return FilePolicyStore(where.directory, memory, SystemClock(), local_user(), file=where.file)
    from sentinel_server.adapters.aws.policy_store import SsmPolicyStore

    aws, control = _aws(reading.control), reading.control
    # A door only reads, and need not load an AWS library for it.
    opened = aws.client if to_write else aws.calls
    client = await reading.stack.enter_async_context(opened("ssm", region=where.region or reading.region))

    async def account() -> str:
        assert control is not None  # noqa: S101  # `_aws` has refused the other case
        return (await control.principal()).account

    return SsmPolicyStore(client, account, root=where.root, parameter=where.parameter, shape=shape)


async def _ssm(reading: Reading, where: SsmPolicies) -> Source[LoadedPolicy]:
    from sentinel_server.adapters.aws.policies import SsmPolicies as SsmSource

    aws = _aws(reading.control)
    client = await reading.stack.enter_async_context(aws.calls("ssm", region=where.region or reading.region))
    source = SsmSource(client, root=where.root, parameter=where.parameter)
    return source if where.account is None else _LoadedOfAccount(source, where.account)


def _aws(control: BotoBase | None) -> AwsSession:
    if control is None:
        raise StoreUnavailable("no AWS credentials to read with")
    return control.aws


class _Lazy(Generic[L]):
    """A Source that is opened when it is first asked; an opening that fails is tried again."""

    def __init__(self, open_: Callable[[], Awaitable[Source[L]]]) -> None:
        self._open = open_
        self._opening = asyncio.Lock()
        self._source: Source[L] | None = None

    async def load(self, name: str) -> L:
        async with self._opening:
            source = self._source = self._source or await self._open()
        return await source.load(name)


class _OfAccount:
    """StoredPolicies that refuse those of any other account than the one in their URL."""

    def __init__(self, inner: StoredPolicies, account: str) -> None:
        self._inner = inner
        self._account = account

    async def read(self, profile: str) -> Stored:
        stored = await self._inner.read(profile)
        _check_account(stored.name, stored.place.account, self._account)
        return stored


class _LoadedOfAccount:
    """The same for a PolicySource."""

    def __init__(self, inner: PolicySource, account: str) -> None:
        self._inner = inner
        self._account = account

    async def load(self, profile: str) -> LoadedPolicy:
        loaded = await self._inner.load(profile)
        _check_account(loaded.name, loaded.account, self._account)
        return loaded


def _check_account(name: str, found: str | None, wanted: str) -> None:
    if found != wanted:
        raise PolicyUnavailable(f"{name} is in account {found}, not in {wanted}")
