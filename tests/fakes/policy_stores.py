"""Policy stores to test against: in memory, files, and SSM on an embedded AWS; and what stops them midway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import EndpointConnectionError

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.policy_store import SsmPolicyStore
from sentinel_server.adapters.aws.timing import PATIENT
from sentinel_server.adapters.local.policy_memory import PolicyMemory
from sentinel_server.adapters.local.policy_store import FilePolicyStore
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import PolicyChanged
from sentinel_server.policy.schema import Origin
from sentinel_server.policy.stored import PLAIN, PolicyStore, Revision, Shape, Stored
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.signers import PROD


@dataclass(slots=True)
class MemoryStore:
    """A PolicyStore in memory, for the profile that is asked for."""

    revisions: list[Revision] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)

    async def read(self, profile: str) -> Stored:
        """What was written last."""
        newest = self.revisions[-1] if self.revisions else None
        return Stored(
            profile=profile,
            name=PROD.parameter,
            place=PROD,
            origin=Origin.SSM,
            remembered_as=str(PROD),
            data=None if newest is None else newest.data,
            version=0 if newest is None else newest.version,
            envelope=self.envelopes[-1] if self.envelopes else None,
            envelope_version=len(self.envelopes),
        )

    async def check(self, seen: Stored, data: bytes) -> None:
        """Whether it is still the one that was seen."""
        if (await self.read(seen.profile)).version != seen.version:
            raise PolicyChanged("changed meanwhile")

    async def write_envelope(self, seen: Stored, envelope: bytes) -> None:
        """Append it."""
        if len(self.envelopes) != seen.envelope_version:
            raise PolicyChanged("somebody else is pushing")
        self.envelopes.append(envelope)

    async def write_policy(self, seen: Stored, data: bytes) -> int:
        """Append it."""
        await self.check(seen, data)
        now = await self.read(seen.profile)
        revision = Revision(version=now.version + 1, at=NOON, author="test", data=data, envelope=now.envelope)
        self.revisions.append(revision)
        return revision.version

    async def history(self, profile: str) -> tuple[Revision, ...]:
        """All of them."""
        return tuple(reversed(self.revisions))


@dataclass(slots=True)
class MemorySerials:
    """A SerialMemory of one process."""

    serials: dict[str, int] = field(default_factory=dict)

    async def highest(self, key: str) -> int:
        """The highest."""
        return self.serials.get(key, 0)

    async def saw(self, key: str, serial: int) -> None:
        """Remember it."""
        self.serials[key] = max(serial, self.serials.get(key, 0))


class Stopped(Exception):
    """What a test lets happen instead of an answer."""


@dataclass(slots=True)
class StopAfter:
    """A PolicyStore that stops at its nth call: before it does anything, or when its answer is lost."""

    inner: PolicyStore
    at: int
    done: bool
    calls: int = 0

    async def _step(self, work: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.at and not self.done:
            raise Stopped
        found = await work()
        if self.calls == self.at:
            raise Stopped
        return found

    async def read(self, profile: str) -> Stored:
        """Read, perhaps."""
        found: Stored = await self._step(lambda: self.inner.read(profile))
        return found

    async def check(self, seen: Stored, data: bytes) -> None:
        """Ask, perhaps."""
        await self._step(lambda: self.inner.check(seen, data))

    async def write_envelope(self, seen: Stored, envelope: bytes) -> None:
        """Write, perhaps."""
        await self._step(lambda: self.inner.write_envelope(seen, envelope))

    async def write_policy(self, seen: Stored, data: bytes) -> int:
        """Write, perhaps."""
        version: int = await self._step(lambda: self.inner.write_policy(seen, data))
        return version

    async def history(self, profile: str) -> tuple[Revision, ...]:
        """Read, perhaps."""
        found: tuple[Revision, ...] = await self._step(lambda: self.inner.history(profile))
        return found


@dataclass(slots=True)
class FlakyClient:
    """An SSM client whose nth call fails, before it is sent or when its answer is lost; 0 is none.

    `meanwhile` runs before the call of that number, as somebody else would who is faster.
    """

    inner: Any
    at: int = 0
    done: bool = False
    meanwhile: dict[int, Callable[[], None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @property
    def meta(self) -> Any:
        """The client's own."""
        return self.inner.meta

    async def get_parameters(self, **words: Any) -> Any:
        """Ask, perhaps."""
        return await self._step("get_parameters", lambda: self.inner.get_parameters(**words))

    async def put_parameter(self, **words: Any) -> Any:
        """Ask, perhaps."""
        return await self._step("put_parameter", lambda: self.inner.put_parameter(**words))

    def get_paginator(self, operation: str) -> Any:
        """Pages that count as one call."""
        return _Pages(self, operation)

    async def _step(self, name: str, ask: Callable[[], Any]) -> Any:
        self.calls.append(name)
        number = len(self.calls)
        if number in self.meanwhile:
            self.meanwhile[number]()
        if number == self.at and not self.done:
            raise EndpointConnectionError(endpoint_url="http://gone")
        found = await ask()
        if number == self.at:
            raise EndpointConnectionError(endpoint_url="http://gone")
        return found


@dataclass(slots=True)
class _Pages:
    client: FlakyClient
    operation: str

    async def paginate(self, **words: Any) -> AsyncIterator[Any]:
        async def all_of_them() -> list[Any]:
            return [page async for page in self.client.inner.get_paginator(self.operation).paginate(**words)]

        for page in await self.client._step(self.operation, all_of_them):
            yield page


@asynccontextmanager
async def ssm_client(sandbox: Sandbox) -> AsyncIterator[Any]:
    """An open client of the embedded AWS with the keys of `dev`."""
    keys = AwsCredentials(
        access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
    )

    async def credentials() -> AwsCredentials:
        return keys

    session = AwsSession(
        region=sandbox.aws.region, credentials=credentials, endpoints={"ssm": sandbox.aws.url}
    )
    async with session.client("ssm", replace(PATIENT, attempts=1)) as client:
        yield client


def ssm_store(client: Any, sandbox: Sandbox, root: str, shape: Shape = PLAIN) -> SsmPolicyStore:
    """A store over the client, or over a flaky one."""

    async def account() -> str:
        return sandbox.aws.account_id

    return SsmPolicyStore(client, account, root=root, shape=shape)


class OpenStore(Protocol):
    """Opens a store of one kind, over the same contents at every call."""

    def __call__(self) -> PolicyStore:
        """The store, as another process would open it."""
        ...


@asynccontextmanager
async def file_store(root: Path) -> AsyncIterator[FilePolicyStore]:
    """Files in `root/policies`, remembered in `root/state`."""
    memory = PolicyMemory(root / "state" / "policies.db")
    try:
        yield FilePolicyStore(root / "policies", memory, FakeClock(), "local:test")
    finally:
        await memory.close()
