"""`config show`: what is set, and who set it."""

from __future__ import annotations

import click

from cli.context import settings_from
from cli.options import (
    control_option,
    flags_of,
    output_option,
    policy_options,
    region_option,
    store_options,
)


@click.command("show")
@output_option("table", "json", "csv")
@store_options
@policy_options
@region_option
@control_option
def show(output: str, **flags: str | None) -> None:
    """Show every setting and where it came from.

    A flag beats a variable, a variable beats config.yaml, and that beats the default. No setting is a secret.
    """
    from cli import tables
    from cli.output import show_csv, show_json, show_table

    settings = settings_from(flags_of(flags))
    fields = [tables.setting_fields(won) for won in settings.won]
    if output == "json":
        show_json({"settings": fields})
    elif output == "csv":
        show_csv(tables.SETTING_FIELDS, fields)
    else:
        show_table(tables.SETTING_HEADINGS, [tables.setting_row(won) for won in settings.won])
