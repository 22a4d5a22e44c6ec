"""Opens AWS clients: whose credentials, which endpoint, how long to wait.

Every answer's `Date` header is handed to `observe`, so that the clock knows how far this machine's is off.
Nothing here retries beyond what `Timing` says, because a fetch has a deadline.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, overload

from sentinel_server.adapters.aws.direct.client import SERVICES, DirectClient
from sentinel_server.adapters.aws.direct.endpoints import endpoint
from sentinel_server.adapters.aws.timing import PATIENT, Timing
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.endpoints import Direct
from sentinel_server.credentials.model import AwsCredentials

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient
    from types_aiobotocore_ssm import SSMClient
    from types_aiobotocore_sts import STSClient

    from sentinel_server.adapters.aws.boto import BotoSession

CredentialsProvider = Callable[[], Awaitable[AwsCredentials]]
"""Gives the credentials to sign the next request with; asked before every attempt, so it must be quick."""


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
    With `direct`, `calls` needs no botocore.
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
        direct: Direct | None = None,
    ) -> None:
        self._region = region
        self._credentials = credentials
        self._profile = profile
        self._endpoints = dict(endpoints or {})
        self._observe = observe
        self._config_files = config_files
        self._direct = None if _has_system_proxies() else direct

    @overload
    def calls(
        self, service: Literal["dynamodb"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[DynamoDBClient]: ...
    @overload
    def calls(
        self, service: Literal["kms"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[KmsClient]: ...
    @overload
    def calls(
        self, service: Literal["ssm"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[SSMClient]: ...
    @overload
    def calls(
        self, service: Literal["sts"], timing: Timing = ..., region: str | None = ...
    ) -> AbstractAsyncContextManager[STSClient]: ...
    def calls(
        self,
        service: Literal["dynamodb", "kms", "ssm", "sts"],
        timing: Timing = PATIENT,
        region: str | None = None,
    ) -> AbstractAsyncContextManager[Any]:
        """A client for the operations in `SERVICES`, open while the context lasts; opening it costs nothing.

        Where the way to AWS is unusual it is `client`'s.
        """
        region = region or self._region
        if self._direct is not None and self._credentials is not None and region is not None:
            at = endpoint(service, region, self._endpoints.get(service))
            if at is not None:
                return DirectClient(
                    SERVICES[service],
                    at,
                    credentials=self._credentials,
                    timing=timing,
                    clock=SystemClock(),
                    ca_bundle=self._direct.ca_bundle,
                    observe=self._observe,
                )
        opened: object = self.client(service, timing, region)
        return cast("AbstractAsyncContextManager[Any]", opened)

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
        """A client for one service, open while the context lasts, for any operation.

        The first one imports aioboto3, some 400 ms; opening the first of a service takes 50 ms more.
        """
        return self._boto.client(service, timing, region)

    @cached_property
    def _boto(self) -> BotoSession:
        from sentinel_server.adapters.aws.boto import BotoSession

        return BotoSession(
            region=self._region,
            credentials=self._credentials,
            profile=self._profile,
            endpoints=self._endpoints,
            observe=self._observe,
            config_files=self._config_files,
        )


def _has_system_proxies() -> bool:
    """Whether the system's settings, which botocore follows, may name proxies that no variable does."""
    if sys.platform == "linux":
        return False
    else:
        from urllib.request import getproxies

        return bool(getproxies())
