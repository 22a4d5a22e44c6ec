"""`approve`, `deny`, `cancel` and `revoke-approval`: what becomes of a request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, output_option, own_option, region_option, request_options

if TYPE_CHECKING:
    from sentinel_server.identity.principal import Principal
    from sentinel_server.requests.deeds import Done
    from sentinel_server.requests.desk import Desk
    from sentinel_server.requests.model import AccessRequest
    from sentinel_server.sessions.cutting import Cut
    from sentinel_server.settings.resolve import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
Act = Callable[["Desk", "Principal"], Awaitable["Done"]]
"""One of the four, given the desk and who acts."""


def _options(command: Command) -> Command:
    comment = own_option(
        "DECIDE", "--comment", default="", metavar="TEXT", help="Kept with it; others read it."
    )
    shown = output_option("human", "json")
    return click.argument("request_id", metavar="ID")(
        comment(shown(request_options(region_option(control_option(command)))))
    )


@click.command()
@_options
def approve(request_id: str, comment: str, output: str, **flags: Any) -> None:
    """Agree to a request of somebody else.

    The access begins when enough have agreed. Your approval is signed when approvals.key_file or
    approvals.kms_key is set. You are the principal of --aws-profile, as AWS says.
    """
    from sentinel_server.requests import deciding

    settings = settings_from(flags_of(flags))
    run(
        _act(
            settings, lambda desk, who: deciding.approve(desk, request_id, who, comment), output, signing=True
        )
    )


@click.command()
@_options
def deny(request_id: str, comment: str, output: str, **flags: Any) -> None:
    """Say no to a request, for good.

    It is for those who could approve it. What is approved already is revoked with `revoke-approval`.
    """
    from sentinel_server.requests import deciding

    settings = settings_from(flags_of(flags))
    run(_act(settings, lambda desk, who: deciding.deny(desk, request_id, who, comment), output))


@click.command()
@_options
@own_option("CANCEL", "--give-back", is_flag=True, help="End an approved access of yours before its time.")
def cancel(request_id: str, comment: str, give_back: bool, output: str, **flags: Any) -> None:
    """Take back a request of your own.

    While it waits; with --give-back, an access that was approved, and the sessions that run under it.
    """
    from sentinel_server.requests import deciding
    from sentinel_server.requests.desk import read_one

    settings = settings_from(flags_of(flags))

    async def act(desk: Desk, who: Principal) -> Done:
        also = await _as_requester(settings, await read_one(desk.records, request_id))
        return await deciding.cancel(desk, request_id, who, comment, also=also, give_back=give_back)

    run(_act(settings, act, output))


@click.command("revoke-approval")
@_options
def revoke_approval(request_id: str, comment: str, output: str, **flags: Any) -> None:
    """End an approved access before its time.

    A running `exec --server` is refused at its next fetch, and the sessions that ran under it are revoked.
    For approvers and the security team: whoever may write revocations in the store.
    """
    from sentinel_server.requests import deciding

    settings = settings_from(flags_of(flags))
    run(_act(settings, lambda desk, who: deciding.revoke(desk, request_id, who, comment), output))


async def _act(settings: Settings, act: Act, output: str, *, signing: bool = False) -> None:
    from cli import asked, cut
    from cli.output import note, progress, show_json
    from sentinel_server.wiring import open_deciding, whoami

    with progress("asking the store"):
        who = await whoami(settings, None)
        async with open_deciding(settings, signing=signing) as desk:
            done = await act(desk, who)
            lifted, now = cut.lifted_by_approval(done.request), desk.clock.now()
            ended = None if lifted is None else await cut.cut_off(settings, lifted)
            lines = [] if ended is None else cut.revocations(ended, now)
            failed = await asked.settle(settings, desk, done, *lines)
    if output == "json":
        show_json(asked.fields(done.request, now) | ({} if ended is None else cut.fields(ended)))
    else:
        click.echo(_words(done.request, now))
    for line in [] if ended is None else _notes(done.request, ended, now):
        note(line)
    if failed is not None:
        raise failed
    if ended is not None:
        cut.say_failures(ended, "the approval is ended", allowed=done.request.cut is not None)


async def _as_requester(settings: Settings, request: AccessRequest) -> tuple[Principal, ...]:
    """Who the profile's own base credentials say we are, where there are any."""
    from sentinel_server.errors import SentinelError
    from sentinel_server.wiring import whoami

    try:
        return (await whoami(settings, request.profile),)
    except SentinelError:
        return ()


def _words(request: AccessRequest, now: datetime) -> str:
    from cli.asked import when
    from cli.output import clean

    status, what = (
        request.status(now).value,
        f"{clean(request.user)}'s request {request.id} for {request.profile}",
    )
    if request.ends_at is not None and status == "approved":
        return f"approved: {what}, until {when(request.ends_at, now)}"
    if status == "pending":
        return f"agreed to {what}; it waits for more approvals"
    return f"{status}: {what}"


def _notes(request: AccessRequest, ended: Cut, now: datetime) -> list[str]:
    from cli.asked import when

    lines = [
        "no credentials are issued under it from now on; a running server refuses its next fetch",
        f"sessions ended with it: {', '.join(session.id for session in ended.sessions) or 'none'}",
    ]
    if request.ends_at is None:
        return lines
    until = when(request.ends_at, now)
    if now >= request.ends_at:
        return [f"by the clock here it gave access until {until}", *lines]
    return [*lines, f"what was issued before lasts for its lease, and until {until} at the latest"]
