"""`sentinel audit ship`: send the log on, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.options import control_option, flags_of, output_option, region_option

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings


@click.command("ship")
@output_option("human", "json")
@region_option
@control_option
def ship(output: str, **flags: str | None) -> None:
    """Send what cloudwatch and syslog do not have yet.

    A server does this by itself, for all commands of this machine. Where none runs, let cron do it. Exits
    with 6 when not all could be sent; what is left is kept.
    """
    from cli.output import show_json

    counts = run(_ship(settings_from(flags_of(flags))), "sending the log")
    if output == "json":
        show_json({"v": 1, "sent": counts})
        return
    for name, count in counts.items():
        lines = "1 line" if count == 1 else f"{count} lines"
        click.echo(clean(f"{name}: {lines} sent"))


async def _ship(settings: Settings) -> dict[str, int]:
    from cli.output import note
    from sentinel_server.errors import InvalidSetting
    from sentinel_server.wiring import open_shippers

    async with open_shippers(settings, note) as shippers:
        if not shippers:
            raise InvalidSetting(
                "audit.sinks names no place that the log is sent to",
                hint="name one, as docs/audit.md says: sentinel config set audit.sinks file,syslog",
            )
        return {shipper.name: await shipper.ship() for shipper in shippers}
