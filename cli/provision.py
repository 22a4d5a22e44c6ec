"""`init sessions`, `approvals`, `breakglass` and `all`: the plan, and carrying it out after a yes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.context import settings_from
from cli.output import confirm, note
from sentinel_server.errors import BadInput, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.provisioning.apply import Outcome, apply, missing
from sentinel_server.provisioning.desired import DEFAULT_PREFIX, Family, Table, table_of
from sentinel_server.provisioning.iam import ROLES, Role, partition_of, policy, table_arn
from sentinel_server.provisioning.plan import AddIndex, CreateTable, ForgetBy
from sentinel_server.records.model import Ledger
from sentinel_server.settings.locations import DynamoDbLocation, StoreLocation

if TYPE_CHECKING:
    from sentinel_server.provisioning.apply import Provisioner
    from sentinel_server.provisioning.plan import Step
    from sentinel_server.settings.resolve import Settings

DEFAULT_TABLE = DEFAULT_PREFIX + "sessions"

SETTING = {
    Family.SESSIONS: "session_table",
    Family.REQUESTS: "request_table",
    Family.BREAKGLASS: "breakglass_table",
}
"""The setting that names a table."""


@frozen
class Place:
    """Where one table is or will be; `settings` have its region."""

    family: Family
    settings: Settings
    location: DynamoDbLocation
    region: str

    @property
    def url(self) -> str:
        """The table for people, with its region."""
        return str(replace(self.location, region=self.region))


@frozen
class Job:
    """What is missing from one table, and what does it."""

    provisioner: Provisioner
    table: Table
    steps: Sequence[Step]


def places(flags: Mapping[str, str | None], families: Sequence[Family]) -> list[Place]:
    """Where these tables are or will be: under the usual names when the settings say of none.

    Raises BadInput without a region, InvalidSetting.
    """
    settings = settings_from(flags)
    if not all(isinstance(_location(settings, family), DynamoDbLocation) for family in families):
        settings = settings_from({**flags, "session_table": DEFAULT_TABLE})
    return [_place(settings, family, _location(settings, family)) for family in families]


def _location(settings: Settings, family: Family) -> StoreLocation:
    return settings.store if family is Family.SESSIONS else settings.ledgers[Ledger(family.value)]


def _place(settings: Settings, family: Family, location: StoreLocation) -> Place:
    assert isinstance(location, DynamoDbLocation)  # noqa: S101  # `places` has seen to it
    region = location.region or settings.region
    if region is None:
        raise BadInput("the table needs a region", hint="name it: --region REGION")
    return Place(family=family, settings=replace(settings, region=region), location=location, region=region)


def iam_text(where: Sequence[Place], account: str | None, role: str) -> str:
    """The IAM policy of one role as JSON, or with `all` an object of every role's. A notifier may publish to
    the topics in the settings. Raises BadInput.
    """
    arns = {place.family: _arn(place, account or place.location.account) for place in where}
    topics = [to.where for to in where[0].settings.notifications_to if isinstance(to.where, str)]
    topics = [topic for topic in topics if topic.startswith("arn:")]
    if role != "all":
        return json.dumps(policy(Role(role), arns, topics), indent=2)
    theirs = [each for each in Role if any(each in ROLES[family] for family in arns)]
    return json.dumps({each.value: policy(each, arns, topics) for each in theirs}, indent=2)


def _arn(place: Place, account: str | None) -> str:
    if account is None:
        partition = partition_of(place.region)
        return f"arn:{partition}:dynamodb:{place.region}:*:table/{place.location.table}"
    return table_arn(region=place.region, account=account, table=place.location.table)


async def provision(where: Sequence[Place], command: str, *, only_plan: bool, yes: bool) -> None:
    """Show what is missing, ask, do it. Raises SentinelError when a step fails, having said what is left."""
    from sentinel_server.wiring import open_provisioner

    await _check_accounts(where)
    async with AsyncExitStack() as stack:
        jobs: list[Job] = []
        for place in where:
            provisioner = await stack.enter_async_context(open_provisioner(place.settings))
            table = table_of(place.family, place.location.table)
            steps = await missing(provisioner, table)
            jobs.append(Job(provisioner=provisioner, table=table, steps=steps))
            click.echo(plan_text(place, steps))
        if only_plan:
            return
        if any(job.steps for job in jobs):
            if not yes:
                confirm(f"do this to {' and '.join(place.url for place in where)}?")
            await carry_out(jobs)
    click.echo(advice(where, command))


async def _check_accounts(where: Sequence[Place]) -> None:
    from sentinel_server.wiring import whoami

    named = [place for place in where if place.location.account is not None]
    found = (await whoami(named[0].settings, None)).account if named else None
    for place in named:
        if place.location.account != found:
            raise BadInput(
                f"{place.url} is in account {place.location.account}, and the credentials are of account"
                f" {found}",
                hint="name a profile of that account: --aws-profile NAME",
            )


def plan_text(place: Place, steps: Sequence[Step]) -> str:
    """The plan as people read it before they say yes."""
    if not steps:
        return f"Nothing is missing from {place.url}."
    lines = [f"For {place.url}:", *(f"  {_sign(step)} {step}" for step in steps)]
    return "\n".join(
        [*lines, f"Plan: {len(steps)} step{'' if len(steps) == 1 else 's'}, nothing is removed."]
    )


def advice(where: Sequence[Place], command: str) -> str:
    """What to put where, so that the tables are used; `command` is the one that was given."""
    settings, region = where[0].settings, where[0].region
    lines = [
        f"To use {'it' if len(where) == 1 else 'them'},"
        f" put this into {settings.directories.config / 'config.yaml'}:",
        *(f"  {SETTING[place.family]}: {_name(place, region)}" for place in where),
        f"  region: {region}",
    ]
    if settings.control_profile is not None:
        lines.append(f"  control_profile: {settings.control_profile}")
    options = [f"--{SETTING[place.family].replace('_', '-')} {_name(place, region)}" for place in where]
    again = " ".join(["sentinel init", command, "--region", region, *options, "--generate-iam"])
    return "\n".join([*lines, "To let people use it, give each the policy for their part:", f"  {again}"])


def _name(place: Place, region: str) -> str:
    """Its name, or its ARN when the name alone would mean a table of another region."""
    account = place.location.account
    if account is None or place.region == region:
        return place.location.table
    return table_arn(region=place.region, account=account, table=place.location.table)


async def carry_out(jobs: Sequence[Job]) -> None:
    """Do the steps, noting each. Raises SentinelError that lists what is done and what is left."""
    steps = [step for job in jobs for step in job.steps]
    begun: list[Step] = []

    def tell(step: Step) -> None:
        begun.append(step)
        note(f"{step}, which may take minutes")

    for job in jobs:
        try:
            done = await apply(job.provisioner, job.table, tell) if job.steps else ()
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
    return "+" if isinstance(step, CreateTable | AddIndex | ForgetBy) else "~"
