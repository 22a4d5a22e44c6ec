"""The options of the group's commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cli.options import setting_option

Command = TypeVar("Command", bound=Callable[..., Any])


def keyring_options(command: Command) -> Command:
    """`--file`: which keyring it is."""
    return setting_option("--file", setting="keyring.file", help="Where the keyring is.", metavar="PATH")(
        command
    )


def backend_option(command: Command) -> Command:
    """`--backend`: what is to open it."""
    return setting_option(
        "--backend", setting="keyring.backend", help="auto, os, file or MODULE.CLASS.", metavar="KIND"
    )(command)
