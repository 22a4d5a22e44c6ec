"""`sentinel policy history`: the versions that the store has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import flags_of, output_option
from cli.policies.shelf import keys_option, open_shelf, store_options

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.policy.stored import Revision

HEADINGS = ("VERSION", "DATE", "AUTHOR", "SHA256", "SERIAL", "SIGNED-BY")
FIELDS = ("version", "date", "author", "sha256", "serial", "signed_by", "signature")


@click.command("history")
@click.argument("profile")
@output_option("table", "json", "csv")
@keys_option
@store_options
def history(profile: str, output: str, **flags: Any) -> None:
    """List the versions of a policy, newest first.

    In SSM those are the last hundred. With a key set, signatures that do not hold are marked.
    """
    from cli.output import show_csv, show_json, show_table

    rows = run(_rows(settings_from(flags_of(flags)), profile))
    if output == "json":
        show_json({"versions": rows})
    elif output == "csv":
        show_csv(FIELDS, rows)
    else:
        show_table(HEADINGS, [_cells(row) for row in rows], whole={0})


async def _rows(settings: Any, profile: str) -> list[dict[str, Any]]:
    from sentinel_server.errors import NotFound

    async with open_shelf(settings, profile) as shelf:
        revisions = await shelf.store.history(profile)
        if not revisions:
            seen = await shelf.store.read(profile)
            raise NotFound(f"no policy for {profile}: {seen.name} does not exist")
        return [_row(revision, shelf.keys) for revision in revisions]


def _row(revision: Revision, keys: KeySet | None) -> dict[str, Any]:
    from sentinel_server.canonical import sha256_hex
    from sentinel_server.clock import whole_seconds
    from sentinel_server.policy.shipping import signed_by
    from sentinel_server.policy.signing import holds

    signed = signed_by(revision.data, revision.envelope)
    state = "none" if signed is None else "unchecked"
    if signed is not None and keys is not None:
        key = keys.find(signed.statement.key_id)
        state = "unknown key" if key is None else "good" if holds(key, signed) else "bad"
    return {
        "version": revision.version,
        "date": whole_seconds(revision.at),
        "author": revision.author or None,
        "sha256": sha256_hex(revision.data),
        "serial": None if signed is None else signed.statement.serial,
        "signed_by": None if signed is None else signed.statement.key_id,
        "signature": state,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    mark = "" if row["signature"] in ("good", "unchecked", "none") else f" ({row['signature']})"
    return (
        str(row["version"]),
        row["date"],
        row["author"] or "-",
        row["sha256"][:12],
        str(row["serial"] or "-"),
        (row["signed_by"] or "-") + mark,
    )
