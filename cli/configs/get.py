"""`config get`: one setting as it is in force."""

from __future__ import annotations

import click

from cli.configs.keys import setting_names
from cli.layout import clean
from cli.options import output_option, own_option


@click.command("get")
@click.argument("key", shell_complete=setting_names)
@own_option("CONFIG", "--origin", "-v", is_flag=True, help="Also say where it comes from, on stderr.")
@output_option("human", "json")
def get(key: str, origin: bool, output: str) -> None:
    """Print the value of one setting.

    It is the one in force here: a variable's, else config.yaml's, else the default. Exits 1 when nothing
    sets it.
    """
    from cli import tables
    from cli.configs.change import require_known
    from cli.context import settings_from
    from cli.output import note, show_json
    from sentinel_server.errors import NotFound

    require_known(key)
    won = next(each for each in settings_from({}).won if each.name == key)
    if output == "json":
        show_json(tables.setting_fields(won))
    elif won.text:
        click.echo(clean(won.text))
    if origin and output == "human":
        note(f"{key} is from: {won.where}")
    if not won.text:
        why = f"is not in force: {won.where}" if won.where.startswith("overridden") else "is not set"
        raise NotFound(f"{key} {why}", hint=f"set it: sentinel config set {key} VALUE")
