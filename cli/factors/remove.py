"""`sentinel mfa remove`: by the person with a code, by security with the right to write there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.factors.whose import PURPOSE, factor_options, line, opened, own_person, person_option
from cli.options import flags_of, yes_option

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings


@click.command()
@person_option
@yes_option
@factor_options
def remove(person: str | None, yes: bool, profile: str | None, **flags: str | None) -> None:
    """Take a second factor away.

    One's own with a code of it. Somebody else's, who has lost it, without: there AWS decides who may.
    """
    run(_remove(settings_from(flags_of(flags)), person, profile, yes))


async def _remove(settings: Settings, person: str | None, profile: str | None, yes: bool) -> None:
    from cli.audited import write_down
    from cli.output import clean, confirm
    from cli.proving import prove
    from sentinel_server.auditlog.event import Action
    from sentinel_server.errors import NotFound
    from sentinel_server.mfa.proof import Asked

    own = await own_person(settings, profile)
    who = person or own
    async with opened(settings) as factors:
        if await factors.store.read(who) is None:
            raise NotFound(
                f"{who} has enrolled no second factor in {factors.where}", hint="see: sentinel mfa status"
            )
        if who == own:
            await prove(factors, Asked(person=own, profile="", purpose=PURPOSE))
        elif not yes:
            confirm(f"take the second factor of {who} away?")
        await factors.store.remove(who)
    failed = await write_down(settings, [line(Action.MFA_REMOVED, who, "", own)])
    click.echo(clean(f"Removed: the second factor of {who}"))
    if failed is not None:
        raise failed
