"""`list` and `check`: who asks for what, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, region_option, request_options
from cli.types import person_key, span
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from cli.asked import Worth
    from sentinel_server.requests.desk import Desk
    from sentinel_server.requests.listing import RequestPage, RequestQuery
    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.settings.resolve import Settings

STATUSES = ("pending", "approved", "denied", "expired", "cancelled", "revoked")
"""The values of `Status`, here so that `--help` need not import it; a test holds them together."""


@click.command("list")
@own_option("LIST", "--mine", is_flag=True, help="Only your own; asks AWS who you are.")
@own_option("LIST", "--to-approve", is_flag=True, help="Only those that wait for you.")
@own_option("LIST", "--status", type=click.Choice(STATUSES), help="Only these.")
@own_option("LIST", "--profile", metavar="NAME", help="Only for this profile.")
@own_option(
    "LIST", "--user", "--requester", metavar="NAME", help="Only of users of this name, or this person."
)
@own_option("LIST", "--since", type=span, metavar="SPAN", help="Only made within 24h, 7d, 1d12h.")
@own_option(
    "LIST",
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    metavar="N",
    help="Requests on a page, 1 to 1000.",
)
@own_option("LIST", "--next", "token", metavar="TOKEN", help="The page after another.")
@output_option("table", "json", "csv")
@request_options
@region_option
@control_option
def list_(
    mine: bool,
    to_approve: bool,
    status: str | None,
    profile: str | None,
    user: str | None,
    since: timedelta | None,
    limit: int,
    token: str | None,
    output: str,
    **flags: Any,
) -> None:
    """List requests for access.

    Those of everyone, newest first; the filters combine. UNTIL is the end of an access, or else how long
    approvers have.

    AWS profiles are another list: sentinel profiles.
    """
    if user is not None and ":" in user:
        person_key(user)
    if mine and user:
        raise click.UsageError("--mine and --user contradict each other")
    if to_approve and (mine or status not in (None, "pending")):
        raise click.UsageError("--to-approve is about others' pending requests")
    filters = _Filters(
        mine=mine, to_approve=to_approve, status=status, profile=profile, user=user, since=since
    )
    run(_list(settings_from(flags_of(flags)), filters, limit, token, output))


@click.command("check")
@click.argument("request_id", metavar="ID")
@own_option(
    "CHECK",
    "--exit-status",
    is_flag=True,
    help="Exit with 0 if it gives access now, 4 while it waits, else 3.",
)
@output_option("human", "json")
@request_options
@region_option
@control_option
def check(request_id: str, exit_status: bool, output: str, **flags: Any) -> int:
    """Show one request, and whether it gives access now.

    That is judged as it is where credentials are issued: by the policy of the moment, vote by vote.
    """
    status = run(_check(settings_from(flags_of(flags)), request_id, output))
    return status if exit_status else 0


@frozen
class _Filters:
    mine: bool
    to_approve: bool
    status: str | None
    profile: str | None
    user: str | None
    since: timedelta | None


async def _list(settings: Settings, filters: _Filters, limit: int, token: str | None, output: str) -> None:
    from cli.output import note, progress
    from sentinel_server.requests.listing import list_requests
    from sentinel_server.wiring import open_deciding

    since, token = _cursor(token, filters.since)
    with progress("asking the store"):
        async with open_deciding(settings) as desk:
            query = await _query(settings, desk, filters, since)
            now = desk.clock.now()
            with _own_at_least(query):
                page = await list_requests(desk.records, query, now, limit, token)
    _print(page, now, output, since)
    if page.unreadable:
        note(f"rows that cannot be read and give nobody access: {', '.join(page.unreadable)}")
    if page.next_token is not None:
        note(f"there are more; add to the same command: --next {_next(page.next_token, since)}")


@contextmanager
def _own_at_least(query: RequestQuery) -> Iterator[None]:
    """Say to whoever may not see everyone's how to see their own."""
    from sentinel_server.errors import StoreUnavailable

    try:
        yield
    except StoreUnavailable as error:
        if query.person is not None or "AccessDenied" not in error.message:
            raise
        raise StoreUnavailable(error.message, hint="see your own: sentinel list --mine") from error


