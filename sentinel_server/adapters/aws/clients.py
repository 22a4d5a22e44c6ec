"""Opens AWS clients: whose credentials, which endpoint, how long to wait; and turns AWS's errors into ours.

Every answer's `Date` header is handed to `observe`, so that the clock knows how far this machine's is off.
Nothing here retries beyond what `Timing` says, because a fetch has a deadline.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, overload

import aioboto3
from aiobotocore.config import AioConfig
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from sentinel_server.adapters.aws.tls import SharedTls
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import (
    ClockSkewed,
    IdentityUnavailable,
    InvalidSetting,
    LoginRequired,
    SentinelError,
    UnknownProfile,
)

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_ssm import SSMClient
    from types_aiobotocore_sts import STSClient

CredentialsProvider = Callable[[], Awaitable[AwsCredentials]]
"""Gives the credentials to sign the next request with; asked before every attempt, so it must be quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a client waits, in seconds, and how often it tries in all."""

    connect: float
    read: float
    attempts: int


PATIENT = Timing(connect=2.0, read=10.0, attempts=3)
"""For commands that a person waits for."""

URGENT = Timing(connect=0.5, read=0.7, attempts=1)
"""For what happens inside a fetch: whoever calls repeats what is worth repeating."""


class KmsClient(Protocol):
    """The two operations of KMS that we use; its members are those of botocore's client."""

    async def get_public_key(self, *, KeyId: str) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html"""
        ...

    async def sign(
        self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str
    ) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"""
        ...


class SnsClient(Protocol):
    """The one operation of SNS that we use; its members are those of botocore's client."""

    async def publish(
        self,
        *,
        Message: str,
        TopicArn: str = ...,
        PhoneNumber: str = ...,
        Subject: str = ...,
        MessageAttributes: Mapping[str, Mapping[str, str]] = ...,
        MessageGroupId: str = ...,
        MessageDeduplicationId: str = ...,
    ) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
        ...


class IamClient(Protocol):
    """The operations of IAM that we use; its members are those of botocore's client."""

    async def list_access_keys(self, *, UserName: str) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html"""
        ...

    async def create_access_key(self, *, UserName: str) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html"""
        ...

    async def delete_access_key(self, *, UserName: str, AccessKeyId: str) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html"""
        ...


class LogsClient(Protocol):
    """The two operations of CloudWatch Logs that we use; its members are those of botocore's client."""

    async def put_log_events(
        self, *, logGroupName: str, logStreamName: str, logEvents: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""
        ...

    async def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> Mapping[str, Any]:
        """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html"""
        ...


class AwsSession:
    """Makes clients that share one set of credentials, one region and one clock observer.

    Credentials come from `credentials` when given, else from the AWS profile `profile`, else from botocore's
    own chain. `endpoints` maps a service's name to the URL to use instead of AWS's. `config_files` are the
    config and the credentials file to read settings from, instead of those that `AWS_CONFIG_FILE` names.
    """

    def __init__(
        self,
        *,
        region: str | None,
        credentials: CredentialsProvider | None = None,
        profile: str | None = None,
        endpoints: Mapping[str, str] | None = None,
        observe: Callable[[datetime], None] | None = None,
        config_files: tuple[Path, Path] | None = None,
    ) -> None:
        core = AioSession() if credentials is None else _Provided(credentials)
        for name, path in zip(("config_file", "credentials_file"), config_files or (), strict=False):
            core.set_config_variable(name, str(path))
        if observe is not None:
            core.register("response-received", _date_observer(observe))
        with aws_errors("opening an AWS session", InvalidSetting):
            if profile is not None:
                # One that only the keyring knows; without a name, settings would be AWS_PROFILE's.
                core.full_config["profiles"].setdefault(profile, {})
            self._session = aioboto3.Session(botocore_session=core, region_name=region, profile_name=profile)
        self._endpoints = dict(endpoints or {})

    @overload
    def client(
        self, service: Literal["dynamodb"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[DynamoDBClient]: ...
    @overload
    def client(
        self, service: Literal["ssm"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[SSMClient]: ...
    @overload
    def client(
        self, service: Literal["sts"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[STSClient]: ...
    @overload
    def client(
        self, service: Literal["kms"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[KmsClient]: ...
    @overload
    def client(
        self, service: Literal["sns"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[SnsClient]: ...
    @overload
    def client(
        self, service: Literal["iam"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[IamClient]: ...
    @overload
    def client(
        self, service: Literal["logs"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[LogsClient]: ...
    def client(
        self,
        service: Literal["dynamodb", "iam", "kms", "logs", "sns", "ssm", "sts"],
        timing: Timing = PATIENT,
        region: str | None = None,
    ) -> AbstractAsyncContextManager[Any]:
        """A client for one service, open while the context lasts; opening it takes about 50 ms."""
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

    def __init__(self, provider: CredentialsProvider) -> None:
        super().__init__()
        self._provided = _ProvidedCredentials(provider)

    async def get_credentials(self) -> AioCredentials:  # type: ignore[override]
        return self._provided


class _ProvidedCredentials(AioCredentials):
    def __init__(self, provider: CredentialsProvider) -> None:
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


@contextmanager
def aws_errors(
    doing: str, otherwise: type[SentinelError], denied: type[SentinelError] | None = None
) -> Iterator[None]:
    """Raises what goes wrong inside as an error of ours; `doing` says what was tried, as in `reading X`.

    Lapsed or missing credentials, an unknown profile and a wrong clock have errors of their own; what
    permissions do not allow is `denied`, when given, and all else is `otherwise`.
    """
    try:
        yield
    except (ClientError, BotoCoreError, OSError, TimeoutError) as error:
        raise translate(error, doing, otherwise, denied) from error


def translate(
    error: BaseException,
    doing: str,
    otherwise: type[SentinelError],
    denied: type[SentinelError] | None = None,
) -> SentinelError:
    """The error of ours that says what `error` means for whoever waits."""
    if isinstance(error, ClientError):
        return _from_answer(error, doing, otherwise, denied or otherwise)
    what = _first_line(error) or type(error).__name__
    for kind, ours in _LOCAL.items():
        if isinstance(error, kind):
            return ours(f"{doing}: {what}")
    return otherwise(f"{doing}: {what}")


def error_code(error: ClientError) -> str:
    """AWS's name for what happened, such as `ThrottlingException`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def _from_answer(
    error: ClientError, doing: str, otherwise: type[SentinelError], denied: type[SentinelError]
) -> SentinelError:
    code = error_code(error)
    said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:400]
    text = f"{doing}: {code}: {said}" if said else f"{doing}: {code}"
    if code in _SKEW or (code in _SIGNATURE and ("expired" in said or "not yet current" in said)):
        return ClockSkewed(text)
    if code in _LAPSED:
        return LoginRequired(text)
    if code in _UNKNOWN or code in _SIGNATURE:
        return IdentityUnavailable(text)
    if code in DENIED:
        return denied(text, hint="let the base credentials do this; sentinel's docs list the permissions")
    return otherwise(text)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:400]


_LOCAL: Mapping[type[BaseException], type[SentinelError]] = {
    NoCredentialsError: IdentityUnavailable,
    ProfileNotFound: UnknownProfile,
    NoRegionError: InvalidSetting,
    TokenRetrievalError: LoginRequired,
    SSOError: LoginRequired,
}
_SKEW = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_SIGNATURE = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_LAPSED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_UNKNOWN = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "MissingAuthenticationToken",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
