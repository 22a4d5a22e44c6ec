"""Credentials by aiobotocore's providers, of one profile or of one source outside the files."""

from __future__ import annotations

import asyncio
import logging
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

from sentinel_server.adapters.aws.sso import NoCredentials
from sentinel_server.credentials.environment import keys_in, without_our_secrets
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import BaseSource, CredentialSource, Profile, ProfileKind
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret

PROCESS_SECONDS = 60
"""How long a credential process may take; it may be waiting for a person's finger."""

# A failed renewal is our error to report. Without a handler Python would also print its traceback on stderr;
# botocore has one for its own logger, aiobotocore has not.
logging.getLogger("aiobotocore").addHandler(logging.NullHandler())

_CONFIG = AioConfig(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})

_Held = AioCredentials | AioRefreshableCredentials


class Providers:
    """Finds what one source has of its own."""

    def __init__(
        self,
        source: BaseSource,
        *,
        config_file: Path,
        credentials_file: Path,
        environment: Mapping[str, str],
        region: str,
    ) -> None:
        self._source = source
        self._files = (config_file, credentials_file)
        self._environment = environment
        self._region = region

    async def find(self) -> Found | None:
        """What is there now. Raises botocore's errors, InvalidSetting."""
        found = await self._find()
        return None if found is None else Found(found)

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


class Found:
    """What a provider gave, which may renew itself."""

    def __init__(self, held: _Held) -> None:
        self._held = held

    @property
    def renews(self) -> bool:
        """Whether taking them may ask somebody for new ones."""
        return isinstance(self._held, AioRefreshableCredentials)

    async def take(self) -> AwsCredentials:
        """The credentials now. Raises botocore's errors."""
        frozen = await self._held.get_frozen_credentials()
        end = getattr(self._held, "_expiry_time", None)  # botocore has no public name for it
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
