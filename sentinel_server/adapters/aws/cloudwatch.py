"""Sends log lines to CloudWatch Logs: PutLogEvents, and CreateLogStream where a stream is not there yet.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html has the limits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors, error_code, from_aws
from sentinel_server.adapters.aws.clients import LogsClient
from sentinel_server.auditlog.chain import FILE_NAME
from sentinel_server.auditlog.query import read_entry
from sentinel_server.auditlog.shipping import Batch, Limits
from sentinel_server.errors import AuditUnavailable

OpenLogs = Callable[[AsyncExitStack], Awaitable[LogsClient]]
"""Opens a client on the stack that is given. Raises SentinelError."""
_DAY = int(timedelta(hours=24) / timedelta(milliseconds=1))
_KEPT = "older than 14 days or than the group keeps, or from the future"


class CloudWatchOutlet:
    """An Outlet. The client is opened when there is first something to send.

    `stream_of` names a writer's stream. `note` is told what CloudWatch takes from nobody any more.
    """

    name = "cloudwatch"
    limits = Limits(lines=10_000, size=1_048_576, overhead=26)

    def __init__(
        self, open_client: OpenLogs, group: str, stream_of: Callable[[str], str], note: Callable[[str], None]
    ) -> None:
        self._open = open_client
        self._group = group
        self._stream_of = stream_of
        self._note = note
        self._stack = AsyncExitStack()
        self._client: LogsClient | None = None

    async def send(self, batch: Batch) -> None:
        """Return when CloudWatch has the lines. Raises SentinelError."""
        named = FILE_NAME.fullmatch(batch.file)
        stream = self._stream_of(named["writer"] if named else "unknown")
        with answer_errors(f"sending the audit log to {self._group}", AuditUnavailable):
            client = await self._opened()
            for events in within_a_day(log_events(batch.lines)):
                await self._put(client, stream, events)

    async def close(self) -> None:
        """Let go of the client."""
        self._client = None
        await self._stack.aclose()

    async def _opened(self) -> LogsClient:
        if self._client is None:
            self._client = await self._open(self._stack)
        return self._client

    async def _put(self, client: LogsClient, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            answer = await self._written(client, stream, events)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            await self._make(client, stream)
            answer = await self._written(client, stream, events)
        if answer.get("rejectedLogEventsInfo"):
            self._note(f"cloudwatch did not take some of the audit log in {stream}: {_KEPT}")

    async def _written(
        self, client: LogsClient, stream: str, events: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """What CloudWatch said."""
        return from_aws(
            await client.put_log_events(logGroupName=self._group, logStreamName=stream, logEvents=events)
        )

    async def _make(self, client: LogsClient, stream: str) -> None:
        """The stream, which somebody else may be making, too."""
        try:
            await client.create_log_stream(logGroupName=self._group, logStreamName=stream)
        except ClientError as error:
            code = error_code(error)
            if code == "ResourceNotFoundException":
                hint = f"make it: aws logs create-log-group --log-group-name {self._group}"
                raise AuditUnavailable(f"there is no log group {self._group}", hint=hint) from error
            if code != "ResourceAlreadyExistsException":
                raise


def log_events(lines: Sequence[bytes]) -> list[Mapping[str, Any]]:
    """Lines as CloudWatch wants them: its times never go back, and what has none takes that before it."""
    at = 0
    events: list[Mapping[str, Any]] = []
    for line in lines:
        entry = read_entry(line)
        with suppress(ValueError):
            at = max(at, _milliseconds(str(entry["at"])) if entry else at)
        events.append({"timestamp": at, "message": line.decode("utf-8", "replace")})
    return events


def within_a_day(events: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The events in runs of at most 24 hours."""
    start = 0
    for index, event in enumerate(events):
        if event["timestamp"] - events[start]["timestamp"] >= _DAY:
            yield events[start:index]
            start = index
    if events:
        yield events[start:]


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
