"""The log in CloudWatch: the very lines, a stream for each writer, and what is said when it takes none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.adapters.aws.clients import AwsSession, LogsClient
from sentinel_server.adapters.aws.cloudwatch import CloudWatchOutlet, log_events, within_a_day
from sentinel_server.adapters.aws.timing import Timing
from sentinel_server.adapters.local.log_cursor import FileCursor
from sentinel_server.adapters.local.log_reader import LogReader
from sentinel_server.auditlog.shipping import Batch, Shipper
from sentinel_server.auditlog.verify import verify
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import AuditUnavailable
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.secret import Secret
from tests.fakes.auditlogs import KEYS, a_log, a_name
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.receiver import receiving, says

GROUP = "/sentinel/audit"
META = {"ResponseMetadata": {"RequestId": "0f6a4c3e-0000-4000-8000-000000000001", "HTTPStatusCode": 200}}
NOW = SystemClock().now()
FIRST_LOG, SECOND_LOG = a_log(start=NOW), a_log(writer="b" * 16, start=NOW)
FIRST, SECOND = a_name(0), a_name(1, "b" * 16)


class Logs:
    """An embedded CloudWatch, and our outlet to it."""

    def __init__(self, sandbox: Sandbox, keys: UserKeys | None = None) -> None:
        self.sandbox = sandbox
        self.notes: list[str] = []
        self.stack = AsyncExitStack()
        self.root = sandbox.client("logs")
        self.url = sandbox.aws.url
        used = keys or sandbox.dev
        self._keys = AwsCredentials(
            access_key_id=used.access_key_id, secret_access_key=Secret(used.secret_access_key)
        )
        self.outlet = CloudWatchOutlet(self._open, GROUP, lambda writer: f"host/{writer}", self.notes.append)

    async def _open(self, stack: AsyncExitStack) -> LogsClient:
        session = AwsSession(
            region=self.sandbox.aws.region, credentials=self._given, endpoints={"logs": self.url}
        )
        timing = Timing(connect=2.0, read=5.0, attempts=1)
        return await stack.enter_async_context(session.client("logs", timing))

    async def _given(self) -> AwsCredentials:
        return self._keys

    def messages(self, writer: str) -> list[str]:
        """What is in a writer's stream."""
        answer = self.root.get_log_events(logGroupName=GROUP, logStreamName=f"host/{writer}")
        return [event["message"] for event in answer["events"]]


@pytest.fixture
async def logs() -> AsyncIterator[Logs]:
    with embedded_aws() as sandbox:
        made = Logs(sandbox)
        made.root.create_log_group(logGroupName=GROUP)
        yield made
        await made.outlet.close()


@pytest.fixture
def shipper(logs: Logs, tmp_path: Path) -> Shipper:
    (tmp_path / FIRST).write_bytes(FIRST_LOG)
    (tmp_path / SECOND).write_bytes(SECOND_LOG)
    return Shipper(
        LogReader(tmp_path),
        logs.outlet,
        FileCursor(tmp_path, "cloudwatch"),
        note=logs.notes.append,
        chance=lambda: 0.5,
    )


async def test_every_writer_has_a_stream_with_the_very_lines_of_its_files(
    logs: Logs, shipper: Shipper
) -> None:
    assert await shipper.ship() == 24
    assert logs.messages("a" * 16) == FIRST_LOG.decode().splitlines()
    assert logs.messages("b" * 16) == SECOND_LOG.decode().splitlines()
    assert logs.notes == []


async def test_what_cloudwatch_has_can_be_verified(logs: Logs, shipper: Shipper) -> None:
    await shipper.ship()
    copy = "".join(f"{message}\n" for message in logs.messages("a" * 16)).encode()
    assert verify({"-": copy}, KEYS).findings == ()
    assert verify({"-": copy.replace(b'"count":3', b'"count":4')}, KEYS).exit_status == 1


async def test_nothing_but_writing_is_asked_of_cloudwatch(logs: Logs, shipper: Shipper) -> None:
    logs.sandbox.aws.forget_calls()
    await shipper.ship()
    asked = [call.operation for call in logs.sandbox.aws.calls_to("logs")]
    assert asked == ["PutLogEvents", "CreateLogStream", "PutLogEvents"] * 2
    logs.sandbox.aws.forget_calls()
    assert await shipper.ship() == 0
    assert logs.sandbox.aws.calls_to("logs") == []


async def test_a_writer_may_write_and_not_read_or_remove(logs: Logs, shipper: Shipper) -> None:
    arn = f"arn:aws:logs:*:*:log-group:{GROUP}:log-stream:*"
    allowed = {"Effect": "Allow", "Action": ["logs:PutLogEvents", "logs:CreateLogStream"], "Resource": arn}
    keys = logs.sandbox.aws.add_user("writer", policy={"Version": "2012-10-17", "Statement": [allowed]})
    writer = Logs(logs.sandbox, keys)
    batch = Batch(file=FIRST, lines=tuple(FIRST_LOG.splitlines()), end=0)
    await writer.outlet.send(batch)
    await writer.outlet.close()
    assert logs.messages("a" * 16) == FIRST_LOG.decode().splitlines()
    theirs: Any = logs.sandbox.client("logs", keys)
    with pytest.raises(Exception, match="AccessDenied"):
        theirs.delete_log_stream(logGroupName=GROUP, logStreamName=f"host/{'a' * 16}")


