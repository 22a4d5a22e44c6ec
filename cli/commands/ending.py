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
    from sentinel_server.breakglass.ending import Actor, Overseers
    from sentinel_server.breakglass.model import Emergency
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
@own_option("BREAKGLASS_REVIEW", "--justified", is_flag=True, help="Your verdict: it was needed.")
@own_option("BREAKGLASS_REVIEW", "--not-justified", is_flag=True, help="Or: it was not.")
@own_option("BREAKGLASS_REVIEW", "--comment", required=True, metavar="WHAT", help="What you found.")
@output_option("human", "json")
@breakglass_options
@policy_options
@region_option
@control_option
@click.pass_context
def breakglass_review(
    ctx: click.Context,
    /,
    event_id: str,
    justified: bool,
    not_justified: bool,
    comment: str,
    output: str,
    **flags: str | None,
) -> None:
    """Review an emergency that is over.

    Somebody else than its invoker, whom its rule names, with one of --justified and --not-justified. It is
    unfinished until then.
    """
    if justified and not_justified:  # what was typed goes before what the environment says
        justified, not_justified = _typed(ctx, "justified"), _typed(ctx, "not_justified")
    if justified is not_justified:
        raise click.UsageError("say one of --justified and --not-justified")
    run(_review(settings_from(flags_of(flags)), event_id, justified, comment, output))


def _typed(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


async def _close(settings: Settings, event_id: str, reason: str, output: str) -> None:
    from cli import emergencies
    from cli.cut import cut_off, lifted_by_emergency, revocations, say_failures
    from cli.output import clean, show_json
    from cli.told import tell, wrote_down
    from sentinel_server.breakglass.ending import close, read_one
    from sentinel_server.wiring import open_desk

    async with open_desk(settings) as desk:
        event, _ = await read_one(desk.records, event_id)
        actor, policy = await _acting(settings, event)
        done = await close(desk, event_id, actor, reason, policy)
        now = desk.clock.now()
        own, closing = actor.owns(event), done.event.closing
        assert closing is not None  # noqa: S101  # that is what was done
        cut = await cut_off(settings, lifted_by_emergency(done.event, closing, own=own))
        failed = await wrote_down(settings, done, actor.principal.arn, *revocations(cut, now))
        if output == "json":
            show_json(emergencies.closed_fields(done, cut, now))
        else:
            for line in emergencies.closed_words(done, cut):
                click.echo(clean(line))
        await tell(settings, desk, done)
    say_failures(cut, "the emergency is closed", allowed=not own)
    if failed is not None:
        raise failed


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
