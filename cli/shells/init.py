"""`sentinel shell init`: functions and completion for a shell's start-up file."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import click

from cli.options import own_option
from cli.shells.quoting import SHELLS
from sentinel_server.errors import BadInput


@click.command("init")
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@own_option("SHELL", "--format", "form", type=click.Choice(SHELLS), help="The same as SHELL.")
@own_option("SHELL", "--name", default="sx", show_default=True, metavar="NAME", help="The function's name.")
@own_option("SHELL", "--include-server", is_flag=True, help="A function for exec --server, too: NAMEs.")
@own_option("SHELL", "--functions", is_flag=True, help="A function for each profile: sentinel-PROFILE.")
def init(shell: str | None, form: str | None, name: str, include_server: bool, functions: bool) -> None:
    """Print what goes into a shell's start-up file.

    In ~/.bashrc, ~/.zshrc (behind compinit) or ~/.config/fish/config.fish:

        eval "$(sentinel shell init bash)"

        eval "$(sentinel shell init zsh)"

        sentinel shell init fish | source

    From then on `sx PROFILE` starts a shell with credentials, `sx PROFILE COMMAND` runs a command, `sx` asks
    which profile, and names are completed. Options of exec may follow the profile.
    """
    from cli.shells.scripts import Wanted, script

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BadInput(f"--name {name!r}: a function's name is letters, digits and _")
    wanted = Wanted(
        shell=shell or form or _own_shell(),
        program=_program(),
        name=name,
        server=include_server,
        profiles=_functions() if functions else {},
    )
    click.echo(script(wanted), nl=False)


def _functions() -> dict[str, str]:
    from cli.output import note
    from cli.shells.scripts import functions_for
    from sentinel_server.settings.environ import process_environ
    from sentinel_server.wiring.known import profile_names

    found, left = functions_for(profile_names(process_environ()))
    for profile in left:
        note(f"no function for profile {profile!r}: its name is not one, or another profile's too")
    return found


def _own_shell() -> str:
    from sentinel_server.settings.environ import process_environ

    name = Path(process_environ().get("SHELL", "")).name
    if name not in SHELLS:
        raise BadInput("no shell is named, and SHELL is none of ours", hint="sentinel shell init bash")
    return name


def _program() -> str:
    """What the functions run: `sentinel`, or this very file where that is another one."""
    ours = Path(sys.argv[0])
    found = shutil.which("sentinel")
    if ours.name != "sentinel" or not ours.exists() or (found and Path(found).samefile(ours)):
        return "sentinel"
    return str(ours.absolute())
