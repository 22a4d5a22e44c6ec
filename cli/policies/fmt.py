"""`sentinel policy fmt`: one way to write a policy."""

from __future__ import annotations

import click

from cli.options import own_option
from cli.policies.files import read_or_fail
from cli.policies.shelf import write_file


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@own_option(
    "FMT", "--check", "only_check", is_flag=True, help="Write nothing; exit 1 if a file would change."
)
@own_option("FMT", "--write", is_flag=True, help="Replace the files.")
@own_option("FMT", "--drop-comments", is_flag=True, help="Lose the comments that have no place.")
@click.pass_context
def fmt(
    ctx: click.Context, files: tuple[str, ...], only_check: bool, write: bool, drop_comments: bool
) -> None:
    """Print documents of any kind in the one canonical form.

    Keeps comments that stand on lines of their own above a rule, the list of rules, or all else at the top;
    a file with comments anywhere else is refused.
    """
    from cli.output import note
    from cli.policies.formatting import formatted
    from sentinel_server.errors import BadInput

    if only_check and write:
        raise BadInput("check or write?", hint="keep one of --check and --write")
    changed = False
    for file in files:
        old = read_or_fail(file)
        new = formatted(old, file, drop=drop_comments)
        if not (only_check or write):
            write_file("-", new)
        elif new != old:
            changed = True
            note(f"{file} {'would be' if only_check else 'was'} changed")
            if write:
                write_file(file, new)
    ctx.exit(1 if only_check and changed else 0)
