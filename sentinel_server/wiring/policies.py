"""Policies: read at a door, written by an author, signed and verified."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import (
    InvalidSetting,
    PolicyUnavailable,
    StoreUnavailable,
)
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.policy.stored import PLAIN, Shape
from sentinel_server.settings.locations import (
    FilePolicies,
    SsmPolicies,
)
from sentinel_server.wiring.principals import Say, control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.aws.clients import AwsSession
    from sentinel_server.adapters.local.policy_memory import PolicyMemory
    from sentinel_server.policy.keys import KeySet, PublicKey
    from sentinel_server.policy.signing import Signer
    from sentinel_server.policy.source import PolicySource
    from sentinel_server.policy.stored import PolicyStore, SerialMemory
    from sentinel_server.settings.resolve import Settings


LOADING = timedelta(seconds=5)
"""How long a policy may take to load; a fetch waits less, and the next one finds it there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Policies to be written, the serials seen on this machine, and the pinned keys (None without any)."""

    store: PolicyStore
    memory: SerialMemory
    keys: KeySet | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The file of pinned public keys, and what makes and reads keys; all raise SentinelErrors."""

    path: Path
    read: Callable[[], KeySet]
    write: Callable[[KeySet], None]
    generate: Callable[[Path], PublicKey]
    public: Callable[[Path, str | None], PublicKey]