async def test_a_group_that_is_not_there_is_named_with_the_way_to_make_it(
    logs: Logs, shipper: Shipper
) -> None:
    logs.root.delete_log_group(logGroupName=GROUP)
    with pytest.raises(AuditUnavailable, match="there is no log group /sentinel/audit") as refused:
        await shipper.ship()
    assert "create-log-group" in refused.value.hint


@pytest.mark.parametrize("kind", ["throttle", "deny", "drop", "reset", "error500"])
async def test_w34_a_cloudwatch_that_fails_loses_nothing(logs: Logs, shipper: Shipper, kind: Any) -> None:
    logs.sandbox.aws.fail(service="logs", kind=kind)
    with pytest.raises(AuditUnavailable, match="sending the audit log to /sentinel/audit"):
        await shipper.ship()
    logs.sandbox.aws.heal()
    assert await shipper.ship() == 24
    assert logs.messages("a" * 16) == FIRST_LOG.decode().splitlines()


@pytest.mark.parametrize("has_stream", [True, False], ids=["there", "to be made"])
async def test_a_foreign_answer_with_status_200_is_not_taken_for_shipped(
    logs: Logs, shipper: Shipper, has_stream: bool
) -> None:
    if has_stream:
        for writer in ("a", "b"):
            logs.root.create_log_stream(logGroupName=GROUP, logStreamName=f"host/{writer * 16}")
    logs.sandbox.aws.fail(service="logs", kind="wrong-json")
    with pytest.raises(AuditUnavailable, match="/sentinel/audit: the answer is not one of AWS"):
        await shipper.ship()
    logs.sandbox.aws.heal()
    assert await shipper.ship() == 24
    assert logs.messages("a" * 16) == FIRST_LOG.decode().splitlines()
    assert logs.messages("b" * 16) == SECOND_LOG.decode().splitlines()


async def test_a_foreign_answer_to_the_making_of_a_stream_ships_nothing_either(
    logs: Logs, shipper: Shipper
) -> None:
    logs.sandbox.aws.fail(service="logs", operation="CreateLogStream", kind="wrong-json")
    with pytest.raises(AuditUnavailable):
        await shipper.ship()
    logs.sandbox.aws.heal()
    assert await shipper.ship() == 24


@pytest.mark.parametrize("page", ["<html>log in first</html>", "", "{}", '{"nextSequenceToken": "1"}'])
async def test_no_page_of_a_network_that_wants_a_login_is_cloudwatchs(logs: Logs, page: str) -> None:
    async with receiving() as portal:
        portal.otherwise = says(200, page)
        logs.url = f"http://127.0.0.1:{portal.port}"
        with pytest.raises(AuditUnavailable, match="sending the audit log to /sentinel/audit"):
            await logs.outlet.send(Batch(file=FIRST, lines=tuple(FIRST_LOG.splitlines()), end=0))
        assert len(portal.got) == 1
        await logs.outlet.close()


async def test_lines_too_old_for_cloudwatch_are_said_to_be_lost_to_it(logs: Logs) -> None:
    class TakesNone:
        async def put_log_events(self, **_: object) -> dict[str, object]:
            return {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 3}, **META}

        async def create_log_stream(self, **_: object) -> dict[str, object]:
            return {}

    async def open_client(stack: AsyncExitStack) -> LogsClient:
        return TakesNone()

    outlet = CloudWatchOutlet(open_client, GROUP, lambda writer: writer, logs.notes.append)
    await outlet.send(Batch(file=FIRST, lines=tuple(FIRST_LOG.splitlines()), end=0))
    assert "older than 14 days" in logs.notes[0]


def line(at: str) -> bytes:
    return f'{{"action":"served","at":"{at}"}}'.encode()


def test_times_never_go_back_and_a_line_without_one_takes_that_before_it() -> None:
    lines = [
        line("2026-03-01T09:00:01.500Z"),
        line("2026-03-01T09:00:00.000Z"),
        b"\xff",
        line("soon"),
        line("2026-03-01T09:00:02Z"),
    ]
    times = [event["timestamp"] for event in log_events(lines)]
    assert times == [1772355601500] * 4 + [1772355602000]


def test_a_request_spans_less_than_a_day() -> None:
    events = log_events([line(f"2026-03-0{day}T{hour}:00:00Z") for day in (1, 2, 3) for hour in ("08", "20")])
    runs = list(within_a_day(events))
    assert [len(run) for run in runs] == [2, 2, 2]
    assert [event for run in runs for event in run] == events
    assert list(within_a_day([])) == []
