"""`init sessions`: the plan, as people check one before they say yes, and carrying it out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from cli.context import settings_from
from cli.output import confirm, note
from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.provisioning.apply import Outcome, apply, missing
from sentinel_server.provisioning.desired import DEFAULT_PREFIX, Table, sessions_table
from sentinel_server.provisioning.iam import Role, partition_of, policy, table_arn
from sentinel_server.provisioning.plan import AddIndex, CreateTable
from sentinel_server.settings.locations import DynamoDbLocation

if TYPE_CHECKING:
    from sentinel_server.provisioning.apply import Provisioner
    from sentinel_server.provisioning.plan import Step
    from sentinel_server.settings.resolve import Settings

DEFAULT_TABLE = DEFAULT_PREFIX + "sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The settings with a shared store, the usual table when they named none; and its region."""

    settings: Settings
    location: DynamoDbLocation
    region: str

    @property
    def url(self) -> str:
        """The table for people, with its region."""
        return str(replace(self.location, region=self.region))


def shared(flags: Mapping[str, str | None]) -> Shared:
    """Where the shared store is or will be. Raises BadInput without a region, InvalidSetting."""
    settings = settings_from(flags)
    location = settings.store
    if not isinstance(location, DynamoDbLocation):
        settings, location = settings_from({**flags, "session_table": DEFAULT_TABLE}), _USUAL
    region = location.region or settings.region
    if region is None:
        raise BadInput("the table needs a region", hint="name it: --region REGION")
    return Shared(settings=replace(settings, region=region), location=location, region=region)


_USUAL = DynamoDbLocation(table=DEFAULT_TABLE)


def iam_text(location: DynamoDbLocation, region: str, account: str | None, role: str) -> str:
    """The IAM policy of one role as JSON, or with `all` an object of every role's. Raises BadInput."""
    arn = _arn(location, account or location.account, region)
    if role != "all":
        return json.dumps(policy(Role(role), arn), indent=2)
    return json.dumps({each.value: policy(each, arn) for each in Role}, indent=2)


def _arn(location: DynamoDbLocation, account: str | None, region: str) -> str:
    if account is None:
        return f"arn:{partition_of(region)}:dynamodb:{region}:*:table/{location.table}"
    return table_arn(region=region, account=account, table=location.table)


async def provision(place: Shared, *, only_plan: bool, yes: bool) -> None:
    """Show what is missing, ask, do it. Raises SentinelError when a step fails, having said what is left."""
    from sentinel_server.wiring import open_provisioner

    await _check_account(place)
    table = sessions_table(place.location.table)
    async with open_provisioner(place.settings) as provisioner:
        steps = await missing(provisioner, table)
        click.echo(plan_text(place, steps))
        if only_plan:
            return
        if steps:
            if not yes:
                confirm(f"do this to {place.url}?")
            await carry_out(provisioner, table, steps)
    click.echo(advice(place))


async def _check_account(place: Shared) -> None:
    from sentinel_server.wiring import whoami

    wanted = place.location.account
    if wanted is not None and (found := (await whoami(place.settings, None)).account) != wanted:
        raise BadInput(
            f"{place.url} is in account {wanted}, and the credentials are of account {found}",
            hint="name a profile of that account: --aws-profile NAME",
        )


def plan_text(place: Shared, steps: Sequence[Step]) -> str:
    """The plan as people read it before they say yes."""
    if not steps:
        return f"Nothing is missing from {place.url}."
    lines = [f"For {place.url}:", *(f"  {_sign(step)} {step}" for step in steps)]
    return "\n".join(
        [*lines, f"Plan: {len(steps)} step{'' if len(steps) == 1 else 's'}, nothing is removed."]
    )


def advice(place: Shared) -> str:
    """What to put where, so that the table is used."""
    lines = [
        f"To use it, put this into {place.settings.directories.config / 'config.yaml'}:",
        f"  session_table: {place.location.table}",
        f"  region: {place.region}",
    ]
    if place.settings.control_profile is not None:
        lines.append(f"  control_profile: {place.settings.control_profile}")
    command = f"sentinel init sessions --region {place.region} --table {place.location.table}"
    return "\n".join(
        [*lines, "To let people use it, give each the policy for their part:", f"  {command} --generate-iam"]
    )


async def carry_out(provisioner: Provisioner, table: Table, steps: Sequence[Step]) -> None:
    """Do the steps, noting each. Raises SentinelError that lists what is done and what is left."""
    begun: list[Step] = []

    def tell(step: Step) -> None:
        begun.append(step)
        note(f"{step}, which may take minutes")

    try:
        done = await apply(provisioner, table, tell)
    except SentinelError as error:
        raise _partial(error, begun, steps) from error
    for each in done:
        if each.outcome is not Outcome.DONE:
            note(f"{each.step}: {each.outcome.value}")


def _partial(error: SentinelError, begun: Sequence[Step], steps: Sequence[Step]) -> SentinelError:
    failed = begun[-1] if begun else None
    states = ["not done" if step not in begun else "FAILED" if step == failed else "done" for step in steps]
    lines = [f"{state}: {step}" for state, step in zip(states, steps, strict=True)]
    hint = "mend that and run it again; it goes on from there"
    return SentinelError("\n".join([error.message, *lines]), hint=error.hint or hint)


def _sign(step: Step) -> str:
    return "+" if isinstance(step, CreateTable | AddIndex) else "~"
