"""The beginning of the way to base credentials: what a profile has of its own, by aiobotocore's providers.

Only the providers of that one profile are asked, never the default chain: it would find other credentials
than the profile says, and for a target profile it would assume the target role without a stamp.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiobotocore.credentials
from aiobotocore.config import AioConfig
from aiobotocore.credentials import (
    AioAssumeRoleWithWebIdentityProvider,
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

from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.adapters.aws.sso import NoCredentials
from sentinel_server.credentials.environment import keys_in, without_our_secrets
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import KeptKeys
from sentinel_server.credentials.profiles import BaseSource, CredentialSource, Profile, ProfileKind
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import IdentityUnavailable, InvalidSetting
from sentinel_server.secret import Secret

PROCESS_SECONDS = 60
"""How long a credential process may take; it may be waiting for a person's finger."""

# A failed renewal is our error to report. Without a handler Python would also print its traceback on stderr;
# botocore has one for its own logger, aiobotocore has not.
logging.getLogger("aiobotocore").addHandler(logging.NullHandler())

_CONFIG = AioConfig(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})

_Held = AioCredentials | AioRefreshableCredentials


class OwnCredentials:
    """What one source has of its own. Keys that stand in a file are read again when a file has changed."""

    def __init__(
        self,
        source: BaseSource,
        *,
        config_file: Path,
        credentials_file: Path,
        environment: Mapping[str, str],
        region: str,
        kept: KeptKeys | None = None,
    ) -> None:
        """`kept` are keys for profiles that name no credentials; they come before the environment's."""
        self._source = source
        self._files = (config_file, credentials_file)
        self._environment = environment
        self._region = region
        self._kept = kept
        self._loaded: _Held | None = None
        self._is_kept = False
        self._read_at: tuple[int, ...] = ()

    @property
    def instant(self) -> bool:
        """Whether taking them again costs nothing."""
        return self._is_kept or (self._loaded is not None and not _renews(self._loaded))

    async def take(self) -> AwsCredentials:
        """The credentials now. Raises IdentityUnavailable, UpstreamFailed, InvalidSetting."""
        with source_errors(self._source):
            kept = await self._from_the_keyring()
            return kept or await _taken_from(await self._held())

    async def _from_the_keyring(self) -> AwsCredentials | None:
        profile = self._source.profile
        if self._kept is None or profile is None or not (profile.has_kept_keys or self._is_kept):
            return None
        found = await self._kept.keys(profile.name)
        if found is None and self._is_kept:
            raise IdentityUnavailable(
                f"the keyring has no key for {profile.name} any more",
                hint=f"add one: sentinel keyring add {profile.name}",
            )
        self._is_kept = found is not None
        return found

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
            return await self._ambient()
        if profile.kind is ProfileKind.LOGIN and not hasattr(aiobotocore.credentials, "AioLoginProvider"):
            raise _no_login(profile)
        builder = _Builder(self._session(profile.name), self._region, self._environment)
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
        """For a profile that names no credentials: what the environment, the container or the machine has.

        A web identity comes after keys, as in botocore; clusters give both to their pods.
        """
        return (
            await self._outside(CredentialSource.ENVIRONMENT)
            or await self._web_identity()
            or await self._outside(CredentialSource.CONTAINER)
            or await self._outside(CredentialSource.INSTANCE)
        )

    async def _web_identity(self) -> _Held | None:
        token, role = (
            self._environment.get(f"AWS_{name}") for name in ("WEB_IDENTITY_TOKEN_FILE", "ROLE_ARN")
        )
        if not token or not role:
            return None
        said = {"web_identity_token_file": token, "role_arn": role}
        name = self._environment.get("AWS_ROLE_SESSION_NAME")
        if name:
            said["role_session_name"] = name
        session = self._session(self._source.profile.name if self._source.profile else "default")
        provider = AioAssumeRoleWithWebIdentityProvider(
            load_config=lambda: {"profiles": {"environment": said}},
            client_creator=_clients(session, self._region),
            profile_name="environment",
            disable_env_vars=True,
        )
        return _found(await provider.load())

    def _outside_providers(self) -> list[Any]:
        variables = dict(self._environment)
        fetcher = AioInstanceMetadataFetcher(
            timeout=1, num_attempts=1, env=cast("Any", variables), config=_metadata(variables, self._source)
        )
        return [
            AioEnvProvider(environ=variables),
            AioContainerProvider(environ=variables),
            AioInstanceMetadataProvider(iam_role_fetcher=fetcher),
        ]

    def _session(self, profile: str) -> AioSession:
        session = NoCredentials()
        config_file, credentials_file = self._files
        session.set_config_variable("profile", profile)
        session.set_config_variable("config_file", str(config_file))
        session.set_config_variable("credentials_file", str(credentials_file))
        session.full_config["profiles"].setdefault(profile, {})  # one that only the keyring knows
        session.set_default_client_config(_CONFIG)
        return session


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


class _Builder(AioProfileProviderBuilder):
    """The providers of one profile, whose credential process cannot prompt, hang or ask Sentinel again."""

    def __init__(self, session: AioSession, region: str, environment: Mapping[str, str]) -> None:
        super().__init__(session, cache={}, region_name=region)
        self._config = lambda: session.full_config
        self._environment = environment

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


_METADATA = {
    "ec2_metadata_service_endpoint": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "ec2_metadata_service_endpoint_mode": "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "ec2_metadata_v1_disabled": "AWS_EC2_METADATA_V1_DISABLED",
}


def _metadata(environment: Mapping[str, str], source: BaseSource) -> dict[str, Any]:
    """How the machine's metadata is asked: the environment's word, else the profile's."""
    section = source.profile.settings if source.profile else {}
    said = {key: environment.get(variable) or section.get(key) for key, variable in _METADATA.items()}
    found = {key: value for key, value in said.items() if isinstance(value, str) and value}
    disabled = found.pop("ec2_metadata_v1_disabled", "").lower() == "true"
    return {**found, "ec2_metadata_v1_disabled": disabled}


def _no_login(profile: Profile) -> InvalidSetting:
    return InvalidSetting(
        f"profile {profile.name!r} in {profile.file} uses login_session, which this botocore does not know",
        hint="let the AWS CLI hand them over, in a profile of another name: credential_process = "
        f"aws configure export-credentials --profile {profile.name} --format process",
    )


def _named(source: BaseSource) -> str:
    if source.profile is not None:
        return f"profile {source.profile.name!r}"
    return f"the credential source {source.outside.value}" if source.outside else "nothing"
