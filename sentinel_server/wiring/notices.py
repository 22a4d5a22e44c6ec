"""The outbox and where its messages go: each destination is opened when it first has something to send."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.destinations import Channel, DestinationSetting, SecretRef
from sentinel_server.wiring.policies import read_parameter
from sentinel_server.wiring.principals import control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.notifications.deliver import Outbox
    from sentinel_server.notifications.message import Message
    from sentinel_server.notifications.notifier import Destination, Notifier
    from sentinel_server.records.store import Records
    from sentinel_server.secret import Secret
    from sentinel_server.settings.resolve import Settings


@asynccontextmanager
async def open_outbox(settings: Settings, records: Records) -> AsyncIterator[Outbox]:
    """The outbox of these ledgers, with the configured destinations."""
    from sentinel_server.notifications.deliver import Outbox

    async with open_destinations(settings) as destinations:
        yield Outbox(records, destinations, SystemClock(), _chance, settings.notifications_link_base or "")


@asynccontextmanager
async def open_destinations(settings: Settings) -> AsyncIterator[list[Destination]]:
    """The configured destinations. One that cannot be opened says so when something is sent to it."""
    from sentinel_server.notifications.notifier import Destination

    async with AsyncExitStack() as stack:
        opener = _Opener(stack, settings)
        found = []
        for each in settings.notifications_to:
            notifier = _Deferred(_opening(opener, each))
            stack.push_async_callback(notifier.close)
            found.append(Destination(name=each.name, notifier=notifier, types=each.events))
        yield found


async def read_secret(settings: Settings, ref: SecretRef) -> Secret:
    """The secret that a setting names. Raises InvalidSetting, PolicyUnavailable."""
    from sentinel_server.secret import Secret

    if ref.kind == "file":
        from sentinel_server.adapters.local.secret_file import read_secret_file

        return read_secret_file(Path(ref.name))
    if ref.kind == "ssm":
        return Secret((await read_parameter(settings, ref.name)).decode("utf-8", "replace"))
    found = settings.environ.get(ref.name)
    if not found:
        raise InvalidSetting(
            f"the variable {ref.name} is not set, and a destination's secret should be there"
        )
    return Secret(found)


class _Opener:
    """Opens notifiers, and for topics one set of credentials for all."""

    def __init__(self, stack: AsyncExitStack, settings: Settings) -> None:
        self._stack = stack
        self._settings = settings

    async def open(self, destination: DestinationSetting) -> Notifier:
        if destination.channel is Channel.SNS:
            return await self._topic(str(destination.where))
        return await self._webhook(destination)

    async def _topic(self, arn: str) -> Notifier:
        from sentinel_server.adapters.aws.sns import SnsTopic, topic_region

        region = topic_region(arn)
        base = await open_own(self._stack, self._settings, control_name(self._settings), SystemClock())
        client = await self._stack.enter_async_context(base.aws.client("sns", region=region))
        return SnsTopic(client, arn)

    async def _webhook(self, destination: DestinationSetting) -> Notifier:
        from sentinel_server.adapters.http.webhook import Webhook
        from sentinel_server.notifications.signature import read_keys
        from sentinel_server.notifications.slack import slack_body
        from sentinel_server.secret import Secret

        where, allow = destination.where, self._settings.notifications_allow_private
        url = Secret(where) if isinstance(where, str) else await read_secret(self._settings, where)
        clock = SystemClock()
        if destination.key is None:
            return Webhook(url, clock=clock, chance=_chance, render=slack_body, allow_private=allow)
        try:
            keys = read_keys(await read_secret(self._settings, destination.key))
        except ValueError as error:
            raise InvalidSetting(f"notifications.to: {destination.name}: {error}") from None
        return Webhook(url, clock=clock, chance=_chance, keys=keys, allow_private=allow)


class _Deferred:
    """A Notifier that is opened by its first message, and by the next one when that failed."""

    def __init__(self, open_: Callable[[], Awaitable[Notifier]]) -> None:
        self._open = open_
        self._opened: Notifier | None = None
        self._turn = asyncio.Lock()

    async def send(self, message: Message, within: timedelta) -> None:
        async with self._turn:
            if self._opened is None:
                self._opened = await self._open()
        await self._opened.send(message, within)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()


def _opening(opener: _Opener, destination: DestinationSetting) -> Callable[[], Awaitable[Notifier]]:
    return lambda: opener.open(destination)


def _chance() -> float:
    return secrets.randbelow(1001) / 1000
