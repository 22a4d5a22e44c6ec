"""One service of AWS by direct calls, in the shape of botocore's clients and with their errors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ChecksumError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from sentinel_server import __version__
from sentinel_server.adapters.aws.direct.connections import LARGEST, Connections
from sentinel_server.adapters.aws.direct.endpoints import Endpoint
from sentinel_server.adapters.aws.direct.protocols import (
    JsonProtocol,
    Parsed,
    QueryProtocol,
    Refused,
    Reply,
    WireProtocol,
)
from sentinel_server.adapters.aws.direct.signature import Scope, signed
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.frozen import frozen


@frozen
class Service:
    """A service's protocol and the operations that are called directly, by their names as methods.

    `largest` is the bytes of an answer that is read.
    """

    protocol: WireProtocol
    operations: Mapping[str, str]
    largest: int = 2**20


def _named(*operations: str) -> dict[str, str]:
    """`GetParameter` by `get_parameter`, as botocore names methods."""
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in each)[1:]: each for each in operations}


SERVICES: Mapping[str, Service] = {
    "dynamodb": Service(
        protocol=JsonProtocol(target="DynamoDB_20120810", version="1.0"),
        operations=_named("BatchGetItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"),
        largest=LARGEST,
    ),
    "kms": Service(
        protocol=JsonProtocol(
            target="TrentService", version="1.1", blobs=frozenset({"PublicKey", "Signature"})
        ),
        operations=_named("GetPublicKey", "Sign"),
    ),
    "ssm": Service(
        protocol=JsonProtocol(target="AmazonSSM", version="1.1"),
        operations=_named("GetParameter", "GetParameters"),
    ),
    "sts": Service(
        protocol=QueryProtocol(version="2011-06-15", instants=frozenset({"Expiration"})),
        operations=_named("AssumeRole", "GetCallerIdentity", "GetSessionToken"),
    ),
}

_TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
_TRANSIENT_STATUS = frozenset({500, 502, 503, 504})
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "RequestThrottled",
        "SlowDown",
        "EC2ThrottledException",
    }
)
"""What is tried again, as by the SDKs' standard mode:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""


@frozen
class Meta:
    """What a client says of itself, as botocore's do."""

    region_name: str
    endpoint_url: str


class ConditionalCheckFailedException(ClientError):  # AWS's own name
    """A condition of DynamoDB's did not hold."""


class ResourceNotFoundException(ClientError):  # AWS's own name
    """There is no such table."""


_KINDS: Mapping[str, type[ClientError]] = {
    kind.__name__: kind for kind in (ConditionalCheckFailedException, ResourceNotFoundException)
}


class Exceptions:
    """The errors that callers catch by `client.exceptions`; any other is a plain ClientError."""

    ConditionalCheckFailedException = ConditionalCheckFailedException
    ResourceNotFoundException = ResourceNotFoundException


class DirectClient:
    """Calls the operations of one service, each a method; `async with` it, so that connections are closed.

    A method takes and gives what botocore's does, and raises ClientError, or a BotoCoreError for what is no
    answer. `credentials` are asked for at every attempt.
    """

    def __init__(
        self,
        service: Service,
        endpoint: Endpoint,
        *,
        credentials: Callable[[], Awaitable[AwsCredentials]],
        timing: Timing,
        clock: Clock,
        ca_bundle: str | None = None,
        observe: Callable[[datetime], None] | None = None,
    ) -> None:
        self.meta = Meta(region_name=endpoint.region, endpoint_url=endpoint.url)
        self.exceptions = Exceptions()
        self._service = service
        self._endpoint = endpoint
        self._scope = Scope(service=endpoint.service, region=endpoint.region)
        self._credentials = credentials
        self._attempts = timing.attempts
        self._clock = clock
        self._observe = observe
        self._connections = Connections(
            endpoint.url,
            connect=timing.connect,
            read=timing.read,
            ca_bundle=ca_bundle,
            largest=service.largest,
            monotonic=clock.monotonic,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connections.close()

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Parsed]]:
        operation = self._service.operations.get(method)
        if operation is None:
            raise AttributeError(f"{method} of {self._endpoint.service} is not called directly")

        async def call(**parameters: Any) -> Parsed:
            return await self._call(operation, parameters)

        return call

    async def _call(self, operation: str, parameters: Parsed) -> Parsed:
        headers, body = self._service.protocol.request(operation, parameters)
        for attempt in range(1, self._attempts):
            try:
                return await self._attempt(operation, headers, body)
            except (ClientError, BotoCoreError) as error:
                if not _passes(error):
                    raise
            await asyncio.sleep(random.random() * min(2 ** (attempt - 1), 20))  # noqa: S311 (jitter)
        return await self._attempt(operation, headers, body)

    async def _attempt(self, operation: str, headers: Mapping[str, str], body: bytes) -> Parsed:
        complete = signed(
            {**headers, "host": self._endpoint.host},
            body,
            path=self._endpoint.path,
            scope=self._scope,
            credentials=await self._credentials(),
            at=self._clock.now(),
        )
        complete["user-agent"] = f"sentinel/{__version__}"
        reply = await self._connections.post(self._endpoint.path, complete, body)
        answer = self._service.protocol.answer(operation, reply)
        self._look_at_the_date(reply)  # only now: whoever does not answer as AWS does not set the clock
        if isinstance(answer, Refused):
            raise self._error(answer, reply, operation)
        return answer

    def _error(self, refused: Refused, reply: Reply, operation: str) -> ClientError:
        response: Any = {
            **refused.members,
            "Error": {"Code": refused.code, "Message": refused.message},
            "ResponseMetadata": {"HTTPStatusCode": reply.status, "HTTPHeaders": dict(reply.headers)},
        }
        return _KINDS.get(refused.code, ClientError)(response, operation)

    def _look_at_the_date(self, reply: Reply) -> None:
        try:
            seen = parsedate_to_datetime(reply.headers["date"])
        except (KeyError, ValueError, TypeError, OverflowError):
            return
        if self._observe is not None and seen.tzinfo is not None:
            self._observe(seen)


def _passes(error: ClientError | BotoCoreError) -> bool:
    """Whether it may go otherwise in a moment."""
    if not isinstance(error, ClientError):
        return isinstance(error, (NoConnection, HTTPClientError, ChecksumError))
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return code in _TRANSIENT or code in _THROTTLED or status in _TRANSIENT_STATUS
