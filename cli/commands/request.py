"""`request` and `extend`: asking for access that policy gives only when somebody else agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import (
    control_option,
    flags_of,
    output_option,
    own_option,
    profile_option,
    region_option,
    request_options,
)
from cli.types import span
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.requests.asking import Wanted
    from sentinel_server.requests.deeds import Done
    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Asker


@click.command("request")
@profile_option
@own_option("REQUEST", "--duration", "-d", type=span, default="1h", metavar="SPAN", help="How long; 1h.")
@own_option("REQUEST", "--justification", required=True, metavar="WHY", help="What for; approvers read it.")
@own_option("REQUEST", "--ticket", default="", metavar="TICKET", help="The ticket it is about.")
@own_option("REQUEST", "--wait", is_flag=True, help="Wait until it is decided; Ctrl-C leaves it open.")
@output_option("human", "json")
@request_options
@region_option
@control_option
def request(
    profile: str,
    duration: timedelta,
    justification: str,
    ticket: str,
    wait: bool,
    output: str,
    **flags: Any,
) -> None:
    """Ask for access that needs an approval.

    You are who the base credentials of the profile belong to. Exits with 0 once the request is made; with
    --wait once it is approved, and with 3 when it is denied or nobody decides in time.
    """
    wish = _Wish(
        profile=profile,
        duration=duration,
        justification=justification,
        ticket=ticket,
        wait=wait,
        output=output,
    )
    _run(settings_from(flags_of(flags)), wish)


@click.command("extend")
@click.argument("request_id", metavar="ID")
@click.option(
    "--profile",
    envvar="SENTINEL_PROFILE",
    show_envvar=True,
    metavar="NAME",
    help="Its AWS profile; else it is looked up.",
)
@own_option("REQUEST", "--duration", "-d", type=span, metavar="SPAN", help="How long; as the first time.")
@own_option("REQUEST", "--justification", metavar="WHY", help="What for; as the first time.")
@own_option("REQUEST", "--ticket", metavar="TICKET", help="The ticket it is about; as the first time.")
@own_option("REQUEST", "--wait", is_flag=True, help="Wait until it is decided; Ctrl-C leaves it open.")
@output_option("human", "json")
@request_options
@region_option
@control_option
def extend(
    request_id: str,
    profile: str | None,
    duration: timedelta | None,
    justification: str | None,
    ticket: str | None,
    wait: bool,
    output: str,
    **flags: Any,
) -> None:
    """Ask to go on after an approved access.

    That is a request of its own, which takes an approval of its own and lasts from that approval on. The
    access must be yours and not be over. Exits as `request` does.
    """
    settings = settings_from(flags_of(flags))
    wish = _Wish(
        profile=profile or run(_profile_of(settings, request_id), "asking the store"),
        duration=duration,
        justification=justification,
        ticket=ticket,
        wait=wait,
        output=output,
        extends=request_id,
    )
    _run(settings, wish)


@frozen
class _Wish:
    """What was typed; None is to be as it was in the request that is extended."""

    profile: str
    duration: timedelta | None
    justification: str | None
    ticket: str | None
    wait: bool
    output: str
    extends: str = ""


def _run(settings: Settings, wish: _Wish) -> None:
    from cli.output import note

    made: list[str] = []
    try:
        run(_ask(settings, wish, made))
    except KeyboardInterrupt:
        if made:
            from cli.waiting import go_on

            note(f"request {made[0]} stays open; {go_on(made[0])}")
        raise


async def _profile_of(settings: Settings, request_id: str) -> str:
    from sentinel_server.requests.desk import read_one
    from sentinel_server.wiring import open_records

    async with open_records(settings) as records:
        return (await read_one(records, request_id)).profile


async def _ask(settings: Settings, wish: _Wish, made: list[str]) -> None:
    from cli.asked import settle
    from cli.visitor import at_the_terminal
    from sentinel_server.wiring import open_asking

    async with open_asking(settings, wish.profile, at_the_terminal()) as asker:
        done = await _made(asker, wish)
        made.append(done.request.id)
        failed = await settle(settings, asker.desk, done)
        final = done.request
        if wish.output == "human" or not wish.wait:
            _show(asker, final, wish.output)
        if wish.wait:
            final = await _decided(asker, final, wish.output)
        _next(asker, final)
        if failed is not None:
            raise failed


async def _made(asker: Asker, wish: _Wish) -> Done:
    from sentinel_server.requests.asking import Wanted, ask, extend
    from sentinel_server.requests.desk import read_one

    wanted = Wanted(
        principal=asker.principal,
        profile=wish.profile,
        duration=wish.duration or timedelta(hours=1),
        justification=wish.justification or "",
        ticket=wish.ticket or "",
    )
    if not wish.extends:
        return await ask(asker.desk, wanted)
    old = await read_one(asker.desk.records, wish.extends)
    return await extend(asker.desk, wish.extends, _as_before(wanted, wish, old))


def _as_before(wanted: Wanted, wish: _Wish, old: AccessRequest) -> Wanted:
    return replace(
        wanted,
        duration=wish.duration or old.duration,
        justification=wish.justification or old.justification,
        ticket=old.ticket if wish.ticket is None else wish.ticket,
    )


async def _decided(asker: Asker, request: AccessRequest, output: str) -> AccessRequest:
    """What became of it. Raises RequestRefused unless it was approved."""
    from cli.waiting import refused, wait_for
    from sentinel_server.requests.model import Status

    final = await wait_for(asker.desk, request)
    if output == "json":
        _show(asker, final, output)
    now = asker.desk.clock.now()
    if final.status(now) is not Status.APPROVED:
        raise refused(final, now)
    return final


def _show(asker: Asker, request: AccessRequest, output: str) -> None:
    from cli import asked
    from cli.output import show_json, show_lines

    now = asker.desk.clock.now()
    if output == "json":
        show_json({"request_id": request.id, **asked.fields(request, now)})
    else:
        show_lines(asked.lines(request, now))


def _next(asker: Asker, request: AccessRequest) -> None:
    from cli.asked import use
    from cli.output import note

    if request.granted_at is None:
        note(f"an approver can agree to it: sentinel approve {request.id}")
        note(f"next: sentinel check {request.id}")
    else:
        note(f"next: {use(request.profile)}")
