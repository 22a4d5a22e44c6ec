"""`sentinel keyring list`: what is kept. Nothing is opened for it, so nobody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import keyring_options
from cli.options import output_option

if TYPE_CHECKING:
    from sentinel_server.wiring import UserKeyring

HEADINGS = ("PROFILE", "KEY", "SESSIONS", "UNTIL")
NAMES = ("profile", "key", "sessions", "until")


@click.command("list")
@output_option("table", "json", "csv")
@keyring_options
def list_(output: str, **flags: Any) -> None:
    """List what is kept, and what opens it.

    Names and ends are not secret, so nobody is asked for a passphrase.
    """
    from cli.output import note, show_csv, show_json, show_table

    _, keyring = opened(flags)
    rows, seeds = run(_rows(keyring)), run(keyring.seeds.serials())
    if output == "json":
        file, by = str(keyring.path), keyring.opener()
        show_json({"file": file, "opened_by": by, "profiles": rows, "mfa_seeds": list(seeds)})
    elif output == "csv":
        show_csv(NAMES, rows)
    else:
        show_table(HEADINGS, [tuple(_cell(row[name]) for name in NAMES) for row in rows], whole={0})
    for serial in seeds:
        note(f"there is a seed for {serial}")
    by = keyring.opener()
    note(f"{keyring.path} is opened by {by}" if by else f"there is no keyring at {keyring.path} yet")


async def _rows(keyring: UserKeyring) -> list[dict[str, Any]]:
    from sentinel_server.keyring.names import profile_of_session, profiles_in, sessions_in

    listing = await keyring.vault.listing()
    whose = {name: profile_of_session(name) or "" for name in sessions_in(listing)}
    with_keys = set(profiles_in(listing))
    return [
        _row(profile, profile in with_keys, [listing[name] for name in whose if whose[name] == profile])
        for profile in sorted(with_keys | set(whose.values()))
    ]


def _row(profile: str, has_key: bool, ends: list[datetime | None]) -> dict[str, Any]:
    from sentinel_server.clock import whole_seconds

    known = [end for end in ends if end is not None]
    return {
        "profile": profile,
        "key": has_key,
        "sessions": len(ends),
        "until": whole_seconds(max(known)) if known else None,
    }


def _cell(value: object) -> str:
    words: Mapping[object, str] = {True: "yes", False: "-", None: "-"}
    return words[value] if isinstance(value, bool) or value is None else str(value)
