"""What `audit tail` and `audit search` share: which entries are wanted, and how one is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import flags_of, own_option, setting_option
from cli.types import moment, person_key, record_id, session_id

if TYPE_CHECKING:
    from sentinel_server.auditlog.files import LogFiles
    from sentinel_server.auditlog.query import Entry, Query

Command = TypeVar("Command", bound=Callable[..., Any])
Show = Callable[["Entry"], None]

FIELDS = (
    *("at", "action", "person", "principal", "profile", "mode", "effect", "code", "outcome", "status"),
    *("rule", "session_id", "issue_id", "request_id", "event_id", "override_kind", "override", "requester"),
    *("approver", "by", "ticket", "reason_code", "reason", "justification", "comment", "count"),
    *("role_arn", "source_identity", "expires_at", "writer", "seq"),
)
"""The columns of CSV."""
WHO = ("person", "requester", "by", "principal")
"""The fields that say whose entry it is, the most telling first."""
HEADINGS = ("TIME", "ACTION", "WHO", "PROFILE", "WHAT")
NARROW, WIDE = (20, 20, 20, 12), (20, 20, 28, 16)
"""Columns of all cells but the last, which goes below in a narrow terminal and where it does not fit."""
ROOMY = 110
"""Columns from which a terminal is a wide one."""


def wanted_options(command: Command) -> Command:
    """The options that say which entries are wanted, and the directory to look in."""
    options = (
        own_option("AUDIT", "--user", metavar="NAME", help="Of anybody of this name; * and ? match."),
        own_option(
            "AUDIT", "--person", type=person_key, metavar="KEY", help="Of this person (sso:…, iam:…)."
        ),
        own_option("AUDIT", "--profile", metavar="NAME", help="Of this profile."),
        own_option(
            "AUDIT", "--request", type=record_id, metavar="ID", help="Of this request or break-glass event."
        ),
        own_option("AUDIT", "--session", type=session_id, metavar="ID", help="Of this server session."),
        own_option(
            "AUDIT", "--action", multiple=True, metavar="WORD", help="refused, outcome, …; repeatable."
        ),
        own_option("AUDIT", "--effect", metavar="WORD", help="allow, deny, issued, or an error code."),
        own_option("AUDIT", "--since", type=moment, metavar="WHEN", help="From then on: 2h, 2026-03-01, …"),
        own_option("AUDIT", "--until", type=moment, metavar="WHEN", help="Before then."),
        own_option("AUDIT", "--chain", is_flag=True, help="Checkpoints, too."),
        setting_option(
            "--directory", setting="audit.directory", metavar="DIR", help="The directory of the log."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def reader_and_query(wanted: dict[str, Any]) -> tuple[LogFiles, Query]:
    """What to read and what to look for. Raises InvalidSetting, BadInput for what no entry can be like."""
    from cli.audits.words import checked_actions, checked_effect
    from cli.context import settings_from
    from sentinel_server.auditlog.query import Query
    from sentinel_server.clock import SystemClock, whole_seconds
    from sentinel_server.errors import BadInput
    from sentinel_server.wiring import log_reader

    now = SystemClock().now()
    settings = settings_from(flags_of({"audit__directory": wanted.pop("audit__directory")}))
    person = wanted.pop("person")
    since, until = (_instant(wanted.pop(name), now) for name in ("since", "until"))
    if since is not None and since >= (now if until is None else until):
        end = "now" if until is None else f"--until {whole_seconds(until)}"
        raise BadInput(
            f"nothing can be found: --since {whole_seconds(since)} is not before {end}",
            hint="for example: --since 7d --until 1d",
        )
    query = Query(
        actions=checked_actions(wanted.pop("action")),
        effect=checked_effect(wanted.pop("effect")),
        since=since,
        until=until,
        person=None if person is None else settings.persons.joined(person),
        **wanted,
    )
    return log_reader(settings.audit_directory), query


def found_in(reader: LogFiles, name: str, query: Query, until: int | None = None) -> Iterator[Entry]:
    """The wanted entries of one file, or of its first `until` bytes."""
    from sentinel_server.auditlog.query import read_entry

    for line, end in reader.lines(name):
        if until is not None and end > until:
            return
        entry = read_entry(line)
        if entry is not None and query.wants(entry):
            yield entry


def in_time_order(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first; what happened at one instant stays as it was written."""
    return sorted(entries, key=lambda entry: str(entry["at"]))


def shower(output: str) -> Show:
    """What prints one entry as a line, at once."""
    from cli.output import csv_line, json_line, screen_width

    width = screen_width()

    def show(entry: Entry) -> None:
        if output == "json":
            text = json_line(entry)
        elif output == "csv":
            text = csv_line([entry.get(field) for field in FIELDS])
        else:
            text = row(entry, width)
        click.echo(text)
        sys.stdout.flush()

    return show


def heading(output: str) -> None:
    """Print the names of the columns."""
    from cli.layout import fixed
    from cli.output import csv_line, screen_width

    if output == "csv":
        click.echo(csv_line(FIELDS))
    elif output == "human":
        width = screen_width()
        headings = HEADINGS if _roomy(width) else (*HEADINGS[:-1], "")
        click.echo(click.style(fixed(headings, _widths(width)), bold=True))


def row(entry: Entry, width: int | None) -> str:
    """An entry for people, its time to the second and in UTC; what does not fit goes below, indented."""
    from cli.layout import clean, columns, cut, fixed, tail, wrapped
    from sentinel_server.auditlog.query import summary

    who = clean(next((str(entry[field]) for field in WHO if entry.get(field)), "-"))
    time = str(entry["at"])[:19].replace("T", " ") + "Z"
    cells = (time, str(entry["action"]), who, clean(str(entry.get("profile") or "-")))
    what = clean(summary(entry))
    if width is None:
        return fixed((*cells, what), WIDE)
    widths = _widths(width)
    short = tail(who, widths[2]), cut(cells[3], widths[3])
    line = fixed((*cells[:2], *short, what), widths)
    if _roomy(width) and columns(line) <= width:
        return line
    return "\n".join((fixed((*cells[:2], *short, ""), widths), *wrapped(what, width)))


def _roomy(width: int | None) -> bool:
    return width is None or width >= ROOMY


def _widths(width: int | None) -> tuple[int, ...]:
    return WIDE if _roomy(width) else NARROW


def _instant(when: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now - when if isinstance(when, timedelta) else when
