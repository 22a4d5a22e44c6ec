"""AWS clients by aioboto3, for every service and every way to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore.credentials import ReadOnlyCredentials

from sentinel_server.adapters.aws.answers import aws_errors
from sentinel_server.adapters.aws.models import share_models, tidy
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.adapters.aws.tls import SharedTls
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import InvalidSetting


class BotoSession:
    """Makes clients of aioboto3. What its arguments mean is told by `AwsSession`. Raises InvalidSetting."""

    def __init__(
        self,
        *,
        region: str | None,
        credentials: Callable[[], Awaitable[AwsCredentials]] | None,
        profile: str | None,
        endpoints: Mapping[str, str],
        observe: Callable[[datetime], None] | None,
        config_files: tuple[Path, Path] | None,
    ) -> None:
        core = AioSession() if credentials is None else _Provided(credentials)
        for name, path in zip(("config_file", "credentials_file"), config_files or (), strict=False):
            core.set_config_variable(name, str(path))
        share_models(core)
        if observe is not None:
            core.register("response-received", _date_observer(observe))
        with aws_errors("opening an AWS session", InvalidSetting):
            if profile is not None:
                # One that only the keyring knows; without a name, settings would be AWS_PROFILE's.
                core.full_config["profiles"].setdefault(profile, {})
            self._session: Any = aioboto3.Session(
                botocore_session=core, region_name=region, profile_name=profile
            )
        tidy(core)
        self._endpoints = endpoints

    def client(self, service: str, timing: Timing, region: str | None) -> AbstractAsyncContextManager[Any]:
        """A client for one service, open while the context lasts."""
        config = AioConfig(
            connect_timeout=timing.connect,
            read_timeout=timing.read,
            retries={"total_max_attempts": timing.attempts, "mode": "standard"},
            account_id_endpoint_mode="disabled",
            max_pool_connections=20,
            connector_args={"keepalive_timeout": 55},
            http_session_cls=SharedTls,
        )
        opened: object = self._session.client(
            service, region_name=region, endpoint_url=self._endpoints.get(service), config=config
        )
        return cast("AbstractAsyncContextManager[Any]", opened)


class _Provided(AioSession):
    """A botocore session whose credentials are asked for anew at every signature."""

    def __init__(self, provider: Callable[[], Awaitable[AwsCredentials]]) -> None:
        super().__init__()
        self._provided = _ProvidedCredentials(provider)

    async def get_credentials(self) -> AioCredentials:  # type: ignore[override]
        return self._provided


class _ProvidedCredentials(AioCredentials):
    def __init__(self, provider: Callable[[], Awaitable[AwsCredentials]]) -> None:
        super().__init__("unused", "unused", method="sentinel")
        self._provider = provider

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:  # type: ignore[override]
        given = await self._provider()
        token = given.session_token
        return ReadOnlyCredentials(
            given.access_key_id, given.secret_access_key.reveal(), token.reveal() if token else None
        )


def _date_observer(observe: Callable[[datetime], None]) -> Callable[..., None]:
    def look(parsed_response: Mapping[str, Any] | None = None, **_: object) -> None:
        headers = ((parsed_response or {}).get("ResponseMetadata") or {}).get("HTTPHeaders") or {}
        try:
            seen = parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError, TypeError):
            return
        if seen.tzinfo is not None:
            observe(seen)

    return look
