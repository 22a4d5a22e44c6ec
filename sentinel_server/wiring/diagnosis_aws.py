"""The checks of `doctor` that need base credentials, which are asked for once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.diagnosis.aws import READERS, Outcome, call_findings, init_command, table_findings
from sentinel_server.diagnosis.checkup import Check, Look
from sentinel_server.diagnosis.model import Finding, Topic, ok, unknown
from sentinel_server.provisioning.desired import BY_PERSON, Family
from sentinel_server.records.model import Ledger
from sentinel_server.settings.locations import DynamoDbLocation, SqliteLocation, SsmPolicies, StoreLocation
from sentinel_server.wiring.policies import Reading, policy_source
from sentinel_server.wiring.principals import (
    Visitor,
    control_name,
    load_profile,
    open_base,
    open_control,
    open_own,
)
from sentinel_server.wiring.stores import StoreOpener

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings

_READS = frozenset({"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"})


class AwsChecks:
    """The checks for one profile, or without one for an operator; all that is opened closes with `stack`."""

    def __init__(
        self, stack: AsyncExitStack, settings: Settings, profile: str | None, seconds: float
    ) -> None:
        self.name = profile or control_name(settings)
        """The profile whose credentials are used."""
        self._stack = stack
        self._settings = settings
        self._profile = profile
        self._seconds = seconds
        self._clock = SystemClock()
        self._control: BotoBase | None = None
        self._principal: Principal | None = None
        self._region = settings.region

    async def open(self, visitor: Visitor) -> Principal:
        """Get the base credentials, and say whose they are. Raises SentinelError."""
        from sentinel_server.credentials.endpoints import region_of

        settings, stack, clock = self._settings, self._stack, self._clock
        target = load_profile(settings, self.name)
        self._region = settings.region or region_of(target, settings.environ)
        if self._profile is None and self._reads_aws():
            base = control = await open_own(stack, settings, self.name, clock)
        else:  # nobody's role is assumed for nothing
            base = await open_base(stack, settings, self.name, clock, visitor)
            await base.prepare()
            control = await open_control(stack, settings, base, target, clock)
        self._principal = await base.principal()
        self._control = control
        return self._principal

    def checks(self) -> list[Check]:
        """What is left to look at, now that there are credentials or that there are none."""
        found = [self._check(Topic.POLICY, "reading the policy", self._policy)]
        for family, where in self._places():
            if isinstance(where, SqliteLocation):
                if family is Family.SESSIONS:
                    found.append(self._check(Topic.STORES, f"opening {where.path}", self._sqlite))
            else:
                look = partial(self._table, family, where)
                found.append(self._check(Topic.STORES, f"looking at table {where.table}", look))
                allowed = partial(self._reads, family, where)
                found.append(self._check(Topic.PERMISSIONS, f"reading table {where.table}", allowed))
        if isinstance(self._settings.policies, SsmPolicies) and self._profile is not None:
            found.append(self._check(Topic.PERMISSIONS, "reading a parameter", self._parameter))
        return found

    def _check(self, topic: Topic, doing: str, look: Look) -> Check:
        return Check(topic=topic, doing=doing, look=look, seconds=self._seconds)

    def _reads_aws(self) -> bool:
        places = (*(where for _, where in self._places()), self._settings.policies)
        return any(isinstance(where, DynamoDbLocation | SsmPolicies) for where in places)

    def _places(self) -> Iterator[tuple[Family, StoreLocation]]:
        yield Family.SESSIONS, self._settings.store
        for ledger in Ledger:
            yield Family(ledger.value), self._settings.ledgers[ledger]

    async def _policy(self) -> Sequence[Finding]:
        from sentinel_server.diagnosis.policies import policy_findings

        where, settings = self._settings.policies, self._settings
        if self._profile is None:
            return [ok(Topic.POLICY, f"policies are in {where}; name a profile to look at its own")]
        if self._control is None and isinstance(where, SsmPolicies):
            return [_nobody(Topic.POLICY, f"the policy in {where}")]
        reading = Reading(
            stack=self._stack,
            settings=settings,
            control=self._control,
            region=self._region,
            clock=self._clock,
        )
        loaded = await (await policy_source(reading)).load(self._profile)
        role = load_profile(settings, self._profile).assumes
        now = self._clock.now()
        return policy_findings(loaded, self._profile, self._principal, now, unstamped=role is None)

    async def _sqlite(self) -> Sequence[Finding]:
        where = self._settings.store
        assert isinstance(where, SqliteLocation)  # noqa: S101  # `checks` has seen to it
        if not where.path.exists():
            return [ok(Topic.STORES, f"{where.path} is made by the first session")]
        store = await StoreOpener(self._stack, self._settings, None, None, self._clock)(None)
        now = self._clock.now()
        blocks = sum(block.holds(now) for block in await store.blocks())
        return [ok(Topic.STORES, f"{where.path} opens; {blocks} block{'' if blocks == 1 else 's'} in force")]

    async def _table(self, family: Family, where: DynamoDbLocation) -> Sequence[Finding]:
        from sentinel_server.adapters.aws.probes import TableProbe

        if self._control is None:
            return [_nobody(Topic.STORES, f"table {where.table}")]
        region = where.region or self._region
        async with self._control.aws.client("dynamodb", region=region) as client:
            seen = await TableProbe(client).look(where.table)
        return table_findings(family, seen, region or "REGION")

    async def _reads(self, family: Family, where: DynamoDbLocation) -> Sequence[Finding]:
        from sentinel_server.adapters.aws.probes import try_table

        if self._control is None:
            return [_nobody(Topic.PERMISSIONS, f"table {where.table}")]
        region = where.region or self._region
        async with self._control.aws.client("dynamodb", region=region) as client:
            tried = await try_table(client, where.table, BY_PERSON.name)
        command = init_command(family, where.table, region or "REGION")
        mend = f"{command} --generate-iam {READERS[family].value}"
        return call_findings(tried, _READS, mend, optional=family is not Family.SESSIONS)

    async def _parameter(self) -> Sequence[Finding]:
        from sentinel_server.adapters.aws.probes import try_parameter

        where = self._settings.policies
        assert isinstance(where, SsmPolicies)  # noqa: S101  # `checks` has seen to it
        if self._control is None:
            return [_nobody(Topic.PERMISSIONS, "ssm:GetParameter")]
        name = where.parameter or f"{where.root}/{self._profile}"
        async with self._control.aws.client("ssm", region=where.region or self._region) as client:
            tried = await try_parameter(client, name)
        if tried.outcome is Outcome.ABSENT:
            return []
        return call_findings([tried], {"ssm:GetParameter"}, "sentinel whoami")


def _nobody(topic: Topic, what: str) -> Finding:
    return unknown(topic, f"{what} was not looked at", "there are no base credentials to ask with")
