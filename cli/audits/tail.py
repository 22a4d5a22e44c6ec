"""`sentinel audit tail`: the newest entries, and new ones as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from cli.audits.reading import (
    Show,
    found_in,
    heading,
    in_time_order,
    reader_and_query,
    shower,
    wanted_options,
)
from cli.options import output_option, own_option

if TYPE_CHECKING:
    from sentinel_server.auditlog.files import LogFiles
    from sentinel_server.auditlog.query import Entry, Query

EVERY = 0.5
"""Seconds between two looks."""


@click.command("tail")
@own_option(
    "AUDIT",
    "--lines",
    "-n",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="Entries to begin with.",
)
@own_option("AUDIT", "--follow", "-f", is_flag=True, help="Show new ones as they come, until Ctrl-C.")
@wanted_options
@output_option("human", "json", "csv")
def tail(lines: int, follow: bool, output: str, **wanted: Any) -> None:
    """Show the newest entries, and new ones as they come.

    JSON has one entry a line, as it was written. What is shown was not verified.
    """
    reader, query = reader_and_query(wanted)
    ends = {name: reader.end(name) for name in reader.names()}
    found = newest(reader, query, ends, lines)
    if output != "json":
        heading(output)
    show = shower(output)
    for entry in found:
        show(entry)
    if follow:
        try:
            follow_on(Follower(reader, query, ends), show, lambda: time.sleep(EVERY))
        except KeyboardInterrupt:
            click.echo(err=True)


def newest(reader: LogFiles, query: Query, ends: Mapping[str, int], count: int) -> list[Entry]:
    """The newest `count` wanted entries before `ends`, oldest first; reads no more days than it must."""
    found: list[Entry] = []
    names = sorted((name for name in ends if query.wants_day(name[:8])), reverse=True)
    for _, day in groupby(names, key=lambda name: name[:8]):
        if len(found) >= count:
            break
        those = (entry for name in day for entry in found_in(reader, name, query, ends[name]))
        found = in_time_order(those) + found
    return found[-count:] if count else []


class Follower:
    """Hands over the wanted entries that were written since it last did, at first those behind `ends`."""

    def __init__(self, reader: LogFiles, query: Query, ends: Mapping[str, int]) -> None:
        self._reader = reader
        self._query = query
        self._ends = dict(ends)

    def news(self) -> list[Entry]:
        """The new entries of all files, by time."""
        return in_time_order(entry for name in self._reader.names() for entry in self._news(name))

    def _news(self, name: str) -> Iterator[Entry]:
        from sentinel_server.auditlog.query import read_entry

        for line, end in self._reader.lines(name, self._ends.get(name, 0)):
            self._ends[name] = end
            entry = read_entry(line)
            if entry is not None and self._query.wants(entry):
                yield entry


def follow_on(follower: Follower, show: Show, pause: Callable[[], None]) -> None:
    """Show what is new, for ever; ends only by what `pause` or the disk raises."""
    while True:
        for entry in follower.news():
            show(entry)
        pause()
