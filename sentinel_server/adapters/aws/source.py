"""Hop 1: credentials of a profile that is somebody's source, by aiobotocore's own providers.

Only the providers of that one profile are asked, never the default chain: it would find other credentials
than the profile says, and for a target profile it would assume the target role without a stamp.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from aiobotocore.config import AioConfig
from aiobotocore.credentials import (
    AioAssumeRoleProvider,
    AioCanonicalNameCredentialSourcer,
    AioContainerProvider,
    AioCredentialResolver,
    AioCredentials,
    AioEnvProvider,
    AioInstanceMetadataProvider,
    AioProcessProvider,
    AioProfileProviderBuilder,
    AioRefreshableCredentials,
)
from aiobotocore.session import AioSession
from aiobotocore.utils import AioInstanceMetadataFetcher, create_nested_client
from botocore.utils import JSONFileCache

from sentinel_server.adapters.aws.kept import KeptProvider, load_kept
from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.clock import Clock
from sentinel_server.credentials.environment import keys_in, without_our_secrets
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import KeptKeys
from sentinel_server.credentials.profiles import BaseSource, CredentialSource, ProfileKind
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import IdentityUnavailable, SentinelError
from sentinel_server.secret import Secret

PROCESS_SECONDS = 60
"""How long a credential process may take; it may be waiting for a person's finger."""

RENEWED_FROM = timedelta(minutes=10)
"""What is left of temporary credentials when they are renewed in the background.

botocore begins at 15 minutes left, and so would renew 15-minute sessions of a source role at every use.
"""

RENEWED_AT_LATEST = timedelta(minutes=1)
"""What is left of them when whoever asks has to wait for new ones."""

RETRY_SECONDS = 30.0
"""How long a renewal in the background is left alone, whatever came of it."""

# A failed renewal is our error to report. Without a handler Python would also print its traceback on stderr;
# botocore has one for its own logger, aiobotocore has not.
logging.getLogger("aiobotocore").addHandler(logging.NullHandler())

_CONFIG = AioConfig(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})

_Held = AioCredentials | AioRefreshableCredentials

AskCode = Callable[[str], str]
"""What botocore calls when a role in the chain wants an MFA code; it is given the whole prompt."""


