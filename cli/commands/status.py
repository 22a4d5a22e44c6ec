"""`sentinel status`: what this shell holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.options import output_option, own_option

if TYPE_CHECKING:
    from datetime import datetime

    from cli.standings import Standing


@click.command("status")
@own_option("STATUS", "--prompt", is_flag=True, help="Only a word or two, for a prompt; asks nobody.")
@output_option("human", "json")
def status(prompt: bool, output: str) -> None:
    """Show what this shell holds.

    Under exec --server this asks the shell's own server, as an SDK does, and says until when it serves or why
    it refuses. AWS itself is not asked.

    Exit status: 0 when the shell can use its credentials; 1 when it holds none, or they are over; 3, 4, 5 or
    6 when its server refuses, as for all commands.
    """
    from sentinel_server.clock import SystemClock
    from sentinel_server.settings.environ import process_environ

    environ, now = process_environ(), SystemClock().now()
    if prompt:
        from cli.standing_words import prompt_words
        from cli.standings import from_variables

        found = from_variables(environ, now)
        click.echo(prompt_words(found, now), nl=False)
    else:
        found = _asked(environ, now)
        _show(found, environ, now, output)
    click.get_current_context().exit(found.status)


def _asked(environ: Mapping[str, str], now: datetime) -> Standing:
    from cli.fetched import fetch, with_answer
    from cli.seats import read_note
    from cli.standings import TOKEN, Holds, from_variables, token_directory
    from sentinel_server.clock import whole_seconds

    found = from_variables(environ, now)
    if found.url is None or found.holds is Holds.WAITING:
        return found
    found = with_answer(found, fetch(found.url, environ.get(TOKEN, ""), whole_seconds(now)))
    directory = token_directory(environ)
    note = read_note(directory) if directory else None
    # The server has written the refusal down before it answered, its next step apart from its reason.
    told = note.refusal if note is not None and note.refusing else None
    return replace(found, refusal=told) if found.holds is Holds.REFUSED and told else found


def _show(found: Standing, environ: Mapping[str, str], now: datetime, output: str) -> None:
    from cli.output import note, show_json, show_lines
    from cli.standing_words import fields, lines

    entry, why = _logged(found, environ)
    if why:
        found = replace(found, unasked=(*found.unasked, why))
    if output == "json":
        show_json(fields(found, entry))
        return
    show_lines(lines(found, entry, now))
    for text in (*found.warnings, *found.unasked):
        note(text)
    if found.next:
        note(f"next: {found.next}")


def _logged(found: Standing, environ: Mapping[str, str]) -> tuple[Mapping[str, object] | None, str]:
    """What the audit log of this machine has of it; or the last refusal, outside of any shell of ours."""
    from cli.standings import Holds
    from sentinel_server.auditlog.latest import latest
    from sentinel_server.errors import SentinelError
    from sentinel_server.settings.environ import read_settings
    from sentinel_server.wiring import log_reader

    if found.note is not None:
        return None, ""
    try:
        directory = read_settings({}, environ).audit_directory
        if not directory.exists():
            return None, ""
        reader = log_reader(directory)
        if found.holds is Holds.NOTHING:
            return latest(reader, (b'"refused"',), lambda entry: entry.get("action") == "refused"), ""
        if found.id is None:
            return None, ""
        return latest(
            reader, (b'"issued"', found.id.encode()), lambda entry: entry.get("issue_id") == found.id
        ), ""
    except SentinelError as error:
        return None, f"the audit log was not looked at: {error.message}"
