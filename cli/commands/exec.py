"""`sentinel exec`: run a command with AWS credentials, decided once or, with `--server`, on every fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import (
    asked_profile_option,
    control_option,
    flags_of,
    login_options,
    own_option,
    policy_options,
    region_option,
    setting_option,
    store_options,
)
from sentinel_server.errors import BadInput, Nested

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.child.end import ChildEnd
    from cli.containers import Needs
    from cli.wish import Wish
    from sentinel_server.settings.resolve import Settings

_SERVER_ONLY = (
    "server_port",
    "server_duration",
    "max_session",
    "rate_limit",
    "listen",
    "allow_uid",
    "lazy",
    "docker",
    "write",
)


@click.command("exec", context_settings={"allow_interspersed_args": False})
@asked_profile_option
@own_option("EXEC", "--server", "-s", is_flag=True, help="Serve credentials; decide anew on every fetch.")
@own_option("EXEC", "--lazy", is_flag=True, help="Start at once; settle everything at the first fetch.")
@own_option("EXEC", "--duration", "-d", metavar="DURATION", help="Of credentials handed over once; 1h.")
@setting_option(
    "--server-duration", setting="server_duration", help="Length of STS sessions.", metavar="DURATION"
)
@setting_option("--lease", setting="lease", help="standard, strict, full or 90s.", metavar="LEASE")
@setting_option("--max-session", setting="max_session", help="Its end, 12h.", metavar="DURATION")
@setting_option("--server-port", setting="server_port", help="Port to serve on.", metavar="PORT")
@setting_option("--rate-limit", setting="rate_limit", help="Fetches a second; 0: no limit.", metavar="N")
@own_option("EXEC", "--docker", is_flag=True, help="Say how containers on this machine are served too.")
@own_option(
    "EXEC",
    "--write",
    type=click.Choice(["compose", "devcontainer"]),
    help="With --docker: write it into the project here.",
)
@setting_option("--listen", setting="listen", help="Or 169.254.170.2, for containers.", metavar="ADDRESS")
@setting_option("--allow-uid", setting="allow_uid", help="Users to serve besides you.", metavar="UID,…")
@login_options
@region_option
@policy_options
@store_options
@control_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def exec_command(
    profile: str | None,
    server: bool,
    lazy: bool,
    duration: str | None,
    docker: bool,
    write: str | None,
    mfa_token: str | None,
    command: tuple[str, ...],
    **flags: Any,
) -> None:
    """Run a command with AWS credentials.

    Without a COMMAND your shell is started. Put -- before the command:

        sentinel exec --server --profile prod -- terraform apply
    """
    _refuse_nonsense(
        server, duration, {**flags, "lazy": lazy or None, "docker": docker or None, "write": write}
    )
    if write is not None and not docker:
        raise BadInput("--write needs --docker")
    settings = settings_from(flags_of(flags))
    _refuse_nesting(settings.environ)
    from cli.child.run import exit_as
    from cli.picking import chosen_profile
    from cli.wish import Wish

    wish = Wish(
        profile=chosen_profile(settings, profile, command),
        command=command,
        duration=duration,
        lazy=lazy,
        mfa_token=mfa_token,
        needs=_for_containers(settings, write) if docker else None,
    )
    exit_as(_run(settings, wish, server=server))


def _run(settings: Settings, wish: Wish, *, server: bool) -> ChildEnd:
    if server and wish.lazy:
        from cli.lazily import run_lazily
        from sentinel_server.wiring import needs_nobody, profiles

        known = profiles(settings)
        if needs_nobody(settings, known, wish.profile):
            return run_lazily(settings, wish, known.get(wish.profile))
    from cli.serving import run_once, run_served

    return run(run_served(settings, wish)) if server else run_once(settings, wish)


def _for_containers(settings: Settings, write: str | None) -> Needs:
    """What containers need, said or written before anything is asked of AWS."""
    from cli.containers import Needs, our_user, write_for
    from cli.output import note

    user = None if settings.allow_uid else our_user()
    needs = Needs(host_network=settings.listen == "127.0.0.1", user=user)
    if write is not None:
        note(f"written: {write_for(write, needs, Path.cwd())}")
    return needs


def _refuse_nonsense(server: bool, duration: str | None, flags: Mapping[str, object]) -> None:
    if server and duration is not None:
        raise BadInput(
            "--duration is for credentials that are handed over once",
            hint="with --server, use --server-duration, or --max-session for the session's end",
        )
    given = [name for name in _SERVER_ONLY if flags.get(name) is not None]
    if given and not server:
        raise BadInput(f"--{given[0].replace('_', '-')} needs --server")


def _refuse_nesting(environ: Mapping[str, str]) -> None:
    inside = environ.get("AWS_SENTINEL")
    if inside:
        raise Nested(f"this shell already has credentials of {inside} from sentinel")
