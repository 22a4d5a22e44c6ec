"""`config unset`: take settings out of `config.yaml`."""

from __future__ import annotations

import click

from cli.configs.keys import setting_names
from cli.options import own_option


@click.command("unset")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=setting_names)
@own_option("CONFIG", "--dry-run", is_flag=True, help="Print the difference, and write nothing.")
def unset(keys: tuple[str, ...], dry_run: bool) -> None:
    """Take settings out of config.yaml.

    Their variables and defaults are in force then. The rest of the file stays as it is.
    """
    from cli.configs.change import change

    change(dict.fromkeys(keys), dry_run=dry_run)
