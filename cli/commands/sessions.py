"""`server-sessions` and `server-session`: who holds what, now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from shlex import quote
from typing import TYPE_CHECKING

import click

from cli.context import asking_store, run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, region_option, store_options
from cli.types import person_key, span
from cli.types import session_id as session_id_type
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.sessions.model import Session, State
    from sentinel_server.sessions.store import Page, SessionQuery
    from sentinel_server.settings.resolve import Settings

STATES = ("active", "revoked", "ended", "expired", "lapsed")
"""The values of `State`, here so that `--help` need not import it; a test holds them together."""


@click.command("server-sessions")
@own_option("SESSIONS", "--status", type=click.Choice(STATES), help="Only these.  [default: active]")
@own_option("SESSIONS", "--all", "every", is_flag=True, help="Those that are over, too.")
@own_option("SESSIONS", "--user", metavar="NAME", help="Only of users of this name.")
@own_option(
    "SESSIONS", "--person", type=person_key, metavar="KEY", help="Only of this person (sso:…, iam:…)."
)
@own_option("SESSIONS", "--mine", is_flag=True, help="Only your own; asks AWS who you are.")
@own_option("SESSIONS", "--profile", metavar="NAME", help="Only of this profile.")
@own_option("SESSIONS", "--since", type=span, metavar="SPAN", help="Only begun within 24h, 7d, 1d12h.")
@own_option(
    "SESSIONS",
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    metavar="N",
    help="Sessions on a page, 1 to 1000.",
)
@own_option("SESSIONS", "--next", "token", metavar="TOKEN", help="The page after another.")
@own_option("SESSIONS", "--watch", is_flag=True, help="Keep showing them, until Ctrl-C.")
@output_option("table", "json", "csv")
@store_options
@region_option
@control_option
def server_sessions(
    status: str | None,
    every: bool,
    user: str | None,
    person: str | None,
    mine: bool,
    profile: str | None,
    since: timedelta | None,
    limit: int,
    token: str | None,
    watch: bool,
    output: str,
    **flags: str | None,
) -> None:
    """List sessions.

    The live ones of everyone, newest first. UNTIL is how long what a session holds may live at the latest.
    """
    settings = settings_from(flags_of(flags))
    names = _Names(user=user, person=person, profile=profile, mine=mine)
    began, token = _cursor(token, since)
    query = _query(settings, names, _state(status, every), began)
    if watch:
        from cli.watching import watch_sessions

        return watch_sessions(settings, query, limit, output)
    run(_list(settings, query, limit, token, output))


@click.command("server-session")
@click.argument("session_id", type=session_id_type, metavar="ID")
@output_option("human", "json")
@store_options
@region_option
@control_option
def server_session(session_id: str, output: str, **flags: str | None) -> None:
    """Show one session.

    Everything its row holds, and the block that keeps it from being served, if there is one.
    """
    run(_show(settings_from(flags_of(flags)), session_id, output))


@frozen
class _Names:
    user: str | None
    person: str | None
    profile: str | None
    mine: bool


def _state(status: str | None, every: bool) -> State | None:
    from sentinel_server.sessions.model import State

    if status and every:
        raise click.UsageError("--all and --status contradict each other")
    return None if every else State(status or "active")


def _cursor(token: str | None, since: timedelta | None) -> tuple[datetime | None, str | None]:
    """When listed sessions began at the earliest, and the store's own token.

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


def _query(settings: Settings, names: _Names, state: State | None, since: datetime | None) -> SessionQuery:
    from sentinel_server.sessions.store import SessionQuery

    if names.mine and names.person:
        raise click.UsageError("--mine and --person contradict each other")
    person = names.person
    if names.mine:
        from cli.mine import oneself

        person = run(oneself(settings), "asking STS")
    elif person is not None:
        person = settings.persons.joined(person)
    return SessionQuery(person=person, user=names.user, profile=names.profile, state=state, since=since)


async def _list(settings: Settings, query: SessionQuery, limit: int, token: str | None, output: str) -> None:
    from cli.output import note
    from sentinel_server.clock import SystemClock

    now = SystemClock().now()
    async with asking_store(settings) as store:
        page = await store.sessions(query, now, limit, token)
    if page.next_token is not None and query.since is not None:
        page = replace(page, next_token=f"{int(query.since.timestamp())}.{page.next_token}")
    _print(page, now, output)
    if page.unreadable:
        note(f"rows that cannot be read: {', '.join(page.unreadable)}")
        note(f"cut them off, one by one: sentinel server-revoke {quote(page.unreadable[0])} --reason WHY")
    if page.next_token is not None:
        note(f"there are more; add to the same command: --next {page.next_token}")


def _print(page: Page, now: datetime, output: str) -> None:
    from cli import tables
    from cli.output import note, show_csv, show_json, show_table

    fields = [tables.session_fields(session, now) for session in page.sessions]
    if output == "json":
        show_json({"sessions": fields, "next": page.next_token, "unreadable": list(page.unreadable)})
    elif output == "csv":
        show_csv(tables.SESSION_FIELDS, fields)
    elif page.sessions:
        show_table(
            tables.SESSION_HEADINGS,
            [tables.session_row(session, now) for session in page.sessions],
            whole={0},
            spare=tables.SESSION_SPARE,
        )
    else:
        note("no such sessions")


def _own_person(session: Session) -> str | None:
    """The person's key before a `people` map; a block under it holds as well."""
    from sentinel_server.errors import InvalidArn
    from sentinel_server.identity.arn import parse_principal

    try:
        return parse_principal(session.principal_arn, unique_id=session.principal_id).person
    except InvalidArn:
        return None


async def _show(settings: Settings, session_id: str, output: str) -> None:
    from cli import tables
    from cli.output import show_json, show_lines
    from sentinel_server.clock import SystemClock
    from sentinel_server.errors import NotFound
    from sentinel_server.sessions.model import block_keys

    now = SystemClock().now()
    async with asking_store(settings) as store:
        session = (await store.standing(session_id, ())).session
        if session is None:
            hint = "list them: sentinel server-sessions --all"
            raise NotFound(f"there is no session {session_id} in {store.ref.url}", hint=hint)
        standing = await store.standing(
            None, block_keys(session.person, session.profile, own=_own_person(session))
        )
    blocks = [block for block in standing.blocks if block.holds(now)]
    if output == "json":
        held = [tables.block_fields(block, now) for block in blocks]
        show_json(tables.session_fields(session, now) | {"blocks": held})
    else:
        show_lines(tables.session_lines(session, now) + tables.blocked_lines(blocks))
