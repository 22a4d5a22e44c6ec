"""What commands share: settings from their flags, and one way to run what is async."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings

T = TypeVar("T")


def settings_from(flags: Mapping[str, str | None]) -> Settings:
    """The settings in force, with `flags` (texts by setting name) on top. Raises InvalidSetting."""
    from sentinel_server.settings.environ import read_settings

    return read_settings(flags)


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run in an event loop of its own."""
    import asyncio

    return asyncio.run(work)