class SourceCredentials:
    """The credentials of one source, loaded once and renewed ahead of their end, in the background.

    Keys that stand in a file are read again when a file has changed. For one event loop.
    """

    def __init__(
        self,
        source: BaseSource,
        *,
        config_file: Path,
        credentials_file: Path,
        environment: Mapping[str, str],
        region: str,
        ask_code: AskCode,
        clock: Clock,
        kept: KeptKeys | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._kept = kept
        self._files = (config_file, credentials_file)
        self._environment = environment
        self._region = region
        self._ask_code = ask_code
        self._loading = asyncio.Lock()
        self._loaded: _Held | None = None
        self._current: AwsCredentials | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[AwsCredentials] | None = None
        self._renewed_at = -RETRY_SECONDS
        self._read_at: tuple[int, ...] = ()

    async def resolve(self) -> AwsCredentials:
        """The credentials now. Raises LoginRequired, IdentityUnavailable, UpstreamFailed, InvalidSetting."""
        current = self._lasting(RENEWED_AT_LATEST)
        if current is None and self._loaded is not None and not _renews(self._loaded):
            return await self._take_in_turn()
        if current is None:
            # Who waits may give up before slow credentials come; the next one must find them there.
            if self._taking is None or self._taking.done():
                self._taking = asyncio.create_task(self._take_in_turn())
                self._taking.add_done_callback(note_outcome)
            return await asyncio.shield(self._taking)
        if self._lasting(RENEWED_FROM) is None:
            self._renew()
        return current

    async def close(self) -> None:
        """End what is going on in the background."""
        under_way = [task for task in (self._renewal, self._taking) if task is not None]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _lasting(self, least: timedelta) -> AwsCredentials | None:
        """What was taken last, when it says when it ends and at least `least` is left."""
        current = self._current
        if current is None or current.expires_at is None:
            return None
        return current if current.expires_at - self._clock.now() >= least else None

    async def _take_in_turn(self) -> AwsCredentials:
        async with self._loading:
            return self._lasting(RENEWED_AT_LATEST) or await self._take()

    async def _take(self) -> AwsCredentials:
        with source_errors(self._source):
            self._current = taken = await _taken_from(await self._held())
        return taken

    def _renew(self) -> None:
        now = self._clock.monotonic()
        busy = self._renewal is not None and not self._renewal.done()
        if not busy and now - self._renewed_at >= RETRY_SECONDS:
            self._renewed_at = now
            self._renewal = asyncio.create_task(self._renew_quietly())

    async def _renew_quietly(self) -> None:
        with suppress(SentinelError):  # whoever has to wait for new ones will be told
            async with self._loading:
                await self._take()

    async def _held(self) -> _Held:
        read_at = self._changes()
        if self._loaded is None or read_at != self._read_at:
            found = await self._find()
            if found is None:
                raise IdentityUnavailable(f"{_named(self._source)} has no credentials")
            self._loaded, self._read_at = found, read_at
        return self._loaded

    def _changes(self) -> tuple[int, ...]:
        profile = self._source.profile
        if profile is None or not profile.has_static_keys:
            return ()
        return tuple(map(_changed_at, self._files))

    async def _find(self) -> _Held | None:
        profile = self._source.profile
        if profile is None:
            return await self._outside(self._source.outside)
        if profile.kind is ProfileKind.ENVIRONMENT:
            return await load_kept(self._kept, profile.name) or await self._ambient()
        session = self._session(profile.name)
        for name in () if self._kept is None else await self._kept.profiles():
            session.full_config["profiles"].setdefault(name, {})  # botocore wants to see a source profile
        cache = JSONFileCache(str(_home(self._environment) / ".aws" / "sso" / "cache"))
        builder = _Builder(session, self._region, cache, self._environment, self._kept)
        if profile.assumes and not profile.has_static_keys:
            provider = AioAssumeRoleProvider(
                load_config=lambda: session.full_config,
                client_creator=_clients(session, self._region),
                cache={},
                profile_name=profile.name,
                prompter=self._ask_code,
                credential_sourcer=AioCanonicalNameCredentialSourcer(self._outside_providers()),
                profile_provider_builder=builder,
            )
            return _found(await provider.load())
        chain = AioCredentialResolver(builder.providers(profile_name=profile.name, disable_env_vars=True))
        return _found(await chain.load_credentials())

    async def _outside(self, source: CredentialSource | None) -> _Held | None:
        environment, container, instance = self._outside_providers()
        match source:
            case CredentialSource.CONTAINER:
                return _found(await container.load())
            case CredentialSource.INSTANCE:
                return _found(await instance.load())
            case _:
                return _found(await environment.load()) if keys_in(self._environment) else None

    async def _ambient(self) -> _Held | None:
        """For a profile that names no credentials: the environment's keys, the container's, the machine's."""
        for source in CredentialSource:
            found = await self._outside(source)
            if found is not None:
                return found
        return None

    def _outside_providers(self) -> list[Any]:
        variables = dict(self._environment)
        fetcher = AioInstanceMetadataFetcher(timeout=1, num_attempts=1, env=cast("Any", variables))
        return [
            AioEnvProvider(environ=variables),
            AioContainerProvider(environ=variables),
            AioInstanceMetadataProvider(iam_role_fetcher=fetcher),
        ]

    def _session(self, profile: str) -> AioSession:
        session = _NoChain()
        config_file, credentials_file = self._files
        session.set_config_variable("profile", profile)
        session.set_config_variable("config_file", str(config_file))
        session.set_config_variable("credentials_file", str(credentials_file))
        session.set_default_client_config(_CONFIG)
        return session


def note_outcome(task: asyncio.Task[Any]) -> None:
    """For a task whose waiters may all be gone: its exception has been seen."""
    if not task.cancelled():
        task.exception()


def _renews(held: _Held) -> bool:
    return isinstance(held, AioRefreshableCredentials)


async def _taken_from(held: _Held) -> AwsCredentials:
    frozen = await held.get_frozen_credentials()
    end = getattr(held, "_expiry_time", None)  # botocore has no public name for it
    return AwsCredentials(
        access_key_id=frozen.access_key or "",
        secret_access_key=Secret(frozen.secret_key or ""),
        session_token=Secret(frozen.token) if frozen.token else None,
        expires_at=end.astimezone(UTC) if isinstance(end, datetime) else None,
    )


class _NoChain(AioSession):
    """A session that never looks for credentials by itself."""

    async def get_credentials(self) -> None:  # type: ignore[override]
        return None


class _Builder(AioProfileProviderBuilder):
    """The providers of one profile, whose credential process cannot prompt, hang or ask Sentinel again."""

    def __init__(
        self,
        session: AioSession,
        region: str,
        cache: JSONFileCache,
        environment: Mapping[str, str],
        kept: KeptKeys | None,
    ) -> None:
        super().__init__(session, cache={}, region_name=region, sso_token_cache=cast("Any", cache))
        self._config = lambda: session.full_config
        self._environment = environment
        self._kept = kept

    def providers(self, profile_name: str, disable_env_vars: bool = False) -> list[Any]:
        """Those of the files, and the keyring after them."""
        found = super().providers(profile_name, disable_env_vars)
        return [*found, KeptProvider(self._kept, profile_name)]

    def _create_process_provider(self, profile_name: str) -> AioProcessProvider:
        return AioProcessProvider(
            profile_name=profile_name, load_config=self._config, popen=self._run(profile_name)
        )

    def _run(self, profile: str) -> Callable[..., Any]:
        async def start(*command: str, stdout: int, stderr: int) -> _Bounded:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**without_our_secrets(self._environment), RESOLVING: profile},
            )
            return _Bounded(process)

        return start


class _Bounded:
    """A process that is gone when the credentials that wait for it are closed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        try:
            async with asyncio.timeout(PROCESS_SECONDS):
                return await self._process.communicate()
        finally:
            if self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()


def _clients(session: AioSession, region: str) -> Callable[..., Any]:
    def create(service: str, **options: Any) -> Any:
        return create_nested_client(session, service, **{"region_name": region, **options})

    return create


def _changed_at(path: Path) -> int:
    """When the file was last written, in nanoseconds; 0 when it is not there. One look: fetches do this."""
    try:
        return os.stat(path).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _found(credentials: object) -> _Held | None:
    return credentials if isinstance(credentials, (AioCredentials, AioRefreshableCredentials)) else None


def _home(environment: Mapping[str, str]) -> Path:
    said = environment.get("HOME") or environment.get("USERPROFILE")
    return Path(said) if said else Path.home()


def _named(source: BaseSource) -> str:
    if source.profile is not None:
        return f"profile {source.profile.name!r}"
    return f"the credential source {source.outside.value}" if source.outside else "nothing"
