"""Reads the shared AWS configuration from disk, from where the environment says it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.profiles import Profiles
from sentinel_server.errors import InvalidSetting


def config_paths(environment: Mapping[str, str]) -> tuple[Path, Path]:
    """Where the config file and the credentials file are, whether or not they exist."""
    return (
        _path(environment, "AWS_CONFIG_FILE", "~/.aws/config"),
        _path(environment, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    )


def read_profiles(environment: Mapping[str, str], kept: Iterable[str] = ()) -> Profiles:
    """All profiles of the two files, and those in `kept`; a missing file is empty.

    Raises InvalidSetting with the file's name.
    """
    config, credentials = config_paths(environment)
    return Profiles(_text(config), _text(credentials), kept)


def _path(environment: Mapping[str, str], variable: str, otherwise: str) -> Path:
    said = environment.get(variable) or otherwise
    if said.startswith("~"):
        home = environment.get("HOME") or environment.get("USERPROFILE")
        return (
            Path(home, said[1:].lstrip("/\\"))
            if home and said[1:2] in {"/", "\\"}
            else Path(said).expanduser()
        )
    return Path(said)


def _text(path: Path) -> FileText | None:
    try:
        return FileText(path=str(path), text=path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSetting(f"cannot read {path}: {why}", hint="check its permissions") from error
