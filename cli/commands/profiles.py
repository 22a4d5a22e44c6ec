"""`sentinel profiles`: what there is to choose from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.options import flags_of, output_option, store_options

if TYPE_CHECKING:
    from cli.tables import Field
    from sentinel_server.wiring.holdings import Holding

HEADINGS = ("PROFILE", "FROM", "ACCOUNT", "ROLE", "LEFT")
FIELDS = (
    *("name", "kind", "base", "account", "role", "role_arn", "region", "mfa_serial"),
    *("login_until", "login_renews", "session_until", "server", "server_until", "problem"),
)
"""The columns of CSV."""


@click.command("profiles")
@output_option("human", "json", "csv")
@store_options
def profiles(output: str, **flags: str | None) -> None:
    """List your AWS profiles.

    Of ~/.aws/config, ~/.aws/credentials and the keyring. FROM is where base credentials come from, LEFT how
    long a server that runs, a session that is kept or a login lasts. Asks nobody: neither AWS nor you.

    Requests for access are another list: sentinel list.
    """
    from cli.output import note, show_csv, show_json, show_table
    from sentinel_server.clock import SystemClock
    from sentinel_server.wiring.holdings import find_holdings

    settings, now = settings_from(flags_of(flags)), SystemClock().now()
    found = run(find_holdings(settings, now))
    if output == "json":
        rows = [_fields(each) for each in found.profiles]
        show_json({"profiles": rows, "not_asked": list(found.unasked)})
        return
    if output == "csv":
        show_csv(FIELDS, [_fields(each) for each in found.profiles])
    else:
        show_table(HEADINGS, [_row(each, now) for each in found.profiles], whole={0})
        for each in found.profiles:
            if each.profile.problem:
                note(f"{each.profile.name}: {each.profile.problem}")
        inside = settings.environ.get("AWS_SENTINEL")
        if inside:
            note(f"this shell has credentials of {inside}, and no other profiles; leave it to see them")
    for line in found.unasked:
        note(line)


def _row(holding: Holding, now: datetime) -> tuple[str, ...]:
    profile = holding.profile
    if profile.problem:
        return (profile.name, "broken", "-", "-", "-")
    kind = profile.kind if not profile.base else f"{profile.kind} ({profile.base})"
    return (profile.name, kind, profile.account or "-", profile.role or "-", left(holding, now))


def left(holding: Holding, now: datetime) -> str:
    """What is there already and for how long, what serves at once first: `server 11h`; `-` for nothing."""
    from cli.tables import in_words

    ends = (
        ("server", holding.servers[0].expires_at if holding.servers else None),
        ("session", holding.kept_until),
        ("login", holding.login_until),
    )
    for what, until in ends:
        if until is not None and until > now:
            return f"{what} {in_words(until - now)}"
    if holding.login_until is not None:
        return "login renews" if holding.login_renews else "login over"
    return "-"


def _fields(holding: Holding) -> dict[str, Field]:
    from sentinel_server.clock import whole_seconds

    def instant(until: datetime | None) -> str | None:
        return None if until is None else whole_seconds(until)

    profile = holding.profile
    server = holding.servers[0] if holding.servers else None
    return {
        "name": profile.name,
        "kind": profile.kind or None,
        "base": profile.base or None,
        "account": profile.account or None,
        "role": profile.role or None,
        "role_arn": profile.role_arn or None,
        "region": profile.region or None,
        "mfa_serial": profile.mfa_serial or None,
        "login_until": instant(holding.login_until),
        "login_renews": holding.login_renews,
        "session_until": instant(holding.kept_until),
        "server": server.id if server else None,
        "server_until": instant(server.expires_at if server else None),
        "problem": profile.problem or None,
    }
