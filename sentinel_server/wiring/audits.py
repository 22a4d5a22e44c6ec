"""The audit log: where it is written, where it is sent, and how it is read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.errors import AuditUnavailable
from sentinel_server.wiring.audit_keys import LEAVING, head_signing, seal_key
from sentinel_server.wiring.principals import Say, control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.aws.clients import LogsClient
    from sentinel_server.adapters.aws.cloudwatch import CloudWatchOutlet
    from sentinel_server.auditlog.fanout import Destination
    from sentinel_server.auditlog.files import LogFiles
    from sentinel_server.auditlog.shipping import Outlet, Shipper
    from sentinel_server.auditlog.signing import HeadSigning
    from sentinel_server.auditlog.sink import AuditSink
    from sentinel_server.settings.resolve import Settings

_STDERR = 2


class Sending(Enum):
    """When what is written is sent on: all along, when the process ends, or by another process."""

    MEANWHILE = "meanwhile"
    AT_THE_END = "at the end"
    LATER = "later"


@asynccontextmanager
async def open_audit(
    settings: Settings,
    *,
    clock: SystemClock | None = None,
    say: Say = lambda _: None,
    control: BotoBase | None = None,
    sending: Sending = Sending.AT_THE_END,
) -> AsyncIterator[AuditSink]:
    """The audit log of this machine; what it cannot write is refused, or only said, as configured.

    `control` has the credentials for places in AWS; without it the operator's own are used.
    """
    from sentinel_server.auditlog.fanout import FanOut

    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        shippers = await _shippers(stack, settings, say, control)
        signing = head_signing(settings, clock, say, control, hurry=sending is Sending.LATER)
        places = [*_written(settings, clock, signing), *_guards(settings, clock, shippers)]
        sink: AuditSink = FanOut(places, say)
        if shippers and sending is not Sending.LATER:
            from sentinel_server.auditlog.shipping import Nudging

            sink = Nudging(sink, tuple(shippers))
            for shipper in shippers:
                stack.push_async_callback(shipper.close, LEAVING)
        stack.push_async_callback(sink.close)
        if sending is Sending.MEANWHILE:
            for shipper in shippers:
                stack.push_async_callback(_stop, asyncio.create_task(shipper.run()))
        yield sink


@asynccontextmanager
async def open_shippers(settings: Settings, say: Say) -> AsyncIterator[list[Shipper]]:
    """What sends the log to the places that `audit.sinks` names."""
    async with AsyncExitStack() as stack:
        shippers = await _shippers(stack, settings, say, None)
        for shipper in shippers:
            stack.callback(shipper.release)
        yield shippers


def log_reader(directory: Path) -> LogFiles:
    """Reads the log files of a directory."""
    from sentinel_server.adapters.local.log_reader import LogReader

    return LogReader(directory)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _written(settings: Settings, clock: SystemClock, signing: HeadSigning | None) -> list[Destination]:
    """The places that are written to at once; the file is the one that must be, or else stderr."""
    from sentinel_server.adapters.local.jsonl import JsonlAudit, QueuedAudit
    from sentinel_server.auditlog.fanout import Destination

    found: list[Destination] = []
    if "file" in settings.audit_sinks:
        log = JsonlAudit(
            settings.audit_directory,
            clock=clock,
            ids=SystemIds(),
            every=settings.audit_checkpoint_every,
            limit=settings.audit_file_mib * 1024 * 1024,
            key_file=seal_key(settings),
            signing=signing,
        )
        found.append(Destination(name="file", sink=log, required=settings.audit_required))
    if "stderr" in settings.audit_sinks:
        from sentinel_server.adapters.local.directories import make_directory
        from sentinel_server.adapters.local.log_directory import audit_errors, load_key
        from sentinel_server.adapters.local.stream_lines import StreamLines
        from sentinel_server.auditlog.chain import SealKey

        def key() -> SealKey:
            path = seal_key(settings)
            with audit_errors(path.parent):
                make_directory(path.parent)
                return load_key(path)

        lines = StreamLines(
            _STDERR, load_key=key, clock=clock, ids=SystemIds(), every=settings.audit_checkpoint_every
        )
        required = settings.audit_required and not found
        found.append(Destination(name="stderr", sink=QueuedAudit(lines, waits=required), required=required))
    return found


def _guards(settings: Settings, clock: SystemClock, shippers: list[Shipper]) -> list[Destination]:
    from sentinel_server.auditlog.fanout import Destination

    if settings.audit_max_lag is None:
        return []
    from sentinel_server.auditlog.shipping import LagGuard

    return [
        Destination(name=shipper.name, sink=LagGuard(shipper, clock, settings.audit_max_lag), required=True)
        for shipper in shippers
    ]


async def _shippers(
    stack: AsyncExitStack, settings: Settings, say: Say, control: BotoBase | None
) -> list[Shipper]:
    if not {"syslog", "cloudwatch"} & set(settings.audit_sinks):
        return []
    import random

    from sentinel_server.adapters.local.log_cursor import FileCursor
    from sentinel_server.auditlog.shipping import Shipper

    outlets: list[Outlet] = []
    if "syslog" in settings.audit_sinks:
        from sentinel_server.adapters.local.syslog import SyslogOutlet

        syslog = SyslogOutlet(settings.audit_syslog, host_name())
        stack.callback(syslog.close)
        outlets.append(syslog)
    if "cloudwatch" in settings.audit_sinks:
        cloudwatch = _cloudwatch(settings, say, control)
        stack.push_async_callback(cloudwatch.close)
        outlets.append(cloudwatch)
    files = log_reader(settings.audit_directory)
    return [
        Shipper(
            files,
            outlet,
            FileCursor(settings.audit_directory, outlet.name),
            note=say,
            chance=random.random,
        )
        for outlet in outlets
    ]


def _cloudwatch(settings: Settings, say: Say, control: BotoBase | None) -> CloudWatchOutlet:
    from sentinel_server.adapters.aws.cloudwatch import CloudWatchOutlet

    where = settings.audit_cloudwatch
    assert where is not None  # noqa: S101  # the settings have seen to it

    async def open_client(stack: AsyncExitStack) -> LogsClient:
        base = control or await open_own(stack, settings, control_name(settings), SystemClock())
        if where.account is not None and (found := (await base.principal()).account) != where.account:
            raise AuditUnavailable(f"{where} is asked with credentials of account {found}")
        region = where.region or settings.region
        return await stack.enter_async_context(base.aws.client("logs", region=region))

    return CloudWatchOutlet(open_client, where.group, stream_name(settings.audit_stream), say)


def stream_name(form: str) -> Callable[[str], str]:
    """From a writer to the name of its stream, by the form that is configured."""
    from sentinel_server.adapters.local.user import local_user

    known = {"host": host_name(), "user": local_user().removeprefix("local:")}
    whole = re.sub(r"\{(host|user)\}", lambda found: re.sub(r"[:*]", "-", known[found[1]]), form)
    return lambda writer: whole.replace("{writer}", writer)[:512]


def host_name() -> str:
    """What this machine calls itself."""
    import platform

    return platform.node() or "unknown"
