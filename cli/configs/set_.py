"""`config set`: write settings into `config.yaml`."""

from __future__ import annotations

import click

from cli.configs.keys import setting_names
from cli.options import own_option


@click.command("set")
@click.argument("key", shell_complete=setting_names)
@click.argument("value")
@click.argument("more", nargs=-1, metavar="[KEY VALUE]...")
@own_option("CONFIG", "--dry-run", is_flag=True, help="Print the difference, and write nothing.")
def set_(key: str, value: str, more: tuple[str, ...], dry_run: bool) -> None:
    """Write settings into config.yaml.

    The rest of the file stays as it is, comments included. Everything is checked first; settings that need
    each other are given together.
    """
    from cli.configs.change import change

    if len(more) % 2:
        raise click.UsageError(f"{more[-1]!r} has no value")
    pairs = [(key, value), *zip(more[::2], more[1::2], strict=True)]
    if len(dict(pairs)) < len(pairs):
        raise click.UsageError("a setting is named twice")
    change(dict(pairs), dry_run=dry_run)
