"""`config set` and `config unset`: the file with some values changed, checked before anybody can read it."""

from __future__ import annotations

from collections.abc import Mapping

import click

from cli.output import note
from sentinel_server.errors import InvalidSetting


def change(changes: Mapping[str, str | None], *, dry_run: bool) -> None:
    """Write these settings into `config.yaml`, or take those out that are None. Raises InvalidSetting.

    The rest of the file stays as it is. With `dry_run` the difference is printed and nothing is written.
    """
    from cli.unified import coloured, unified
    from sentinel_server import wiring
    from sentinel_server.settings.config_file import parse_config
    from sentinel_server.settings.editing import edited
    from sentinel_server.settings.environ import config_path, own_directories, process_environ
    from sentinel_server.settings.resolve import resolve

    environ = process_environ()
    path, directories = config_path(environ), own_directories(environ)
    for name in changes:
        require_known(name)
    old = wiring.read_own_file(path)
    before = parse_config(old or b"", path, directories)
    new = edited((old or b"").decode(), changes, path, directories).encode()
    after = parse_config(new, path, directories)
    resolve({}, {}, after, directories)
    if dry_run:
        for index, line in enumerate(unified(old, new, str(path), f"{path} (new)")):
            click.echo(coloured(line, heading=index < 2))
        return
    if new != (old or b""):
        wiring.replace_own_files({path: new}, {path: old})
    for name, value in changes.items():
        was, now = before.values.get(name), after.values.get(name)
        note(_said(name, None if was is None else was[0], value, f"{path}{f':{now[1]}' if now else ''}"))
        _warn_of_winner(name, environ)


def require_known(name: str) -> None:
    """Raises InvalidSetting, with the setting that was probably meant, when there is none of that name."""
    from sentinel_server.policy.fields import closest
    from sentinel_server.settings.environ import config_path, process_environ
    from sentinel_server.settings.resolve import known_settings

    known = known_settings()
    if name in known:
        return
    if name.partition(".")[0] == "people":
        raise InvalidSetting(
            "people are lists, and no setting", hint=f"edit them by hand: {config_path(process_environ())}"
        )
    inside = [each for each in known if each.startswith(f"{name}.")]
    guess = f"it is a group: {', '.join(inside)}" if inside else closest(name, known)
    said = f"unknown setting {name[:60]!r}; {guess}".rstrip("; ")
    raise InvalidSetting(said, hint="list them: sentinel config show")


def _said(name: str, was: str | None, value: str | None, where: str) -> str:
    before = "" if was is None else f" (it was {was})"
    if value is None:
        return f"{name} was not in {where}" if was is None else f"{name} is no longer in {where}{before}"
    if was == value:
        return f"{name} is {value} already, in {where}"
    return f"{name} is {value} now, in {where}{before}"


def _warn_of_winner(name: str, environ: Mapping[str, str]) -> None:
    variable = "SENTINEL_" + name.replace(".", "_").upper()
    if environ.get(variable):
        note(f"{variable} is set and beats the file: {name} is {environ[variable]} here")
