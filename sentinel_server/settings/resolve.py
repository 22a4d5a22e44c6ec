"""From flags, variables and the file to one frozen value, with a note of which of them won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from sentinel_server.errors import InvalidSetting
from sentinel_server.identity.people import Persons
from sentinel_server.policy.schema import Lease
from sentinel_server.settings.locations import PolicyLocation, StoreLocation
from sentinel_server.settings.table import Setting, read_value, settings_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """Our own directories: what is configured, and what is remembered."""

    config: Path
    state: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Won:
    """One setting as it is in force: its text, and where it came from in a reader's words."""

    name: str
    text: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """What `config.yaml` says: texts by setting name, people by name, each with its line."""

    path: Path
    values: Mapping[str, tuple[str, int]] = MappingProxyType({})
    people: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set. Rooms never see it; `wiring` hands each what it needs."""

    directories: Directories
    policies: PolicyLocation
    store: StoreLocation
    region: str | None
    control_profile: str | None
    lease: Lease | None
    enforce_lease: bool
    server_duration: timedelta | None
    max_session: timedelta
    policy_max_age: timedelta
    rate_limit: int
    server_port: int
    listen: str
    allow_uid: tuple[int, ...]
    heartbeat: timedelta
    lapse_after: timedelta
    session_tags: bool
    audit_directory: Path
    audit_required: bool
    persons: Persons
    won: tuple[Won, ...]
    environ: Mapping[str, str]


def resolve(
    flags: Mapping[str, str | None], environ: Mapping[str, str], file: ConfigFile, directories: Directories
) -> Settings:
    """The settings in force. `flags` has texts by setting name. Raises InvalidSetting for the first bad
    one.
    """
    table = settings_table(directories.state, directories.config)
    _refuse_unknown(environ, table)
    values: dict[str, object] = {}
    won: list[Won] = []
    for name, setting in table.items():
        text, where = _winner(setting, flags, environ, file)
        values[name] = None if text is None else read_value(setting, text, where)
        won.append(Won(name=name, text="" if text is None else text, where=where))
    return _settings(values, won, environ, file, directories)


def _winner(
    setting: Setting, flags: Mapping[str, str | None], environ: Mapping[str, str], file: ConfigFile
) -> tuple[str | None, str]:
    flag = flags.get(setting.name)
    if flag is not None:
        return flag, "flag"
    if environ.get(setting.variable):
        return environ[setting.variable], setting.variable
    if setting.name in file.values:
        text, line = file.values[setting.name]
        return text, f"{file.path}:{line}"
    return setting.default, "default"


def _settings(
    values: dict[str, object],
    won: list[Won],
    environ: Mapping[str, str],
    file: ConfigFile,
    directories: Directories,
) -> Settings:
    policies, store = values.pop("policies"), values.pop("store")
    parameter, table = values.pop("policy_parameter"), values.pop("session_table")
    fields = {name.replace(".", "_"): value for name, value in values.items()}
    return Settings(
        directories=directories,
        policies=parameter or policies,  # type: ignore[arg-type]  # why: the table's readers made them
        store=table or store,  # type: ignore[arg-type]
        persons=Persons(file.people),
        won=tuple(won),
        environ=environ,
        **fields,  # type: ignore[arg-type]
    )


def _refuse_unknown(environ: Mapping[str, str], table: Mapping[str, Setting]) -> None:
    """A misspelt variable would leave a protection at its default in silence."""
    known = {setting.variable for setting in table.values()} | OTHER_VARIABLES
    for name in sorted(environ):
        if name.startswith("SENTINEL_") and name not in known:
            raise InvalidSetting(
                f"{name} is not a variable of sentinel", hint="unset it, or see docs/settings.md"
            )


OTHER_VARIABLES = frozenset(
    {"SENTINEL_PROFILE", "SENTINEL_CONFIG", "SENTINEL_OUTPUT", "SENTINEL_DYNAMODB_LOCAL"}
)
"""Variables that are not settings: a profile, the configuration file, an output format, a tool of our
tests.
"""
