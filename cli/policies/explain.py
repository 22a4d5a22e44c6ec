"""`sentinel policy explain`: what would the policy decide, and why?"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
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
@own_option("EXPLAIN", "--user", metavar="USER", help="Name or ARN of who asks; you, if not given.")
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
    profile: str, user: str | None, mode: str, at: str | None, file: str | None, output: str, **flags: Any
) -> None:
    """Say which rule decides and why earlier ones do not.

    A bare USER is taken for an IAM user of the first trusted account. Reads the policy, changes nothing.
    """
    from cli.explained import explained, in_words
    from sentinel_server.policy.evaluate import PolicyAsk
    from sentinel_server.policy.schema import Mode

    settings = settings_from(flags_of(flags))
    loaded = _load_configured(settings, profile) if file is None else _load_file(file)
    principal = _myself(settings, profile) if user is None else _principal(user, loaded)
    ask = PolicyAsk(
        principal=principal,
        person=principal.person,
        profile=profile,
        mode=Mode(mode),
        now=_instant(at),
        home_account=loaded.account or principal.account,
    )
    found = explained(loaded, ask)
    click.echo(json.dumps(found, indent=2) if output == "json" else in_words(found))


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
    from sentinel_server import wiring

    async def load() -> LoadedPolicy:
        async with wiring.open_policies(settings) as policies:
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
    from sentinel_server.identity.arn import parse_principal

    trusted = loaded.policy.trusted_accounts
    account = trusted[0] if trusted else loaded.account or "000000000000"
    arn = user if user.startswith("arn:") else f"arn:aws:iam::{account}:user/{user}"
    return parse_principal(arn, unique_id="explained")


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
