"""`server-sessions --watch`: a screen that redraws itself, or a line per change where there is no screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

from cli import tables
from cli.context import run
from cli.layout import clean

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.clock import Clock
    from sentinel_server.sessions.model import Session
    from sentinel_server.sessions.store import Page, SessionQuery, SessionStore
    from sentinel_server.settings.resolve import Settings

EVERY = 2.0
"""Seconds between two looks."""

Draw = Callable[["Page", "datetime"], None]
Tell = Callable[["Session", "datetime"], None]
Pause = Callable[[], Awaitable[None]]


def watch_sessions(settings: Settings, query: SessionQuery, limit: int, output: str) -> None:
    """Watch until Ctrl-C. Raises StoreUnavailable."""
    try:
        run(_watch(settings, query, limit, output))
    except KeyboardInterrupt:
        click.echo(err=True)


async def _watch(settings: Settings, query: SessionQuery, limit: int, output: str) -> None:
    from sentinel_server.clock import SystemClock
    from sentinel_server.wiring import open_store

    async def pause() -> None:
        await asyncio.sleep(EVERY)

    async with open_store(settings) as store:
        if output == "table" and sys.stdout.isatty():
            await redraw(store, query, limit, SystemClock(), _screen, pause)
        else:
            await tell_changes(store, query, limit, SystemClock(), line_of(output), pause)


async def redraw(
    store: SessionStore, query: SessionQuery, limit: int, clock: Clock, draw: Draw, pause: Pause
) -> None:
    """Draw the first page again and again; ends only by what `pause` or the store raises."""
    while True:
        now = clock.now()
        draw(await store.sessions(query, now, limit), now)
        await pause()


async def tell_changes(
    store: SessionStore, query: SessionQuery, limit: int, clock: Clock, tell: Tell, pause: Pause
) -> None:
    """Tell every session of the first page, then each that is new, changes state, or leaves the page ended.

    Ends only by what `pause` or the store raises.
    """
    known: dict[str, str] = {}
    while True:
        now = clock.now()
        found = (await store.sessions(query, now, limit)).sessions
        there = {session.id for session in found}
        left = [await _left(store, session_id) for session_id in known if session_id not in there]
        for session in (*reversed(found), *filter(None, left)):
            if known.get(session.id) != session.state(now).value:
                tell(session, now)
        known = {session.id: session.state(now).value for session in found}
        await pause()


async def _left(store: SessionStore, session_id: str) -> Session | None:
    return (await store.standing(session_id, ())).session


def _screen(page: Page, now: datetime) -> None:
    from cli.output import show_table
    from sentinel_server.clock import whole_seconds

    click.clear()
    click.echo(
        clean(f"{whole_seconds(now)}  sessions: {len(page.sessions)}, every {EVERY:g} s; Ctrl-C ends this")
    )
    rows = [tables.session_row(session, now) for session in page.sessions]
    show_table(tables.SESSION_HEADINGS, rows, whole={0}, spare=tables.SESSION_SPARE)


def line_of(output: str) -> Tell:
    """What prints one session as a line of table, JSON or CSV, at once."""
    from cli.output import csv_line, json_line, plain_line

    def tell(session: Session, now: datetime) -> None:
        if output == "json":
            text = json_line(tables.session_fields(session, now))
        elif output == "csv":
            fields = tables.session_fields(session, now)
            text = csv_line([fields[name] for name in tables.SESSION_FIELDS])
        else:
            text = plain_line(tables.session_row(session, now))
        click.echo(text)
        sys.stdout.flush()

    return tell
