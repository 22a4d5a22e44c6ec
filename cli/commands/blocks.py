"""`server-blocks` and `server-unblock`: who and what is kept out, and letting them back in."""

from __future__ import annotations

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
from cli.types import block_key

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.sessions.model import Block, BlockKey
    from sentinel_server.settings.resolve import Settings


@click.command("server-blocks")
@own_option("BLOCKS", "--all", "every", is_flag=True, help="Those lifted or ended, too.")
@output_option("table", "json", "csv")
@store_options
@region_option
@control_option
def server_blocks(every: bool, output: str, **flags: str | None) -> None:
    """List who and what is blocked.

    A block refuses a person, a profile or everyone at every door.
    """
    run(_list(settings_from(flags_of(flags)), every, output))


@click.command("server-unblock")
@click.argument("key", type=block_key, metavar="KEY")
@yes_option
@output_option("human", "json")
@store_options
@region_option
@control_option
def server_unblock(key: BlockKey, yes: bool, output: str, **flags: str | None) -> None:
    """Lift a block.

    KEY is as `sentinel server-blocks` shows it: person:KEY, profile:NAME or everyone. Sessions that were
    revoked stay revoked.
    """
    run(_lift(settings_from(flags_of(flags)), key, yes, output))


async def _list(settings: Settings, every: bool, output: str) -> None:
    from cli import tables
    from cli.output import note, show_csv, show_json, show_table
    from sentinel_server.clock import SystemClock

    now = SystemClock().now()
    async with asking_store(settings) as store:
        blocks = [block for block in await store.blocks() if every or block.holds(now)]
    fields = [tables.block_fields(block, now) for block in blocks]
    if output == "json":
        show_json({"blocks": fields})
    elif output == "csv":
        show_csv(tables.BLOCK_FIELDS, fields)
    elif blocks:
        show_table(
            tables.BLOCK_HEADINGS, [tables.block_row(block, now) for block in blocks], whole={0}, below=True
        )
    else:
        note("nobody is blocked" if not every else "nobody was ever blocked")


async def _lift(settings: Settings, key: BlockKey, yes: bool, output: str) -> None:
    from cli import tables
    from cli.audited import write_down
    from cli.output import clean, confirm, show_json
    from sentinel_server.clock import SystemClock, whole_seconds
    from sentinel_server.sessions.revoke import lift
    from sentinel_server.wiring import actor, open_store

    by = await actor(settings)
    async with open_store(settings) as store:
        if not yes:
            confirm(f"lift the block {key} in {store.ref.url}?")
        now = SystemClock().now()
        block = await lift(store, key, by, now)
    failed = await write_down(settings, [_event(block, by)])
    if output == "json":
        show_json(tables.block_fields(block, now))
    else:
        click.echo(
            clean(f"Lifted: {key}, blocked by {block.by} at {whole_seconds(block.at)}: {block.reason}")
        )
    if failed is not None:
        raise failed


def _event(block: Block, by: str) -> AuditEvent:
    from sentinel_server.auditlog.event import Action, AuditEvent
    from sentinel_server.sessions.model import Scope

    scope, name = block.key.scope, block.key.name
    return AuditEvent(
        action=Action.UNBLOCKED,
        at=block.lifted_at or block.at,
        person=name if scope is Scope.PERSON else None,
        profile=name if scope is Scope.PROFILE else None,
        reason=block.reason,
        by=by,
    )
