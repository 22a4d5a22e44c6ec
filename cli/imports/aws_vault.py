"""`sentinel import aws-vault`: its keys into our keyring. aws-vault's own store is only read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import backend_option, keyring_options
from cli.options import output_option, own_option

if TYPE_CHECKING:
    from sentinel_server.keyring.imports import Line
    from sentinel_server.secret import Secret
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import UserKeyring

HEADINGS = ("PROFILE", "KEY", "OUTCOME", "WHY")
NAMES = ("profile", "key", "outcome", "why")


@click.command("aws-vault")
@click.argument("profiles", nargs=-1, metavar="[PROFILE]...")
@own_option(
    "IMPORT",
    "--from",
    "kind",
    type=click.Choice(("auto", "file", "secret-service", "command")),
    default="auto",
    help="Where aws-vault keeps them.",
)
@own_option("IMPORT", "--dir", "directory", metavar="PATH", help="Its files; else ~/.awsvault/keys.")
@own_option("IMPORT", "--replace", is_flag=True, help="In place of keys that are there.")
@own_option("IMPORT", "--dry-run", is_flag=True, help="Only say what would be done.")
@output_option("table", "json", "csv")
@keyring_options
@backend_option
def aws_vault(
    profiles: tuple[str, ...],
    kind: str,
    directory: str | None,
    replace: bool,
    dry_run: bool,
    output: str,
    **flags: Any,
) -> None:
    """Bring the keys of aws-vault into the keyring.

    All of them, or those of the named profiles. Nothing is removed from aws-vault, and a key that is there is
    not replaced unless that is said. Sessions are left out: they end by themselves. Fails when a key could
    not be brought along.
    """
    from cli.output import show_csv, show_json, show_table
    from sentinel_server.errors import SentinelError
    from sentinel_server.keyring.imports import Outcome

    settings, keyring = opened(flags)
    place = Path(directory) if directory else None
    lines = run(_brought(settings, keyring, kind, place, profiles, replace=replace, dry_run=dry_run))
    rows = [_row(line) for line in lines]
    if output == "json":
        show_json({"dry_run": dry_run, "keys": rows})
    elif output == "csv":
        show_csv(NAMES, rows)
    else:
        shown = [row for row, line in zip(rows, lines, strict=True) if line.outcome is not Outcome.LEFT]
        show_table(HEADINGS, [tuple(str(row[name] or "-") for name in NAMES) for row in shown], whole={0, 1})
    _summarise(settings, lines, dry_run)
    bad = [line for line in lines if not line.outcome.fine]
    if bad:
        raise SentinelError(
            f"{len(bad)} of {len(lines)} could not be brought along; aws-vault still has them",
            hint="for keys that are to be replaced: --replace",
        )


async def _brought(
    settings: Settings,
    keyring: UserKeyring,
    kind: str,
    directory: Path | None,
    profiles: Sequence[str],
    *,
    replace: bool,
    dry_run: bool,
) -> tuple[Line, ...]:
    from cli.output import note
    from sentinel_server import wiring
    from sentinel_server.errors import NotFound
    from sentinel_server.keyring.imports import bring_in

    chosen = wiring.aws_vault_store(settings, kind, directory, _ask)
    note(f"reading {chosen.words}")
    found = [each for each in await chosen.store.read() if not profiles or each.name in profiles]
    missing = sorted(set(profiles) - {each.name for each in found})
    if missing:
        raise NotFound(f"aws-vault has nothing for {', '.join(missing)}", hint="see: aws-vault list")
    return await bring_in(keyring.keys, found, replace=replace, dry_run=dry_run)


async def _ask(wrong: bool) -> Secret:
    from cli.prompt import ask_secret

    if wrong:
        click.echo("sentinel: that opens none of them", err=True)
    return ask_secret("passphrase of aws-vault's files")


def _row(line: Line) -> dict[str, Any]:
    return {"profile": line.name, "key": line.key_id, "outcome": line.outcome.value, "why": line.why}


def _summarise(settings: Settings, lines: Sequence[Line], dry_run: bool) -> None:
    from cli.output import note
    from sentinel_server import wiring
    from sentinel_server.keyring.imports import Outcome

    counted = {outcome: sum(line.outcome is outcome for line in lines) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome.value}" for outcome, count in counted.items() if count)
    note(f"{'would be: ' if dry_run else ''}{told or 'aws-vault keeps nothing here'}")
    known = wiring.profiles(settings)
    for name in known.names():
        process = known.get(name).credential_process or ""
        if "aws-vault" in process:
            note(f"profile {name} still runs aws-vault as its credential_process")
