"""What `shell init` prints, for each shell. Pure.

The functions hand their words on as they are, so that no name of a profile is ever read as shell code. Those
for one profile hold its name quoted. Nothing here starts a process before somebody types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cli.shells.quoting import function_suffix, quoted
from cli.shells.texts import TEXTS
from sentinel_server.frozen import frozen


@frozen
class Wanted:
    """What the script shall hold: the function's name, and one more for each of `profiles` by function name.

    `program` is what is run, as one word without quotes; with `server`, functions for `exec --server` too.
    """

    shell: str
    program: str
    name: str = "sx"
    server: bool = False
    profiles: Mapping[str, str] | None = None


def functions_for(names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The functions' names with the profile each is for, and the profiles that get none.

    Where several would get the same function, it is for the one of exactly that name, if there is one: a
    function must never be for another account than its name says.
    """
    wanted: dict[str, list[str]] = {}
    for name in names:
        wanted.setdefault(function_suffix(name), []).append(name)
    found: dict[str, str] = {}
    for suffix, those in wanted.items():
        sole = those[0] if len(those) == 1 else next((name for name in those if name == suffix), None)
        if suffix and sole is not None and sole.isprintable():
            found[f"sentinel-{suffix}"] = sole
    return found, [name for name in names if name not in found.values()]


def script(wanted: Wanted) -> str:
    """The text for the start-up file. Raises BadInput for a program that no shell can name."""
    text = TEXTS[wanted.shell]
    doors = ("once", "server") if wanted.server else ("once",)
    names = [wanted.name + ("s" if door == "server" else "") for door in doors]
    fill = {
        "PROGRAM": quoted(wanted.shell, wanted.program),
        "NAMES": text.between.join(names),
        "LISTED": " ".join(names),
    }
    parts = [
        _filled(text.run, **fill),
        *(_filled(text.switch, NAME=name, DOOR=door) for name, door in zip(names, doors, strict=True)),
    ]
    of_profiles = [
        _filled(text.one, NAME=name, DOOR=door, PROFILE=quoted(wanted.shell, profile))
        for name, (door, profile) in _functions(wanted).items()
    ]
    if of_profiles:
        of_profiles = [text.before_ones, *of_profiles, text.after_ones]
    return "".join(each + "\n" for each in [*parts, _filled(text.completion, **fill), *of_profiles] if each)


def _functions(wanted: Wanted) -> dict[str, tuple[str, str]]:
    """Door and profile by function; where two want one name, it is the profile's whose name that is."""
    found = {name: ("once", profile) for name, profile in (wanted.profiles or {}).items()}
    if wanted.server:
        for name, profile in (wanted.profiles or {}).items():
            found.setdefault(f"{name}-server", ("server", profile))
    return found


def _filled(template: str, **values: str) -> str:
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], template)
