"""An embedded AWS on loopback: moto behind a front that refuses what the real one refuses."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from sentinel_server.clock import Clock, SystemClock
from sentinel_server.errors import NotFound, SentinelError
from sentinel_server.sandbox import backend
from sentinel_server.sandbox.account import Account
from sentinel_server.sandbox.calls import CallLog, Seen
from sentinel_server.sandbox.dynamodb import Tables
from sentinel_server.sandbox.faults import Fault, FaultKind, Faults
from sentinel_server.sandbox.identity_center import SSO_PATH, IdentityCenter
from sentinel_server.sandbox.mfa import Device, Devices
from sentinel_server.sandbox.principals import SessionKeys, Sessions, UserKeys
from sentinel_server.sandbox.sts import role_session
from sentinel_server.sandbox.web_identity import WebIdentities

if TYPE_CHECKING:
    from sentinel_server.sandbox.gate import Forward

__all__ = ["SSO_PATH", "EmbeddedAws", "FaultName"]

FaultName = Literal["latency", "throttle", "error500", "drop", "reset", "deny", "wrong-json", "unprocessed"]
"""The values of `FaultKind`, for callers who would rather write the word."""

_START_SECONDS = 30
_accounts_in_use: set[str] = set()
_choosing = threading.Lock()


class EmbeddedAws:
    """One account of a strict AWS at `url`, served by a thread of this process until `stop`.

    Each instance starts empty. Several may live at once; without `account_id` each takes the first free of
    111122223333, 111122223334, …
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        account_id: str | None = None,
        dynamodb_url: str | None = None,
        hash_key: str = "id",
        refuse_skew: bool = False,
    ) -> None:
        """Prepare; nothing runs before `start`.

        `clock` is what expiries and `Date` headers go by. `dynamodb_url` names an endpoint (DynamoDB Local)
        that answers DynamoDB calls in moto's place once they have passed the front. `hash_key` is the
        partition key of tables that were not created through the front. With `refuse_skew` a request signed
        over 5 minutes from `clock` is refused, as AWS does; off, so that tests may move the clock.
        """
        self.root = UserKeys(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))
        self.account_id = account_id or ""
        self.region = "us-east-1"
        self.faults = Faults()
        self._clock = clock or SystemClock()
        self._calls = CallLog()
        self._sessions = Sessions()
        self._tables = Tables(default=hash_key)
        self._dynamodb_url = dynamodb_url
        self._refuse_skew = refuse_skew
        self._wanted_account = account_id
        self.devices = Devices(self._clock)
        """The MFA devices of its users."""
        self.web_identities = WebIdentities(self._clock)
        """The OpenID Connect provider whose tokens a role may trust."""
        self._account: Account | None = None
        self._center: IdentityCenter | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The endpoint URL for every service. Raises SentinelError before `start`."""
        if not self._port:
            raise SentinelError("the embedded AWS is not running", hint="start it first")
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Serve. Raises SentinelError when the `sandbox` extra is missing or the account is in use."""
        backend.require_moto()
        backend.ignore_profiles()
        self.account_id = _take_account(self._wanted_account)
        backend.forget(self.account_id)
        self._account = Account(self.account_id, self.root)
        self._center = IdentityCenter(self._account, self._sessions, self._clock, lambda: self.url)
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), name="embedded-aws", daemon=True)
        self._thread.start()
        if not ready.wait(_START_SECONDS) or not self._port:
            self.stop()
            raise SentinelError("the embedded AWS did not start")
        return self

    def stop(self) -> None:
        """Stop serving and forget everything; harmless when it is not running."""
        if self._loop is not None and self._done is not None:
            with suppress(RuntimeError):  # its thread has ended already
                self._loop.call_soon_threadsafe(self._done.set)
        if self._thread is not None:
            self._thread.join()
            backend.forget(self.account_id)
            _accounts_in_use.discard(self.account_id)
        self._thread, self._loop, self._done, self._port = None, None, None, 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add_user(self, name: str, *, policy: Mapping[str, Any] | None = None) -> UserKeys:
        """A new IAM user's keys. `policy` is its identity policy; without one it may do everything."""
        return self._running().add_user(name, policy)

    def add_role(
        self,
        name: str,
        trust: Mapping[str, Any],
        policy: Mapping[str, Any] | None = None,
        *,
        path: str = "/",
        max_session: int = 3600,
    ) -> str:
        """A new role's ARN. Without a policy its sessions may do everything; `max_session` is in seconds."""
        return self._running().add_role(name, trust, policy, path, max_session)

    def add_mfa(self, user: str) -> Device:
        """A new virtual MFA device of a user; `devices.code` tells its codes."""
        return self.devices.add(self.account_id, user)

    @property
    def sso(self) -> IdentityCenter:
        """Its Identity Center, empty at the start."""
        self._running()
        assert self._center is not None  # noqa: S101  # made together with the account
        return self._center

    def sso_session(self, role_arn: str, session_name: str, *, seconds: int = 3600) -> SessionKeys:
        """Keys of a session of `role_arn` as Identity Center hands them out. Raises NotFound."""
        role = self._running().role(role_arn)
        if role is None:
            raise NotFound(f"the embedded AWS has no role {role_arn}")
        principal = role_session(role, account=self.account_id, session_name=session_name)
        return self._sessions.open(principal, self._clock.now() + timedelta(seconds=seconds))

    @property
    def secrets(self) -> frozenset[str]:
        """Everything secret that it has told somebody, for tests that look where it must not be."""
        return self._sessions.secrets() | self._running().secrets() | self.sso.tokens.secrets()

    @property
    def calls(self) -> list[Seen]:
        """Every request so far, oldest first."""
        return self._calls.all()

    def calls_to(self, service: str, operation: str | None = None) -> list[Seen]:
        """The requests so far to a service, or to one of its operations."""
        return [
            seen for seen in self.calls if seen.service == service and operation in (None, seen.operation)
        ]

    def forget_calls(self) -> None:
        """Empty `calls`."""
        self._calls.clear()

    def fail(
        self,
        *,
        service: str,
        kind: FaultKind | FaultName,
        operation: str | None = None,
        count: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Let a service misbehave from now on, or for the next `count` calls. `seconds` is for latency."""
        fault = Fault(
            service=service, kind=FaultKind(kind), operation=operation, count=count, seconds=seconds
        )
        self.faults.add(fault)

    def heal(self, service: str | None = None) -> None:
        """End the faults of a service, or all."""
        self.faults.heal(service)

    def _running(self) -> Account:
        if self._account is None:
            raise SentinelError("the embedded AWS is not running", hint="start it first")
        return self._account

    def _serve(self, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve_until_done(ready))
        finally:
            ready.set()

    async def _serve_until_done(self, ready: threading.Event) -> None:
        from sentinel_server.sandbox.front import Elsewhere

        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        async with AsyncExitStack() as stack:
            elsewhere = {}
            if self._dynamodb_url is not None:
                other = Elsewhere(self._dynamodb_url, self.account_id)
                elsewhere["dynamodb"] = await stack.enter_async_context(other)
            self._port = await stack.enter_async_context(self._listening(elsewhere))
            ready.set()
            await self._done.wait()

    @asynccontextmanager
    async def _listening(self, elsewhere: Mapping[str, Forward]) -> AsyncIterator[int]:
        from aiohttp import web

        from sentinel_server.sandbox.federation import Federation
        from sentinel_server.sandbox.front import Front
        from sentinel_server.sandbox.gate import Gate

        gate = Gate(
            account=self._running(),
            sessions=self._sessions,
            clock=self._clock,
            calls=self._calls,
            faults=self.faults,
            tables=self._tables,
            elsewhere=elsewhere,
            refuse_skew=self._refuse_skew,
            center=self.sso,
            devices=self.devices,
            identities=self.web_identities,
        )
        federation = Federation(self._sessions, self._clock)
        front = Front(gate, self._clock, self._calls, self.faults, self.sso, federation)
        runner = web.AppRunner(front.application(), access_log=None, keepalive_timeout=75, shutdown_timeout=1)
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()


def _take_account(wanted: str | None) -> str:
    with _choosing:
        chosen = wanted or next(
            number for number in map(str, range(111122223333, 111122224333)) if number not in _accounts_in_use
        )
        if chosen in _accounts_in_use:
            raise SentinelError(
                f"another embedded AWS of this process is already account {chosen}",
                hint="leave account_id out",
            )
        _accounts_in_use.add(chosen)
        return chosen
