"""`sentinel keyring rotate`: a new access key in the place of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import keyring_options
from cli.layout import clean
from cli.options import output_option, region_option

if TYPE_CHECKING:
    from sentinel_server.keyring.rotate import Rotated
    from sentinel_server.settings.resolve import Settings


@click.command("rotate")
@click.argument("profile")
@output_option("human", "json")
@region_option
@keyring_options
def rotate(profile: str, output: str, **flags: Any) -> None:
    """Make a new access key in AWS, and delete the old one.

    The new key is kept as soon as it is made and taken into use when AWS accepts it; then the old one is
    deleted. There is a working key at every moment: what was interrupted, by whatever, is
    carried on by the same command. Sessions made with the old key are forgotten.
    """
    from cli.output import note, show_json

    settings, _ = opened(flags)
    done = run(_rotated(settings, profile))
    if output == "json":
        show_json({"old": done.old, "new": done.new, "user": done.user, "profiles": list(done.profiles)})
        return
    click.echo(clean(f"The key of {', '.join(done.profiles)} is now {done.new}; {done.old} is deleted."))
    note(f"other machines with the old key of {done.user} cannot use it any more")


async def _rotated(settings: Settings, profile: str) -> Rotated:
    from cli.visitor import at_the_terminal
    from sentinel_server import wiring

    async with wiring.open_rotation(settings, profile, at_the_terminal()) as rotator:
        return await rotator.rotate(profile)
