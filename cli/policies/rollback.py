"""`sentinel policy rollback`: put an earlier version into force again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from cli.context import run, settings_from
from cli.options import flags_of, own_option, yes_option
from cli.policies.shelf import keys_option, kind_of, open_shelf, signer_options, store_options


@click.command("rollback")
@click.argument("profile")
@own_option(
    "ROLLBACK",
    "--to",
    "version",
    type=click.IntRange(1),
    metavar="N",
    help="That version; else the one before.",
)
@signer_options
@yes_option
@keys_option
@store_options
def rollback(
    profile: str,
    version: int | None,
    sign_with: str | None,
    kms_key: str | None,
    valid_for: timedelta | None,
    yes: bool,
    **flags: Any,
) -> None:
    """Push the bytes of an earlier version again.

    They become a new version, signed anew with a higher serial, so that nobody takes them for a replay.
    """
    settings = settings_from(flags_of(flags))
    run(_rollback(settings, profile, version, sign_with, kms_key, valid_for, yes))


async def _rollback(
    settings: Any,
    profile: str,
    version: int | None,
    sign_with: str | None,
    kms_key: str | None,
    valid_for: timedelta | None,
    yes: bool,
) -> None:
    from cli.policies.checking import check
    from cli.policies.pushing import Push, push
    from sentinel_server.policy.shipping import earlier

    async with open_shelf(settings, profile) as shelf:
        seen = await shelf.store.read(profile)
        revision = earlier(await shelf.store.history(profile), seen, version)
        source = f"{seen.name} (version {revision.version})"
        check(revision.data, source, kind_of(profile), tests=False)
        wanted = Push(
            data=revision.data,
            source=source,
            sign_with=sign_with,
            kms_key=kms_key,
            valid_for=valid_for,
            yes=yes,
        )
        await push(settings, shelf, seen, wanted)
