"""`sentinel policy explain`: what would the policy decide, and why?"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.layout import clean
from cli.options import (
    control_option,
    flags_of,
    output_option,
    own_option,
    policy_options,
    profile_option,
    region_option,
)
from cli.policies.files import read_bounded

if TYPE_CHECKING:
    from sentinel_server.identity.principal import Principal
    from sentinel_server.policy.schema import LoadedPolicy
    from sentinel_server.settings.resolve import Settings

MODES = ("server", "cli", "credential_process", "tvm")
"""The values of `Mode`, here so that `--help` need not import it; a test holds them together."""


@click.command("explain")
@profile_option
@own_option("EXPLAIN", "--user", "users", multiple=True, metavar="USER", help="Who asks; default you.")
@own_option("EXPLAIN", "--matrix", is_flag=True, help="A table of the policy's users and profiles.")
@own_option(
    "EXPLAIN", "--mode", type=click.Choice(MODES), default="server", show_default=True, help="Door used."
)
@own_option("EXPLAIN", "--at", metavar="TIME", help="ISO 8601 time with a zone; now if not given.")
@own_option("EXPLAIN", "--file", metavar="FILE", help="Policy to ask instead of the configured one.")
@policy_options
@region_option
@control_option
@output_option("human", "json")
def explain(
    profile: str,
    users: tuple[str, ...],
    matrix: bool,
    mode: str,
    at: str | None,
    file: str | None,
    output: str,
    **flags: Any,
) -> None:
    """Say which rule decides and why earlier ones do not.

    A bare USER is taken for an IAM user of the first trusted account. With --matrix, USER may be repeated,
    and without it everybody is shown whom the policy names. Reads the policy, changes nothing.
    """
    from sentinel_server.errors import BadInput

    if len(users) > 1 and not matrix:
        raise BadInput("one --user is explained at a time", hint="add --matrix for a table of all")
    settings = settings_from(flags_of(flags))
    loaded = _load_configured(settings, profile) if file is None else _load_file(file)
    now = _instant(at)
    if matrix:
        _show_matrix(loaded, users, profile, mode, now, output)
    else:
        principal = _principal(users[0], loaded) if users else _myself(settings, profile)
        _show_one(loaded, principal, profile, mode, now, output)


def _show_one(
    loaded: LoadedPolicy, principal: Principal, profile: str, mode: str, now: datetime, output: str
) -> None:
    from cli.explained import explained, in_words
    from sentinel_server.policy.evaluate import PolicyAsk
    from sentinel_server.policy.schema import Mode

    ask = PolicyAsk(
        principal=principal,
        profile=profile,
        mode=Mode(mode),
        now=now,
        home_account=loaded.home_of(principal),
    )
    found = explained(loaded, ask)
    click.echo(json.dumps(found, indent=2) if output == "json" else in_words(found))


def _show_matrix(
    loaded: LoadedPolicy, users: tuple[str, ...], profile: str, mode: str, now: datetime, output: str
) -> None:
    from cli.matrices import cell_fields, matrix_lines
    from cli.output import show_json
    from sentinel_server.clock import whole_seconds
    from sentinel_server.policy.matrix import matrix
    from sentinel_server.policy.schema import Mode

    found = matrix(loaded, users=users, profiles=(profile,), mode=Mode(mode), now=now)
    if output == "json":
        about = {"mode": mode, "at": whole_seconds(now)}
        policy = {
            "policy_path": loaded.name,
            "policy_version": loaded.version,
            "policy_sha256": loaded.sha256,
        }
        show_json({**about, **policy, "cells": [cell_fields(cell) for row in found.rows for cell in row]})
        return
    click.echo(clean(f"by {mode} at {whole_seconds(now)}"))
    for line in matrix_lines(found):
        click.echo(line)


def _load_file(file: str) -> LoadedPolicy:
    from sentinel_server.canonical import sha256_hex
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.parse import parse_policy
    from sentinel_server.policy.schema import LoadedPolicy, Origin

    try:
        data = read_bounded(file)
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    policy = parse_policy(data, file=file)
    return LoadedPolicy(policy=policy, name=file, sha256=sha256_hex(data), origin=Origin.FILE)


def _load_configured(settings: Settings, profile: str) -> LoadedPolicy:
    from cli.output import note
    from sentinel_server import wiring

    async def load() -> LoadedPolicy:
        async with wiring.open_policies(settings, note) as policies:
            return await policies.load(profile)

    return run(load())


def _myself(settings: Settings, profile: str) -> Principal:
    from sentinel_server import wiring
    from sentinel_server.errors import Nested

    inside = settings.environ.get("AWS_SENTINEL")
    if inside:
        why = f"in this shell of {inside} AWS knows the role that sentinel gave it, and not you"
        raise Nested(why, hint="ask from another shell, or say who asks: --user NAME")
    return run(wiring.whoami(settings, profile))


def _principal(user: str, loaded: LoadedPolicy) -> Principal:
    from sentinel_server.policy.cast import home_of, principal_named

    return principal_named(user, home_of(loaded.policy, loaded.account))


def _instant(text: str | None) -> datetime:
    from sentinel_server.clock import SystemClock
    from sentinel_server.errors import BadInput

    if text is None:
        return SystemClock().now()
    hint = "write it as 2026-01-31T17:30+01:00 or with Z for UTC"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--at {text!r} is not a time", hint=hint) from None
    if at.tzinfo is None:
        raise BadInput(f"--at {text!r} names no zone", hint=hint)
    return at
