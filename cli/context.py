"""What commands share: settings from their flags, and one way to run what is async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sentinel_server.sessions.store import SessionStore
    from sentinel_server.settings.resolve import Settings

T = TypeVar("T")


def settings_from(flags: Mapping[str, str | None]) -> Settings:
    """The settings in force, with `flags` (texts by setting name) on top. Raises InvalidSetting."""
    from sentinel_server.settings.environ import read_settings

    return read_settings(flags)


def run(work: Coroutine[Any, Any, T], doing: str | None = None) -> T:
    """What `work` returns, run in an event loop of its own.

    `doing` is shown at a terminal while that takes long; then `work` must not write there itself, except
    `aside`. Whoever sits at the terminal may be asked for what AWS wants of them.
    """
    from cli import loop
    from cli.output import progress
    from cli.visitor import at_the_terminal
    from sentinel_server.wiring import attended_by

    with attended_by(at_the_terminal()), nullcontext() if doing is None else progress(doing):
        return loop.run(work)


@asynccontextmanager
async def asking_store(settings: Settings) -> AsyncIterator[SessionStore]:
    """The configured store, with a spinner at a terminal until it is closed. Raises StoreUnavailable."""
    from cli.output import progress
    from sentinel_server.wiring import open_store

    with progress("asking the store"):
        async with open_store(settings) as store:
            yield store
