"""`sentinel sandbox`: everything at work on an embedded AWS, without an account."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import own_option

if TYPE_CHECKING:
    from sentinel_server.sandbox.seed import Seeded


@click.command("sandbox", context_settings={"allow_interspersed_args": False})
@own_option("SANDBOX", "--shell", is_flag=True, help="Leave me in a shell in the seeded account.")
@own_option("SANDBOX", "--shared", is_flag=True, help="Policies in SSM, sessions in DynamoDB.")
@own_option(
    "SANDBOX",
    "--story",
    type=click.Choice(["revocation", "approvals", "breakglass"]),
    default="revocation",
    show_default=True,
    help="Which story to play.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def sandbox(shell: bool, shared: bool, story: str, command: tuple[str, ...]) -> int:
    """Try everything on an embedded AWS.

    Starts an AWS on this machine, seeds an account, and plays a story: allowed, working, revoked from
    outside, refused with the reason, audit log verified; or how somebody else approves, or how an emergency
    is opened, closed and reviewed. With --shell, or -- COMMAND, you take over.
    """
    from cli.output import note
    from sentinel_server.sandbox.aws import EmbeddedAws
    from sentinel_server.sandbox.seed import seed
    from sentinel_server.settings.environ import process_environ

    with tempfile.TemporaryDirectory(prefix="sentinel-sandbox-") as name:
        note("starting an embedded AWS")
        with EmbeddedAws() as aws:
            seeded = seed(aws, Path(name), process_environ(), shared=shared)
            note(f"account {aws.account_id} at {aws.url}: user dev, roles {', '.join(seeded.roles)}")
            if shell or command:
                return _take_over(seeded, command)
            _play(seeded, story)
    return 0


def _play(seeded: Seeded, story: str) -> None:
    from sentinel_server.sandbox.stage import Stage
    from sentinel_server.sandbox.stories import STORIES

    steps = iter(range(1, 100))
    STORIES[story](
        Stage(
            seeded.environment,
            tell=lambda text: click.echo(f"   {text}"),
            step=lambda text: click.echo(f"{next(steps)}. {text}"),
            security=seeded.security,
        )
    )
    click.echo("done: every step behaved")


def _take_over(seeded: Seeded, command: tuple[str, ...]) -> int:
    import shlex
    import subprocess

    from cli.child.run import default_command
    from cli.output import note

    env = _reachable(seeded.environment)
    join = seeded.directory / "join.sh"
    ours = {name: value for name, value in env.items() if name.startswith(("AWS_", "XDG_", "PATH"))}
    join.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in ours.items()))
    note(f"join from a second terminal: . {shlex.quote(str(join))}")
    note("try: sentinel exec --server --profile prod -- aws s3 ls")
    done = subprocess.run(list(command) or default_command(env), env=env, check=False)  # noqa: S603  # the user's own
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


def _reachable(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, with this installation's `sentinel` on the PATH: its venv need not be active."""
    import os
    import shutil
    import sysconfig

    path = environment.get("PATH", os.defpath)
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("sentinel", path=path) or not shutil.which("sentinel", path=scripts)
    return {**environment, "PATH": path if found else f"{scripts}{os.pathsep}{path}"}
