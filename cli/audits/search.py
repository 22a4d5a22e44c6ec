"""`sentinel audit search`: the entries that somebody wants, over all files."""

from __future__ import annotations

from typing import Any

import click

from cli.audits.reading import found_in, heading, in_time_order, reader_and_query, shower, wanted_options
from cli.options import output_option, own_option


@click.command("search")
@wanted_options
@own_option(
    "AUDIT",
    "--limit",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Show at most so many, the newest.",
)
@output_option("human", "json", "csv")
def search(limit: int, output: str, **wanted: Any) -> None:
    """Find entries by person, profile, request, session and time.

    Oldest first, over all files of the log. JSON has one entry a line, as it was written. What is shown was
    not verified.
    """
    from cli.output import note

    reader, query = reader_and_query(wanted)
    names = [name for name in reader.names() if query.wants_day(name[:8])]
    found = in_time_order(entry for name in names for entry in found_in(reader, name, query))
    if output != "json":
        heading(output)
    show = shower(output)
    for entry in found[-limit:]:
        show(entry)
    if len(found) > limit:
        note(f"{len(found) - limit} older entries are not shown; --limit shows more")
    elif not found:
        note("no entry is like that")