@asynccontextmanager
async def open_policies(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[PolicySource]:
    """The configured policies, read as a door reads them."""
    async with AsyncExitStack() as stack:
        control: BotoBase | None = None
        if isinstance(settings.policies, SsmPolicies):
            control = await open_own(stack, settings, control_name(settings), SystemClock())
        yield await policy_source(stack, settings, control, settings.region, SystemClock(), say)


@asynccontextmanager
async def open_policy_store(settings: Settings, shape: Shape = PLAIN) -> AsyncIterator[Shelf]:
    """The configured policies to be written, with what this machine remembers of them.

    `shape` says how SSM is to store a policy; the other store has only one way.
    """
    async with AsyncExitStack() as stack:
        memory = _policy_memory(stack, settings)
        control: BotoBase | None = None
        if isinstance(settings.policies, SsmPolicies):
            control = await open_own(stack, settings, control_name(settings), SystemClock())
        store = await _policy_store(stack, settings, control, settings.region, memory, shape)
        yield Shelf(store=store, memory=memory, keys=_keys(settings))


@asynccontextmanager
async def open_signer(
    settings: Settings, *, key_file: Path | None = None, kms_key: str | None = None
) -> AsyncIterator[Signer]:
    """What signs with the key in a file, or with a KMS key. Raises BadInput, SentinelError."""
    if key_file is not None:
        from sentinel_server.adapters.local.key_file import load_signer

        yield load_signer(key_file)
        return
    from sentinel_server.adapters.aws.kms import KmsSigner, kms_public_key

    async with AsyncExitStack() as stack:
        base = await open_own(stack, settings, control_name(settings), SystemClock())
        client = await stack.enter_async_context(
            base.aws.client("kms", region=_kms_region(settings, kms_key))
        )
        yield KmsSigner(client, await kms_public_key(client, kms_key or ""))


def key_ring(settings: Settings) -> KeyRing:
    """Where the pinned keys are kept: the configured file, else the usual one."""
    from sentinel_server.adapters.local import key_file

    path = settings.signing_keys or settings.directories.config / "policy-keys.json"
    return KeyRing(
        path=path,
        read=partial(key_file.read_key_set, path),
        write=partial(key_file.write_key_set, path),
        generate=key_file.generate_key,
        public=key_file.load_public,
    )


async def read_parameter(settings: Settings, name: str) -> bytes:
    """What one SSM parameter holds, by its full name. Raises PolicyUnavailable."""
    from sentinel_server.adapters.aws.parameters import read_parameter as read

    async with AsyncExitStack() as stack:
        base = await open_own(stack, settings, control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.client("ssm", region=settings.region))
        return await read(client, name)


def _chance() -> float:
    return secrets.randbelow(1000) / 1000


async def policy_source(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    clock: SystemClock,
    say: Say,
) -> PolicySource:
    """What every door reads policies from: cached, and verified once keys are pinned."""
    from sentinel_server.policy.source import CachedPolicies

    where = settings.policies
    age = max(settings.policy_max_age, LOADING) if isinstance(where, SsmPolicies) else settings.policy_max_age
    inner: PolicySource
    if _keys(settings) is not None:
        inner = await _verified(stack, settings, control, region, clock, say)
    elif isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policies import FilePolicies as FileSource

        inner = FileSource(where.directory)
    else:
        inner = await _ssm(stack, where, control, region)
    return CachedPolicies(inner, clock, max_age=age, timeout=min(LOADING, age), chance=_chance)


async def _verified(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    clock: SystemClock,
    say: Say,
) -> PolicySource:
    from sentinel_server.policy.verified import VerifiedPolicies

    memory = _policy_memory(stack, settings)
    source = VerifiedPolicies(
        await _policy_store(stack, settings, control, region, memory),
        key_ring(settings).read,
        memory,
        clock,
        required=settings.signing_required is not False,
        say=say,
    )
    where = settings.policies
    account = where.account if isinstance(where, SsmPolicies) else None
    return source if account is None else _OfAccount(source, account)


def _keys(settings: Settings) -> KeySet | None:
    """The pinned keys now, None when signing is not set up. Raises InvalidSetting."""
    if settings.signing_keys is not None:
        return key_ring(settings).read()
    if settings.signing_required:
        raise InvalidSetting(
            "signing.required is true, and signing.keys names no keys to check with",
            hint="make a key set: sentinel policy keys add; then set signing.keys to its path",
        )
    return None


def _policy_memory(stack: AsyncExitStack, settings: Settings) -> PolicyMemory:
    from sentinel_server.adapters.local.policy_memory import PolicyMemory

    memory = PolicyMemory(settings.directories.state / "policies.db")
    stack.push_async_callback(memory.close)
    return memory


async def _policy_store(
    stack: AsyncExitStack,
    settings: Settings,
    control: BotoBase | None,
    region: str | None,
    memory: PolicyMemory,
    shape: Shape = PLAIN,
) -> PolicyStore:
    where = settings.policies
    if isinstance(where, FilePolicies):
        from sentinel_server.adapters.local.policy_store import FilePolicyStore
        from sentinel_server.adapters.local.user import local_user

        return FilePolicyStore(where.directory, memory, SystemClock(), local_user())
    from sentinel_server.adapters.aws.policy_store import SsmPolicyStore

    aws = _aws(control)
    client = await stack.enter_async_context(aws.client("ssm", region=where.region or region))

    async def account() -> str:
        assert control is not None  # noqa: S101  # `_aws` has refused the other case
        return (await control.principal()).account

    return SsmPolicyStore(client, account, root=where.root, parameter=where.parameter, shape=shape)


def _kms_region(settings: Settings, key: str | None) -> str | None:
    """The region in a key's ARN, else the configured one."""
    parts = (key or "").split(":")
    return parts[3] if len(parts) > 5 else settings.region


async def _ssm(
    stack: AsyncExitStack, where: SsmPolicies, control: BotoBase | None, region: str | None
) -> PolicySource:
    from sentinel_server.adapters.aws.policies import SsmPolicies as SsmSource

    aws = _aws(control)
    client = await stack.enter_async_context(aws.client("ssm", region=where.region or region))
    source = SsmSource(client, root=where.root, parameter=where.parameter)
    return source if where.account is None else _OfAccount(source, where.account)


def _aws(control: BotoBase | None) -> AwsSession:
    if control is None:
        raise StoreUnavailable("no AWS credentials to read with")
    return control.aws


class _OfAccount:
    """A PolicySource that refuses policies of any other account than the one in its URL."""

    def __init__(self, inner: PolicySource, account: str) -> None:
        self._inner = inner
        self._account = account

    async def load(self, profile: str) -> LoadedPolicy:
        loaded = await self._inner.load(profile)
        if loaded.account != self._account:
            raise PolicyUnavailable(f"{loaded.name} is in account {loaded.account}, not in {self._account}")
        return loaded
