"""The console script. Commands are imported only when they are called, so that `--help` costs next to
nothing.

stdout is data, stderr is talk. Every error is one message, what and why, with the next command, and exits
with the status of `docs/errors.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.collecting import search_no_more, search_seldom
from cli.lazy import Lazy, LazyGroup
from sentinel_server import __version__

if TYPE_CHECKING:
    from sentinel_server.errors import SentinelError

COMMANDS: dict[str, Lazy] = {
    "approve": Lazy("cli.commands.decide:approve", "Agree to a request of somebody else."),
    "audit": Lazy("cli.commands.audit:audit", "Read the audit log, and check it."),
    "breakglass": Lazy("cli.commands.breakglass:breakglass", "Take access in an emergency."),
    "breakglass-check": Lazy("cli.commands.emergencies:breakglass_check", "Show one emergency."),
    "breakglass-close": Lazy("cli.commands.ending:breakglass_close", "Close an emergency before its end."),
    "breakglass-list": Lazy("cli.commands.emergencies:breakglass_list", "List emergencies."),
    "breakglass-review": Lazy("cli.commands.ending:breakglass_review", "Review an emergency that is over."),
    "cancel": Lazy("cli.commands.decide:cancel", "Take back a request of your own."),
    "check": Lazy("cli.commands.requests:check", "Show one request, and whether it gives access now."),
    "config": Lazy("cli.commands.config:config", "Show and set what is configured; check documents."),
    "console": Lazy("cli.commands.console:console", "Open the AWS console."),
    "credentials": Lazy("cli.commands.credentials:credentials", "Answer an SDK's credential_process."),
    "deny": Lazy("cli.commands.decide:deny", "Say no to a request, for good."),
    "doctor": Lazy("cli.commands.doctor:doctor", "Find what is wrong, and how to mend it."),
    "exec": Lazy("cli.commands.exec:exec_command", "Run a command with AWS credentials."),
    "export": Lazy("cli.commands.export:export", "Print credentials for a shell or a program."),
    "import": Lazy("cli.commands.import_:import_", "Bring keys from other tools into the keyring."),
    "extend": Lazy("cli.commands.request:extend", "Ask to go on after an approved access."),
    "init": Lazy("cli.commands.init:init", "Set up policies and the tables of a team."),
    "keyring": Lazy(
        "cli.commands.keyring:keyring", "Keep access keys encrypted, rotate them, and forget them."
    ),
    "list": Lazy("cli.commands.requests:list_", "List requests for access."),
    "mfa": Lazy("cli.commands.mfa:mfa", "Enrol a second factor for emergencies."),
    "notify": Lazy("cli.commands.notify:notify", "Deliver what nobody was told yet."),
    "policy": Lazy("cli.commands.policy:policy", "Check, test, sign and ship policies."),
    "profiles": Lazy("cli.commands.profiles:profiles", "List your AWS profiles."),
    "request": Lazy("cli.commands.request:request", "Ask for access that needs an approval."),
    "revoke-approval": Lazy("cli.commands.decide:revoke_approval", "End an approved access before its time."),
    "sandbox": Lazy("cli.commands.sandbox:sandbox", "Try everything on an embedded AWS."),
    "server-blocks": Lazy("cli.commands.blocks:server_blocks", "List who and what is blocked."),
    "server-revoke": Lazy("cli.commands.revoke:server_revoke", "Cut off sessions, now."),
    "server-session": Lazy("cli.commands.sessions:server_session", "Show one session."),
    "server-sessions": Lazy("cli.commands.sessions:server_sessions", "List sessions."),
    "server-unblock": Lazy("cli.commands.blocks:server_unblock", "Lift a block."),
    "shell": Lazy(
        "cli.commands.shell:shell", "Make a shell know sentinel: a function to switch, and completion."
    ),
    "sso": Lazy("cli.commands.sso:sso", "Log in to IAM Identity Center, and out."),
    "status": Lazy("cli.commands.status:status", "Show what this shell holds."),
    "sweep": Lazy("cli.commands.sweep:sweep", "Write down what has expired, for cron."),
    "whoami": Lazy("cli.commands.whoami:whoami", "Say who AWS and policies think you are."),
}
"""Every command; a test holds the summaries to what the commands say of themselves."""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="sentinel", message="%(prog)s %(version)s")
@click.option("--no-color", envvar="NO_COLOR", is_flag=False, flag_value="1", hidden=True)
@click.pass_context
def root(ctx: click.Context, no_color: str | None) -> None:
    """Decide, at the moment credentials are asked for, whether an AWS credential may exist."""
    if no_color:
        ctx.color = False
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its status. Never prints a traceback for what we foresaw."""
    search_seldom()
    try:
        sys.exit(run(argv))
    finally:
        search_no_more()


def run(argv: Sequence[str] | None = None) -> int:
    """The exit status of one command line, with everything printed that there is to say."""
    try:
        done = root.main(
            args=None if argv is None else list(argv), prog_name="sentinel", standalone_mode=False
        )
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        return _misused(error, argv)
    except (click.Abort, KeyboardInterrupt):
        click.echo("sentinel: interrupted", err=True)
        return 130
    except BrokenPipeError:
        from cli.streams import flush_or_forget

        # Whoever read our output has left (`| head`); there is nobody to tell.
        flush_or_forget(sys.stdout)
        return 141
    except Exception as error:
        from sentinel_server.errors import SentinelError  # help and versions have no errors

        return _failed(error, argv) if isinstance(error, SentinelError) else _broken(error)
    return done if isinstance(done, int) else 0


def _failed(error: SentinelError, argv: Sequence[str] | None) -> int:
    from cli.output import fail
    from sentinel_server.errors import BadInput

    if not error.hint and isinstance(error, BadInput):
        error.hint = f"{_called(argv)} --help"
    fail(error)
    # The statuses up to 6 mean something of their own; a plain failure must not look like the child's.
    return 125 if _runs_a_command() and error.exit_status == 1 else error.exit_status


def _broken(error: Exception) -> int:
    """A mistake of ours: its place is said and its words are not, because they may quote a secret."""
    from pathlib import Path

    from cli.output import note

    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = "" if last is None else f" in {Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}"
    note(f"internal error: {type(error).__name__}{where}")
    note("next: please report this, with the command and what you expected")
    return 125 if _runs_a_command() else 1


def _runs_a_command() -> bool:
    return sys.argv[1:2] == ["exec"]


def _called(argv: Sequence[str] | None) -> str:
    """The command that was meant, as it is typed."""
    command: click.Command = root
    path, context = "sentinel", click.Context(root)
    for word in sys.argv[1:] if argv is None else argv:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is not None:
            command, path = found, f"{path} {word}"
    return path


def _misused(error: click.ClickException, argv: Sequence[str] | None) -> int:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else _called(argv)
    from cli.output import note

    note(error.format_message())
    note(f"next: {where} --help")
    return 2


if __name__ == "__main__":
    main()
