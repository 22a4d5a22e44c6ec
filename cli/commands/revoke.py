"""`server-revoke`: cut off one session, or block a person, a profile or everyone and cut off what they hold.

The store is written first. Nothing that fails afterwards makes it any less of a revocation.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from cli.context import asking_store, run, settings_from
from cli.options import (
    control_option,
    flags_of,
    output_option,
    own_option,
    region_option,
    store_options,
    yes_option,
)
from cli.types import session_id as session_id_type
from cli.types import span
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.sessions.model import BlockKey
    from sentinel_server.sessions.store import SessionStore
    from sentinel_server.settings.resolve import Settings


@click.command("server-revoke")
@click.argument("session_id", type=session_id_type, metavar="[ID]", required=False)
@own_option("REVOKE", "--user", metavar="PERSON", help="Block this person: a person key, or a known name.")
@own_option("REVOKE", "--profile", metavar="NAME", help="Block this profile.")
@own_option("REVOKE", "--all", "everyone", is_flag=True, help="Block everyone.")
@own_option("REVOKE", "--reason", required=True, metavar="WHY", help="Why; the log and the refused see it.")
@own_option(
    "REVOKE", "--until", type=span, metavar="SPAN", help="End of the block (8h, 2d); none if not given."
)
@yes_option
@output_option("human", "json")
@store_options
@region_option
@control_option
def server_revoke(
    session_id: str | None,
    user: str | None,
    profile: str | None,
    everyone: bool,
    reason: str,
    until: timedelta | None,
    yes: bool,
    output: str,
    **flags: str | None,
) -> None:
    """Cut off sessions, now.

    One session by its ID; or all of a person, a profile or everyone, who are then blocked at every door until
    the block ends or is lifted.
    """
    named = [name for name in (session_id, user, profile, "all" if everyone else None) if name]
    if len(named) != 1:
        raise click.UsageError("name exactly one of ID, --user, --profile and --all")
    if not reason.strip():
        raise click.UsageError("--reason must say something")
    settings = settings_from(flags_of(flags))
    order = _Order(settings=settings, reason=reason.strip(), output=output)
    if session_id is not None:
        if until is not None:
            raise click.UsageError("--until ends a block; the revocation of one session has no end")
        run(_revoke_one(order, session_id))
    else:
        run(_revoke_many(order, _Covered(user=user, profile=profile), until, yes))


@frozen
class _Order:
    settings: Settings
    reason: str
    output: str


@frozen
class _Covered:
    """Whom a block is for; everyone when neither is given."""

    user: str | None
    profile: str | None


async def _revoke_one(order: _Order, session_id: str) -> None:
    from cli import revoked
    from cli.audited import write_down
    from cli.output import show_json
    from sentinel_server.clock import SystemClock
    from sentinel_server.sessions.revoke import revoke_one
    from sentinel_server.wiring import actor

    by = await actor(order.settings)
    async with asking_store(order.settings) as store:
        now = SystemClock().now()
        done = await revoke_one(store, session_id, by, order.reason, now)
    events = [revoked.session_event(done.session, now)] if done.first else []
    failed = await write_down(order.settings, events)
    if order.output == "json":
        show_json(revoked.one_fields(done, now))
    else:
        click.echo(revoked.one_in_words(done, now))
    if failed is not None:
        raise failed


async def _revoke_many(order: _Order, covered: _Covered, until: timedelta | None, yes: bool) -> None:
    from cli import revoked
    from cli.audited import write_down
    from cli.output import show_json
    from sentinel_server.clock import SystemClock
    from sentinel_server.sessions.revoke import revoke_matching
    from sentinel_server.wiring import actor, open_store

    by = await actor(order.settings)
    async with open_store(order.settings) as store:
        key = await _key(store, order.settings, covered)
        await _confirm(store, key, until, yes)
        now = SystemClock().now()
        end = None if until is None else now + until
        done = await revoke_matching(store, key, by, order.reason, now, end)
        where = store.ref.url
    failed = await write_down(order.settings, revoked.events(done, now))
    if order.output == "json":
        show_json(revoked.many_fields(done, now))
    else:
        click.echo(revoked.many_in_words(done, now, where))
    if done.failures:
        raise revoked.incomplete(done)
    if failed is not None:
        raise failed


async def _key(store: SessionStore, settings: Settings, covered: _Covered) -> BlockKey:
    from cli.people import find_person
    from sentinel_server.clock import SystemClock
    from sentinel_server.sessions.model import BlockKey, Scope

    if covered.user is not None:
        person = await find_person(store, settings.persons, covered.user, SystemClock().now())
        return BlockKey(scope=Scope.PERSON, name=person)
    if covered.profile is not None:
        return BlockKey(scope=Scope.PROFILE, name=covered.profile)
    return BlockKey(scope=Scope.EVERYONE)


async def _confirm(store: SessionStore, key: BlockKey, until: timedelta | None, yes: bool) -> None:
    from cli.output import confirm
    from sentinel_server.policy.durations import format_duration

    if yes:
        return
    end = "until it is lifted" if until is None else f"for {format_duration(until)}"
    confirm(f"block {key} at every door {end}, and revoke its live sessions in {store.ref.url}?")
