"""`sentinel policy pull`: the stored text, byte for byte."""

from __future__ import annotations

from typing import Any

import click

from cli.context import run, settings_from
from cli.options import flags_of, own_option
from cli.policies.shelf import keys_option, open_shelf, store_options, write_file


@click.command("pull")
@click.argument("profile")
@own_option(
    "PULL", "-o", "--output", "file", default="-", metavar="FILE", help="Write it there, not to stdout."
)
@own_option("PULL", "--version", "version", type=click.IntRange(1), metavar="N", help="An earlier version.")
@own_option("PULL", "--verify", "checked", is_flag=True, help="Refuse it unless its signature holds.")
@keys_option
@store_options
def pull(profile: str, file: str, version: int | None, checked: bool, **flags: Any) -> None:
    """Print the stored policy of a profile, byte for byte.

    What comes out is what was signed, so it can be verified and pushed again. On a terminal, what it would
    obey is shown as an escape.
    """
    settings = settings_from(flags_of(flags))
    write_file(file, run(_pull(settings, profile, version, checked)))


async def _pull(settings: Any, profile: str, version: int | None, checked: bool) -> bytes:
    from cli.policies.verifying import verify_stored
    from sentinel_server.errors import BadInput, NotFound
    from sentinel_server.policy.shipping import earlier

    if checked and version is not None:
        raise BadInput("only the version in force can be verified", hint="leave out --version or --verify")
    async with open_shelf(settings, profile) as shelf:
        seen = await shelf.store.read(profile)
        if version is not None:
            return earlier(await shelf.store.history(profile), seen, version).data
        if seen.data is None:
            raise NotFound(f"no policy for {profile}: {seen.name} does not exist")
        if checked:
            await verify_stored(shelf, seen)
        return seen.data
