"""The only place that reads the process environment and the configuration file."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.errors import InvalidSetting
from sentinel_server.settings.config_place import read_config
from sentinel_server.settings.directories import Directories

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import ConfigFile, Settings


def process_environ() -> Mapping[str, str]:
    """A copy of this process's environment, as it was when asked."""
    return dict(os.environ)


def read_settings(flags: Mapping[str, str | None], environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in force for this process. Raises InvalidSetting."""
    # What reads a variable or two must not pay for all that settings can say.
    from sentinel_server.settings.resolve import resolve

    variables = process_environ() if environ is None else environ
    directories = own_directories(variables)
    path, required = config_path(variables), bool(variables.get("SENTINEL_CONFIG"))
    return resolve(flags, variables, _config_file(path, directories, required=required), directories)


def read_what_can_be(flags: Mapping[str, str | None]) -> tuple[Settings, InvalidSetting | None]:
    """The settings in force, or those without the part that means nothing, and what is wrong with that.

    For whoever looks for troubles: nothing may be issued on such settings. Raises InvalidSetting for `flags`.
    """
    from sentinel_server.settings.resolve import ConfigFile, resolve

    variables = process_environ()
    try:
        return read_settings(flags, variables), None
    except InvalidSetting as error:
        trouble = error
    directories, path = own_directories(variables), config_path(variables)
    without = {name: value for name, value in variables.items() if not name.startswith("SENTINEL_")}
    with suppress(InvalidSetting):
        file = _config_file(path, directories, required=False)
        return resolve(flags, without, file, directories), trouble
    with suppress(InvalidSetting):
        return resolve(flags, variables, ConfigFile(path=path), directories), trouble
    return resolve(flags, without, ConfigFile(path=path), directories), trouble


def config_path(environ: Mapping[str, str]) -> Path:
    """Where `config.yaml` is, or would be."""
    return Path(environ.get("SENTINEL_CONFIG") or own_directories(environ).config / "config.yaml")


def own_directories(environ: Mapping[str, str]) -> Directories:
    """Where we keep things: XDG's places, on Windows the user's own application data."""
    if sys.platform == "win32":
        data = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return Directories(config=data / "sentinel", state=data / "sentinel" / "state")
    else:
        home = Path(environ.get("HOME") or Path.home())
        config = _absolute(environ.get("XDG_CONFIG_HOME")) or home / ".config"
        state = _absolute(environ.get("XDG_STATE_HOME")) or home / ".local" / "state"
        return Directories(config=config / "sentinel", state=state / "sentinel")


def _absolute(text: str | None) -> Path | None:
    # A relative path is to be ignored: https://specifications.freedesktop.org/basedir-spec/latest/
    return Path(text) if text and Path(text).is_absolute() else None


def _config_file(path: Path, directories: Directories, *, required: bool) -> ConfigFile:
    from sentinel_server.settings.resolve import ConfigFile

    try:
        data = read_config(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not required:
            return ConfigFile(path=path)
        raise InvalidSetting(f"cannot read {path}: {error.strerror}") from error
    # YAML costs 12 ms, so only who has a file pays for it.
    from sentinel_server.settings.config_file import parse_config

    return parse_config(data, path, directories)
