"""A process that asks for access and dies over telling of it: `python -m tests.fakes.notice_driver HOW`.

It commits a request and its outbox row to the configured store, says `written`, and then waits to be killed
(`wait`) or delivers (`deliver`), with a clock an hour behind so that the claim it leaves has run out.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from sentinel_server.adapters.http.webhook import Webhook
from sentinel_server.clock import SystemClock, sortable
from sentinel_server.notifications.deliver import Outbox
from sentinel_server.notifications.notifier import Destination
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.notifications.signature import read_keys
from sentinel_server.records.model import Change, Ledger, Ref
from sentinel_server.secret import Secret
from sentinel_server.settings.environ import read_settings
from sentinel_server.wiring import open_records
from tests.fakes.clock import FakeClock
from tests.fakes.notices import a_request
from tests.fakes.receiver import KEY_VARIABLE

DELIVERY = "0123456789abcdef"


async def main(how: str) -> None:
    """Ask, say so, and wait or deliver."""
    from sentinel_server.notifications.event import EventType
    from sentinel_server.requests.news import request_event

    settings = read_settings({})
    past = FakeClock(time=SystemClock().now() - timedelta(hours=1))
    request = a_request(created_at=past.now(), expires_at=past.now() + timedelta(hours=8))
    event = request_event(EventType.REQUEST_CREATED, request, at=past.now(), by=request.person)
    async with open_records(settings) as records:
        row = Change(
            ref=Ref(ledger=Ledger.REQUESTS, key=request.id),
            seen=None,
            set={"kind": "request", "created_at": sortable(past.now())},
        )
        assert await records.commit([row, outbox_change(Ledger.REQUESTS, event, DELIVERY)])
        print("written", flush=True)
        if how == "wait":
            await asyncio.Event().wait()
        (to,) = settings.notifications_to
        keys = read_keys(Secret(settings.environ[KEY_VARIABLE]))
        webhook = Webhook(Secret(str(to.where)), clock=SystemClock(), chance=lambda: 0.0, keys=keys)
        box = Outbox(records, [Destination(name=to.name, notifier=webhook)], past, lambda: 0.0)
        await box.deliver(Ledger.REQUESTS, [DELIVERY], timedelta(seconds=30))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
