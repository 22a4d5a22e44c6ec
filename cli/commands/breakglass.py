"""`breakglass`: take access in an emergency, for others to review afterwards."""

from __future__ import annotations

from datetime import timedelta
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
    profile_option,
    region_option,
)
from cli.types import span
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.breakglass.deeds import Done
    from sentinel_server.breakglass.model import MfaEvidence
    from sentinel_server.breakglass.opening import Call
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Invocation

REASON_CODES = ("incident", "maintenance", "security", "recovery", "other")
"""The values of `ReasonCode`, here so that `--help` need not import it; a test holds them together."""


@frozen
class _Said:
    """What was typed."""

    profile: str
    reason_code: str
    justification: str
    ticket: str
    duration: timedelta
    mfa_code: str | None
    mfa_challenge_id: str
    drill: bool


@click.command("breakglass")
@profile_option
@own_option(
    "BREAKGLASS", "--reason-code", type=click.Choice(REASON_CODES), required=True, help="The kind of reason."
)
@own_option(
    "BREAKGLASS", "--justification", required=True, metavar="WHY", help="Why, in 20 to 1000 characters."
)
@own_option("BREAKGLASS", "--ticket", default="", metavar="ID", help="The ticket of the incident.")
@own_option(
    "BREAKGLASS",
    "--duration",
    type=span,
    default="1h",
    show_default=True,
    metavar="SPAN",
    help="For how long, up to 4h.",
)
@own_option("BREAKGLASS", "--mfa-code", metavar="CODE", help="Your second factor, when it is wanted.")
@own_option(
    "BREAKGLASS",
    "--mfa-challenge-id",
    default="",
    metavar="ID",
    help="The challenge the code was sent for.",
)
@own_option("BREAKGLASS", "--drill", is_flag=True, help="Do everything, and issue nothing.")
@output_option("human", "json")
@breakglass_options
@policy_options
@region_option
@control_option
def breakglass(
    profile: str,
    reason_code: str,
    justification: str,
    ticket: str,
    duration: timedelta,
    mfa_code: str | None,
    mfa_challenge_id: str,
    drill: bool,
    output: str,
    **flags: str | None,
) -> None:
    """Take access in an emergency.

    The break-glass policy says who may, for what and for how long; it is told to others at once, and somebody
    else reviews it afterwards. `sentinel exec` and the other doors use it by themselves while it is open.
    """
    said = _Said(
        profile=profile,
        reason_code=reason_code,
        justification=justification,
        ticket=ticket,
        duration=duration,
        mfa_code=mfa_code,
        mfa_challenge_id=mfa_challenge_id,
        drill=drill,
    )
    run(_open(settings_from(flags_of(flags)), said, output))


async def _open(settings: Settings, said: _Said, output: str) -> None:
    from cli import emergencies
    from cli.output import clean, show_json
    from cli.told import tell, wrote_down
    from cli.visitor import at_the_terminal
    from sentinel_server.clock import SystemClock
    from sentinel_server.wiring import open_invocation

    async with open_invocation(settings, said.profile, at_the_terminal()) as invocation:
        done = await _opened(settings, invocation, said)
        failed = await wrote_down(settings, done)
        if output == "json":
            show_json(emergencies.opened_fields(done, SystemClock().now()))
        else:
            for line in emergencies.opened_words(done):
                click.echo(clean(line))
        await tell(settings, invocation.desk, done)
    if failed is not None:
        raise failed


async def _opened(settings: Settings, invocation: Invocation, said: _Said) -> Done:
    """Everything that could refuse is asked before anybody has to look for their authenticator."""
    from sentinel_server.breakglass.opening import checked, look_ahead, open_glass, permit, required

    call, rules, desk = checked(_call(settings, invocation, said)), invocation.rules, invocation.desk
    permitted = permit(call, rules, desk.clock.now())
    await look_ahead(desk, call, rules)
    evidence: MfaEvidence | None = None
    if (needed := required(permitted, rules)) is not None:
        from cli.second_factor import prove

        evidence = await prove(
            settings, desk, call, needed.methods, code=said.mfa_code, challenge_id=said.mfa_challenge_id
        )
    return await open_glass(desk, call, rules, evidence)


def _call(settings: Settings, invocation: Invocation, said: _Said) -> Call:
    from sentinel_server.breakglass.opening import Call
    from sentinel_server.breakglass.rules import Wanted
    from sentinel_server.policy.breakglass import ReasonCode

    wanted = Wanted(
        principal=invocation.principal,
        profile=said.profile,
        reason_code=ReasonCode(said.reason_code),
        duration=said.duration,
        home_account=invocation.home_account,
    )
    return Call(
        wanted=wanted,
        person=settings.persons.key(invocation.principal),
        justification=said.justification,
        ticket=said.ticket.strip(),
        drill=said.drill,
    )
