"""`sentinel notify`: what is still to be told, and telling it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.options import (
    control_option,
    flags_of,
    output_option,
    own_option,
    region_option,
    setting_option,
    store_options,
)
from cli.types import span

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.notifications.notifier import Destination
    from sentinel_server.notifications.outbox import Delivery, Entry
    from sentinel_server.settings.resolve import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_LONGEST = timedelta(minutes=15)
FIELDS = ("delivery", "event", "about", "since", "attempts", "next_at", "done", "error")
HEADINGS = ("ABOUT", "EVENT", "SINCE", "TRIES", "NEXT", "HAVE IT", "DELIVERY", "ERROR")
WHOLE = (0, 6)
"""The columns of ids: of requests and emergencies, to go on with, and of deliveries, for receivers."""
SPARE = (3, 2, 6)
"""The columns that a narrow terminal goes without: TRIES first, then SINCE, then DELIVERY."""


def _ledgers(command: Command) -> Command:
    """Where the ledgers are: beside the sessions, or in tables of their own."""
    requests = setting_option("--request-table", setting="request_table", help="Requests.", metavar="TABLE")
    events = setting_option(
        "--breakglass-table", setting="breakglass_table", help="Emergencies.", metavar="TABLE"
    )
    return store_options(requests(events(command)))


@click.group()
def notify() -> None:
    """Deliver what nobody was told yet."""


@notify.command()
@own_option("NOTIFY", "--early", is_flag=True, help="Also what is to wait until later.")
@own_option(
    "NOTIFY",
    "--within",
    type=span,
    default="60s",
    show_default=True,
    metavar="TIME",
    help="When to stop; 15m at most.",
)
@output_option("human", "json")
@_ledgers
@region_option
@control_option
@click.pass_context
def flush(ctx: click.Context, /, early: bool, within: timedelta, output: str, **flags: str | None) -> None:
    """Deliver everything that is due; for cron and Lambda.

    Exits 0 when nothing is left, 1 when something is, 2 without any destination, and 6 when the store or the
    audit log did not answer. Two may run at once.
    """
    if not timedelta(0) < within <= _LONGEST:
        raise click.BadParameter("15m is the longest", param_hint="--within")
    ctx.exit(run(_flush(settings_from(flags_of(flags)), within, early, output)))


@notify.command("list")
@output_option("table", "json", "csv")
@_ledgers
@region_option
@control_option
def list_(output: str, **flags: str | None) -> None:
    """List what somebody has still to be told of."""
    run(_list(settings_from(flags_of(flags)), output))


@notify.command()
@own_option("NOTIFY", "--to", metavar="NAME", help="One destination only.")
@output_option("human", "json")
@region_option
@control_option
@click.pass_context
def test(ctx: click.Context, /, to: str | None, output: str, **flags: str | None) -> None:
    """Send a test to every destination.

    Exits 1 when one did not take it. Nothing is kept in the outbox.
    """
    ctx.exit(run(_test(settings_from(flags_of(flags)), to, output)))


async def _flush(settings: Settings, within: timedelta, early: bool, output: str) -> int:
    from cli.audited import write_down
    from cli.notices import failures
    from cli.output import show_json
    from sentinel_server.clock import SystemClock
    from sentinel_server.notifications.outbox import Outcome
    from sentinel_server.wiring import open_outbox, open_records

    _refuse_nobody(settings)
    async with open_records(settings) as records, open_outbox(settings, records) as box:
        deliveries = await box.flush(within, early=early)
        now = SystemClock().now()
        waiting = [entry for entry in await box.waiting() if not entry.is_taken(now)]
    failed = await write_down(settings, failures(deliveries))
    if output == "json":
        show_json(
            {"deliveries": [_delivery(each) for each in deliveries], "waiting": [_entry(e) for e in waiting]}
        )
    else:
        _say(deliveries, waiting)
    if failed is not None:
        raise failed
    undelivered = any(each.outcome in (Outcome.FAILING, Outcome.GIVEN_UP) for each in deliveries)
    return 1 if waiting or undelivered else 0


async def _list(settings: Settings, output: str) -> None:
    from cli.output import note, show_csv, show_json, show_table
    from sentinel_server.clock import SystemClock
    from sentinel_server.wiring import open_outbox, open_records

    async with open_records(settings) as records, open_outbox(settings, records) as box:
        entries = await box.waiting()
    rows = [_entry(entry) for entry in entries]
    if output == "json":
        show_json({"waiting": rows})
    elif output == "csv":
        show_csv(FIELDS, [{**row, "done": " ".join(row["done"])} for row in rows])
    elif entries:
        now = SystemClock().now()
        show_table(HEADINGS, [cells(entry, now) for entry in entries], whole=WHOLE, spare=SPARE, below=True)
    else:
        note("everybody has been told")


async def _test(settings: Settings, to: str | None, output: str) -> int:
    from cli.output import show_json
    from sentinel_server.wiring import open_destinations

    _refuse_nobody(settings)
    async with open_destinations(settings) as destinations:
        wanted = [each for each in destinations if to in (None, each.name)]
        if not wanted:
            raise click.BadParameter(f"no destination is called {to!r}", param_hint="--to")
        results = {each.name: await _send_test(each) for each in wanted}
    if output == "json":
        show_json({"destinations": [{"name": n, "error": why} for n, why in results.items()]})
    for name, why in results.items() if output == "human" else ():
        click.echo(clean(f"{name}: {'delivered' if why is None else why}"))
    return 1 if any(results.values()) else 0


async def _send_test(destination: Destination) -> str | None:
    """Why the destination did not take a test; None when it did."""
    from sentinel_server.canonical import canonical
    from sentinel_server.clock import SystemClock, SystemIds
    from sentinel_server.errors import SentinelError
    from sentinel_server.notifications.deliver import SEND
    from sentinel_server.notifications.event import Event, EventType, to_fields
    from sentinel_server.notifications.message import read_message

    event = Event(type=EventType.TEST, at=SystemClock().now(), by="sentinel notify test", about=None)
    message = read_message(canonical(to_fields(event)).decode(), SystemIds().fresh())
    try:
        await destination.notifier.send(message, SEND)
    except SentinelError as error:
        return error.message
    return None


def _refuse_nobody(settings: Settings) -> None:
    from sentinel_server.errors import InvalidSetting

    if not settings.notifications_to:
        raise InvalidSetting(
            "notifications.to names no destination, so nothing can be delivered from here",
            hint="name one, as docs/notifications.md says: "
            "sentinel config set notifications.to 'chat slack file:///etc/sentinel/slack-url'",
        )


def _say(deliveries: list[Delivery], waiting: list[Entry]) -> None:
    from cli.notices import in_words
    from cli.output import note
    from sentinel_server.notifications.outbox import Outcome

    delivered = sum(each.outcome is Outcome.DELIVERED for each in deliveries)
    click.echo(clean(f"Delivered: {delivered}. Still waiting: {len(waiting)}."))
    for each in deliveries:
        if each.failed:
            note(in_words(each) + (", and is given up" if each.outcome is Outcome.GIVEN_UP else ""))


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery": delivery.delivery_id,
        "event": delivery.type,
        "outcome": delivery.outcome.value,
        "done": list(delivery.done),
        "failed": dict(delivery.failed),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    from sentinel_server.clock import whole_seconds

    return {
        "delivery": entry.delivery_id,
        "event": entry.type,
        "about": entry.about or None,
        "since": whole_seconds(entry.created_at),
        "attempts": entry.attempts,
        "next_at": whole_seconds(entry.next_at),
        "done": list(entry.done),
        "error": entry.last_error,
    }


def cells(entry: Entry, now: datetime) -> list[str]:
    """What somebody has still to be told of, as a row of `HEADINGS`."""
    from cli.tables import in_words

    return [
        entry.about or "-",
        entry.type,
        in_words(now - entry.created_at),
        str(entry.attempts),
        "now" if entry.is_due(now) else in_words(entry.next_at - now),
        " ".join(entry.done) or "nobody",
        entry.delivery_id,
        entry.last_error or "-",
    ]
