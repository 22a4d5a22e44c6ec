"""`breakglass-list` and `breakglass-check`: who broke the glass, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.options import (
    breakglass_options,
    control_option,
    flags_of,
    output_option,
    own_option,
    region_option,
)
from cli.types import event_id as event_id_type
from cli.types import person_key, span
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.breakglass.listing import EventQuery, Listed
    from sentinel_server.settings.resolve import Settings

STATES = ("active", "closed", "expired")
"""The values of `EventState`, here so that `--help` need not import it; a test holds them together."""


@frozen
class _Whose:
    person: str | None
    mine: bool
    profile: str | None


@click.command("breakglass-list")
@own_option("BREAKGLASS_LIST", "--status", type=click.Choice(STATES), help="Only these.")
@own_option(
    "BREAKGLASS_LIST", "--person", type=person_key, metavar="KEY", help="Only of this person (sso:…, iam:…)."
)
@own_option("BREAKGLASS_LIST", "--mine", is_flag=True, help="Only your own; asks AWS who you are.")
@own_option("BREAKGLASS_LIST", "--profile", metavar="NAME", help="Only for this profile.")
@own_option("BREAKGLASS_LIST", "--unreviewed", is_flag=True, help="Only those that wait for a review.")
@own_option(
    "BREAKGLASS_LIST",
    "--drills/--no-drills",
    "drills",
    default=None,
    help="Only drills, or none.",
)
@own_option("BREAKGLASS_LIST", "--since", type=span, metavar="SPAN", help="Only opened within 24h, 7d.")
@own_option(
    "BREAKGLASS_LIST",
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    metavar="N",
    help="Emergencies on a page, 1 to 1000.",
)
@own_option("BREAKGLASS_LIST", "--next", "token", metavar="TOKEN", help="The page after another.")
@output_option("human", "json", "csv")
@breakglass_options
@region_option
@control_option
def breakglass_list(
    status: str | None,
    person: str | None,
    mine: bool,
    profile: str | None,
    unreviewed: bool,
    drills: bool | None,
    since: timedelta | None,
    limit: int,
    token: str | None,
    output: str,
    **flags: str | None,
) -> None:
    """List emergencies.

    Everybody's, newest first, whatever became of them; all conditions hold at once.
    """
    from sentinel_server.breakglass.listing import EventQuery
    from sentinel_server.breakglass.model import EventState

    settings = settings_from(flags_of(flags))
    began, token = _cursor(token, since)
    query = EventQuery(
        person=_person(settings, _Whose(person=person, mine=mine, profile=profile)),
        profile=profile,
        state=EventState(status) if status else None,
        unreviewed=unreviewed,
        drill=drills,
        since=began,
    )
    run(_list(settings, query, limit, token, output))


@click.command("breakglass-check")
@click.argument("event_id", type=event_id_type, metavar="ID")
@output_option("human", "json")
@breakglass_options
@region_option
@control_option
def breakglass_check(event_id: str, output: str, **flags: str | None) -> None:
    """Show one emergency.

    Everything its row holds: who opened it and why, how it ended, and what its reviewer found.
    """
    run(_check(settings_from(flags_of(flags)), event_id, output))


def _person(settings: Settings, whose: _Whose) -> str | None:
    if whose.mine and whose.person:
        raise click.UsageError("--mine and --person contradict each other")
    if not whose.mine:
        return None if whose.person is None else settings.persons.joined(whose.person)
    from cli.mine import oneself

    return run(oneself(settings, whose.profile), "asking STS")


def _cursor(token: str | None, since: timedelta | None) -> tuple[datetime | None, str | None]:
    """When listed emergencies began at the earliest, and the store's own token.

    The instant travels with the token, because `--since 24h` would mean another one on the next page.
    """
    from sentinel_server.clock import SystemClock

    if token is not None and "." in token:
        stamp, _, token = token.partition(".")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
            raise click.UsageError("that is not a page token")
        return datetime.fromtimestamp(int(stamp), UTC), token
    began = None if since is None else (SystemClock().now() - since).replace(microsecond=0)
    return began, token


async def _list(settings: Settings, query: EventQuery, limit: int, token: str | None, output: str) -> None:
    from cli.output import note, progress
    from sentinel_server.breakglass.listing import list_events
    from sentinel_server.wiring import open_desk

    with progress("asking the store"):
        async with open_desk(settings) as desk:
            now = desk.clock.now()
            page = await list_events(desk.records, query, now, limit, token)
    if page.next_token is not None and query.since is not None:
        page = replace(page, next_token=f"{int(query.since.timestamp())}.{page.next_token}")
    _print(page, now, output)
    if page.unreadable:
        note(f"rows that cannot be read: {', '.join(page.unreadable)}; ask the security team to look at them")
    if page.next_token is not None:
        note(f"there are more; add to the same command: --next {page.next_token}")


def _print(page: Listed, now: datetime, output: str) -> None:
    from cli import emergencies
    from cli.output import note, show_csv, show_json, show_table

    fields = [emergencies.event_fields(event, now) for event in page.events]
    if output == "json":
        show_json({"events": fields, "next": page.next_token, "unreadable": list(page.unreadable)})
    elif output == "csv":
        show_csv(emergencies.FIELDS, fields)
    elif page.events:
        rows = [emergencies.event_row(event, now) for event in page.events]
        show_table(emergencies.HEADINGS, rows, whole={0}, spare=emergencies.SPARE, below=True)
    else:
        note("no such emergencies")


async def _check(settings: Settings, event_id: str, output: str) -> None:
    from cli import emergencies
    from cli.output import progress, show_json, show_lines
    from sentinel_server.breakglass.ending import read_one
    from sentinel_server.wiring import open_desk

    with progress("asking the store"):
        async with open_desk(settings) as desk:
            event, _ = await read_one(desk.records, event_id)
            now = desk.clock.now()
    if output == "json":
        show_json(emergencies.event_fields(event, now))
    else:
        show_lines(emergencies.event_lines(event, now))
