"""`breakglass-close` and `breakglass-review`: end an emergency, and say afterwards whether it was one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.options import (
    breakglass_options,
    control_option,
    flags_of,
    output_option,
    own_option,
    policy_options,
    region_option,
)
from cli.types import event_id as event_id_type

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.breakglass.ending import Actor, Overseers
    from sentinel_server.breakglass.model import Emergency
    from sentinel_server.breakglass.sessions_of import Cut
    from sentinel_server.settings.resolve import Settings


@click.command("breakglass-close")
@click.argument("event_id", type=event_id_type, metavar="ID")
@own_option("BREAKGLASS_CLOSE", "--reason", required=True, metavar="WHY", help="Why it is over.")
@output_option("human", "json")
@breakglass_options
@policy_options
@region_option
@control_option
def breakglass_close(event_id: str, reason: str, output: str, **flags: str | None) -> None:
    """Close an emergency before its end.

    Its invoker may, and the reviewers of its rule. The sessions that ran under it end with it.
    """
    run(_close(settings_from(flags_of(flags)), event_id, reason, output))


@click.command("breakglass-review")
@click.argument("event_id", type=event_id_type, metavar="ID")
@own_option(
    "BREAKGLASS_REVIEW",
    "--justified/--not-justified",
    "justified",
    default=None,
    help="Your verdict; one of them is required.",
)
@own_option("BREAKGLASS_REVIEW", "--comment", required=True, metavar="WHAT", help="What you found.")
@output_option("human", "json")
@breakglass_options
@policy_options
@region_option
@control_option
def breakglass_review(
    event_id: str, justified: bool | None, comment: str, output: str, **flags: str | None
) -> None:
    """Review an emergency that is over.

    Somebody else than its invoker, whom its rule names. It is unfinished until then.
    """
    if justified is None:
        raise click.UsageError("say --justified or --not-justified")
    run(_review(settings_from(flags_of(flags)), event_id, justified, comment, output))


async def _close(settings: Settings, event_id: str, reason: str, output: str) -> None:
    from cli import emergencies
    from cli.output import clean, show_json
    from cli.told import tell, wrote_down
    from sentinel_server.breakglass.ending import close, read_one
    from sentinel_server.wiring import open_desk

    async with open_desk(settings) as desk:
        event, _ = await read_one(desk.records, event_id)
        actor, policy = await _acting(settings, event)
        done = await close(desk, event_id, actor, reason, policy)
        now = desk.clock.now()
        own = actor.owns(event)
        cut = await _cut(settings, done.event, own=own)
        failed = await wrote_down(settings, done, actor.principal.arn, *_revocations(cut, now))
        if output == "json":
            show_json(emergencies.closed_fields(done, cut, now))
        else:
            for line in emergencies.closed_words(done, cut):
                click.echo(clean(line))
        await tell(settings, desk, done)
    _say_failures(cut, own=own)
    if failed is not None:
        raise failed


async def _cut(settings: Settings, event: Emergency, *, own: bool) -> Cut:
    """The sessions that ended with it. Never raises, because the emergency is closed already."""
    from sentinel_server.breakglass.sessions_of import Cut, cut_sessions
    from sentinel_server.errors import SentinelError
    from sentinel_server.sessions.revoke import Failure
    from sentinel_server.wiring import open_store

    try:
        async with open_store(settings) as store:
            return await cut_sessions(store, event, own=own)
    except SentinelError as error:
        return Cut(failures=(Failure(session_id="", error=error),))


def _revocations(cut: Cut, now: datetime) -> list[AuditEvent]:
    """Their audit lines; an invoker who may not revoke has ended theirs as any owner does."""
    from cli.revoked import session_event

    return [session_event(each, now) for each in cut.sessions if each.revocation is not None]


async def _review(settings: Settings, event_id: str, justified: bool, comment: str, output: str) -> None:
    from cli import emergencies
    from cli.output import clean, show_json
    from cli.told import tell, wrote_down
    from sentinel_server.breakglass.ending import read_one, review
    from sentinel_server.wiring import open_desk

    async with open_desk(settings) as desk:
        event, _ = await read_one(desk.records, event_id)
        actor, policy = await _acting(settings, event)
        done = await review(desk, event_id, actor, justified=justified, comment=comment, policy=policy)
        failed = await wrote_down(settings, done, actor.principal.arn)
        if output == "json":
            show_json(emergencies.event_fields(done.event, desk.clock.now()))
        else:
            click.echo(clean(emergencies.reviewed_words(done)))
        await tell(settings, desk, done)
    if failed is not None:
        raise failed


async def _acting(settings: Settings, event: Emergency) -> tuple[Actor, Overseers]:
    """Who acts, and who may by policy; an error in its place matters to others than the invoker."""
    from sentinel_server.errors import SentinelError
    from sentinel_server.wiring import find_actor, read_overseers

    policy: Overseers
    try:
        policy, account = await read_overseers(settings)
    except SentinelError as error:
        policy, account = error, None
    return await find_actor(settings, event, account), policy


def _cut_by_hand(cut: Cut) -> str:
    named = [each.session_id for each in cut.failures if each.session_id]
    each = "; ".join(f"sentinel server-revoke {session_id} --reason WHY" for session_id in named)
    return f"revoke them: {each}" if each else "find and revoke them: sentinel server-sessions"


def _say_failures(cut: Cut, *, own: bool) -> None:
    """Whoever closes their own has done what they can; those who oversee it may have to do more."""
    from cli.output import note
    from sentinel_server.errors import StoreUnavailable

    if not cut.failures:
        return
    named = "; ".join(f"{each.session_id or 'the search'}: {each.error.message}" for each in cut.failures)
    what = f"the emergency is closed, and sessions that ran under it could not be ended: {named}"
    if not own:
        raise StoreUnavailable(what, hint=_cut_by_hand(cut))
    note(f"warning: {what}; they are served no longer under it")