def _cursor(token: str | None, since: timedelta | None) -> tuple[datetime | None, str | None]:
    """When listed requests were made at the earliest, and the store's own token.

    The instant travels with the token, because `--since 24h` would mean another one on the next page.
    """
    from sentinel_server.clock import SystemClock

    if token is not None and "." in token:
        stamp, _, token = token.partition(".")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
            raise click.UsageError("that is not a page token")
        return datetime.fromtimestamp(int(stamp), UTC), token
    return None if since is None else (SystemClock().now() - since).replace(microsecond=0), token


def _next(token: str, since: datetime | None) -> str:
    return token if since is None else f"{int(since.timestamp())}.{token}"


async def _query(settings: Settings, desk: Desk, filters: _Filters, since: datetime | None) -> RequestQuery:
    from dataclasses import replace

    from cli.mine import oneself, who_asks
    from sentinel_server.requests.deciding import could_approve
    from sentinel_server.requests.listing import RequestQuery
    from sentinel_server.requests.model import Status

    status = None if filters.status is None else Status(filters.status)
    query = RequestQuery(profile=filters.profile, status=status, since=since)
    if filters.user is not None:
        known = ":" in filters.user
        query = replace(query, person=settings.persons.joined(filters.user) if known else None)
        query = replace(query, user=None if known else filters.user)
    if filters.mine:
        query = replace(query, person=await oneself(settings, filters.profile))
    if filters.to_approve:
        who = await who_asks(settings, "--to-approve", "those that wait for")
        rules, now = await desk.rules(), desk.clock.now()
        query = replace(
            query,
            status=Status.PENDING,
            waits_for=lambda request: could_approve(desk, rules, request, who, now),
        )
    return query


def _print(page: RequestPage, now: datetime, output: str, since: datetime | None) -> None:
    from cli import asked
    from cli.output import note, show_csv, show_json, show_table

    if output == "json":
        token = None if page.next_token is None else _next(page.next_token, since)
        told = [asked.fields(request, now) for request in page.requests]
        show_json({"requests": told, "next": token, "unreadable": list(page.unreadable)})
    elif output == "csv":
        show_csv(asked.FIELDS, [asked.csv_fields(request, now) for request in page.requests])
    elif page.requests:
        rows = [asked.row(request, now) for request in page.requests]
        show_table(asked.HEADINGS, rows, whole={0}, spare=asked.SPARE, below=True)
    else:
        note("no such requests")


async def _check(settings: Settings, request_id: str, output: str) -> int:
    from cli import asked
    from cli.output import note, progress, show_json, show_lines
    from sentinel_server.errors import SentinelError
    from sentinel_server.requests.desk import read_one
    from sentinel_server.requests.model import Status
    from sentinel_server.wiring import open_deciding

    with progress("asking the store"):
        async with open_deciding(settings) as desk:
            request = await read_one(desk.records, request_id)
            now = desk.clock.now()
            worth: Worth | None = None
            trouble = ""
            try:
                worth = await _worth(desk, request, now)
            except SentinelError as error:
                trouble = error.message
    if output == "json":
        show_json(asked.fields(request, now) | asked.worth_fields(worth))
    else:
        show_lines(asked.lines(request, now, worth))
    if trouble:
        note(f"whether it gives access cannot be said: {trouble}")
    if worth is not None and worth.gives_access:
        return 0
    if worth is None:
        return 6
    return 4 if request.status(now) is Status.PENDING else 3


async def _worth(desk: Desk, request: AccessRequest, now: datetime) -> Worth:
    """What the gate would make of it. Raises PolicyUnavailable, StoreUnavailable."""
    from cli.asked import Worth
    from sentinel_server.requests.deciding import standing
    from sentinel_server.requests.desk import requester
    from sentinel_server.requests.rules import Granted, granted

    rules, principal = await desk.rules(), requester(request)
    if rules.policy is None:
        return Worth(counted=None, gives_access=False, why="there is no approval policy")
    found = granted(
        request,
        rules.policy,
        principal=principal,
        profile=request.profile,
        now=now,
        home_account=rules.home(principal),
        persons=desk.persons,
        check=desk.check,
    )
    gives = isinstance(found, Granted)
    counted = standing(desk, rules, request, now)
    return Worth(counted=counted, gives_access=gives, why="" if isinstance(found, Granted) else found.why)
