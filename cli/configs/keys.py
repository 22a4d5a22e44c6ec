"""Completion of the names of settings."""

from __future__ import annotations

import click


def setting_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The settings whose names begin so."""
    from sentinel_server.settings.resolve import known_settings

    return [name for name in known_settings() if name.startswith(incomplete)]
