"""The second hop: AssumeRole with our stamp, or nothing.

A stamp that STS refuses is never left out, and an answer without the stamp, or one that lasts longer than was
asked for, is not handed on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import aws_errors, error_code
from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.clock import Clock
from sentinel_server.credentials.deadline import deadline_policy
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import BaseCredentials, RoleAsk
from sentinel_server.errors import CannotStamp, RoleRefused, SentinelError, UpstreamFailed
from sentinel_server.secret import Secret

if TYPE_CHECKING:
    from types_aiobotocore_sts import STSClient
    from types_aiobotocore_sts.type_defs import (
        AssumeRoleRequestTypeDef,
        AssumeRoleResponseTypeDef,
        CredentialsTypeDef,
    )

STS_TIMING = Timing(connect=1.0, read=3.0, attempts=2)
"""For every call to STS; the caller bounds the whole."""

CHAINED_LIMIT = timedelta(hours=1)
"""The longest session that a role session can get, and that every role allows."""

SHORTEST = timedelta(minutes=15)
"""The shortest session STS gives."""

TOLERANCE = timedelta(seconds=60)
"""How much later than asked a session may end, for clocks that differ."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_WHO = re.compile(r"User: (\S+) is not authorized")


class StsClient:
    """One STS client, opened at first use and kept."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: STSClient | None = None

    async def get(self) -> STSClient:
        """The client. Raises UpstreamFailed, InvalidSetting."""
        async with self._opening:
            if self._client is None:
                with sts_errors("opening STS"):
                    self._client = await self._stack.enter_async_context(
                        self._session.calls("sts", STS_TIMING)
                    )
            return self._client

    async def close(self) -> None:
        """Let go of its connections."""
        self._client = None
        await self._stack.aclose()


class StsAssumer:
    """A RoleAssumer that asks STS through `client`, which signs with the base credentials."""

    def __init__(self, client: StsClient, base: BaseCredentials, clock: Clock) -> None:
        self._client = client
        self._base = base
        self._clock = clock

    async def assume(self, ask: RoleAsk) -> AwsCredentials:
        """A stamped session that lasts as asked, or an hour when the role or STS allows no more.

        Raises CannotStamp, RoleRefused, LoginRequired, IdentityUnavailable, ClockSkewed, UpstreamFailed.
        """
        client = await self._client.get()
        with sts_errors(f"assuming {ask.role_arn}"):
            try:
                answer = await _assume(client, ask, ask.duration)
            except ClientError as error:
                if ask.duration <= CHAINED_LIMIT or not _too_long(error):
                    raise _refusal(error, ask) from error
                answer = await self._for_an_hour(client, ask)
            return self._checked(answer, ask)

    async def session_token(self, duration: timedelta) -> AwsCredentials:
        """A session of the base credentials: by GetSessionToken for long-lived keys, else themselves.

        Temporary credentials that do not say when they end are said to end after STS's shortest session, so
        that they are asked for again. Raises LoginRequired, IdentityUnavailable, UpstreamFailed.
        """
        base = await self._base.resolve()
        if base.session_token is not None:
            until = base.expires_at or self._clock.now() + min(duration, SHORTEST)
            return replace(base, expires_at=until)
        client = await self._client.get()
        with sts_errors("asking for a session token"):
            answer = await client.get_session_token(DurationSeconds=_seconds(max(duration, SHORTEST)))
            given = credentials_from(answer["Credentials"])
            self._refuse_too_long(given, max(duration, SHORTEST))
        return given

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    async def _for_an_hour(self, client: STSClient, ask: RoleAsk) -> AssumeRoleResponseTypeDef:
        try:
            return await _assume(client, ask, CHAINED_LIMIT)
        except ClientError as error:
            raise _refusal(error, ask) from error

    def _checked(self, answer: AssumeRoleResponseTypeDef, ask: RoleAsk) -> AwsCredentials:
        if answer.get("SourceIdentity") != ask.source_identity:
            raise UpstreamFailed(f"STS gave a session of {ask.role_arn} without our stamp; it is not used")
        given = credentials_from(answer["Credentials"])
        self._refuse_too_long(given, ask.duration)
        return given

    def _refuse_too_long(self, given: AwsCredentials, asked: timedelta) -> None:
        if given.expires_at is None or given.expires_at > self._clock.now() + asked + TOLERANCE:
            raise UpstreamFailed("STS gave a session that lasts longer than was asked for; it is not used")


@contextmanager
def sts_errors(doing: str) -> Iterator[None]:
    """Raises whatever goes wrong inside as an error of ours; what has no better one is UpstreamFailed."""
    try:
        with aws_errors(doing, UpstreamFailed):
            yield
    except SentinelError:
        raise
    except Exception as error:
        raise UpstreamFailed(f"{doing}: STS's answer cannot be used ({type(error).__name__})") from error


_MEMBERS: Mapping[Literal["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"], type] = {
    "AccessKeyId": str,
    "SecretAccessKey": str,
    "SessionToken": str,
    "Expiration": datetime,
}


def credentials_from(given: CredentialsTypeDef) -> AwsCredentials:
    """STS's `Credentials` as ours. Raises KeyError and TypeError for what is none."""
    for name, kind in _MEMBERS.items():
        if not isinstance(given[name], kind) or not given[name]:
            raise TypeError(name)
    return AwsCredentials(
        access_key_id=given["AccessKeyId"],
        secret_access_key=Secret(given["SecretAccessKey"]),
        session_token=Secret(given["SessionToken"]),
        expires_at=given["Expiration"],
    )


async def _assume(client: STSClient, ask: RoleAsk, duration: timedelta) -> AssumeRoleResponseTypeDef:
    request: AssumeRoleRequestTypeDef = {
        "RoleArn": ask.role_arn,
        "RoleSessionName": ask.role_session_name,
        "SourceIdentity": ask.source_identity,
        "DurationSeconds": _seconds(duration),
    }
    if ask.external_id is not None:
        request["ExternalId"] = ask.external_id
    if ask.not_after is not None:
        request["Policy"] = deadline_policy(ask.not_after)
    if ask.tags:
        request["Tags"] = [{"Key": key, "Value": value} for key, value in ask.tags]
    return await client.assume_role(**request)


def _refusal(error: ClientError, ask: RoleAsk) -> Exception:
    """What a refusal by AWS means; anything but AccessDenied is left to `aws_errors`."""
    if error_code(error) not in _DENIED:
        return error
    said = str(error.response.get("Error", {}).get("Message", ""))
    if "sourceidentity" in said.lower():
        return CannotStamp(
            f"STS does not let sessions of {ask.role_arn} be stamped",
            hint="allow sts:SetSourceIdentity in its trust policy and in your permissions; if the base "
            "session carries a SourceIdentity already, use a source_profile without one",
        )
    if "sts:TagSession" in said:
        return RoleRefused(
            f"STS does not let sessions of {ask.role_arn} be tagged",
            hint="allow sts:TagSession in its trust policy and in your permissions, "
            "or set session_tags: false",
        )
    found = _WHO.search(said)
    who = found.group(1) if found else "the base credentials"
    return RoleRefused(f"AWS does not let {who} assume {ask.role_arn}")


def _too_long(error: ClientError) -> bool:
    said = str(error.response.get("Error", {}).get("Message", "")).lower()
    return error_code(error) == "ValidationError" and "durationseconds" in said and "exceeds" in said


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
