"""What AWS showed: how far the clock is off, what answers, what is refused, how the tables are. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from enum import Enum

from sentinel_server.clock import MAX_SKEW
from sentinel_server.diagnosis.model import Finding, Topic, ok, problem, unknown, warning
from sentinel_server.errors import Findings
from sentinel_server.frozen import frozen
from sentinel_server.provisioning.desired import Family, table_of
from sentinel_server.provisioning.iam import Role
from sentinel_server.provisioning.plan import (
    AddIndex,
    CreateTable,
    ForgetBy,
    Found,
    Guard,
    Step,
    TurnOn,
    plan,
)

_TOLERABLE = timedelta(minutes=1)

SET_CLOCK = "sudo timedatectl set-ntp true"
"""Lets the system keep the clock right, where systemd does that; elsewhere it is another command."""


class Outcome(Enum):
    """What became of a call that was tried."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    ABSENT = "absent"


@frozen
class Tried:
    """A call that changes nothing, tried on one thing; `said` is AWS's answer when it was no."""

    action: str
    on: str
    outcome: Outcome
    said: str = ""


@frozen
class Reached:
    """A service that answered: its host, how much its clock is ahead of ours, and how long it took."""

    service: str
    host: str
    ahead: timedelta | None
    seconds: float


@frozen
class TableSeen:
    """A table as it is; None when it is not there. `hidden` are the guards that we may not look at.

    `may_look` is whether its description could be read at all; with `ttl_hidden` its time to live was not.
    """

    name: str
    found: Found | None
    hidden: frozenset[Guard] = frozenset()
    ttl_hidden: bool = False
    may_look: bool = True


def clock_finding(ahead: timedelta | None) -> Finding:
    """How far AWS's clock is ahead of this machine's; None when nothing answered."""
    if ahead is None:
        return unknown(Topic.CLOCK, "nobody told the time, so this machine's clock could not be compared")
    off, word = abs(ahead), "behind" if ahead > timedelta(0) else "ahead of"
    what = f"this machine's clock is {int(off.total_seconds())} s {word} AWS's"
    if off > MAX_SKEW:
        return problem(
            Topic.CLOCK, what, "over 5 minutes nothing is issued, and AWS refuses signatures", SET_CLOCK
        )
    if off > _TOLERABLE:
        return warning(Topic.CLOCK, what, "it is corrected for, and refused from 5 minutes on", SET_CLOCK)
    return ok(Topic.CLOCK, "this machine's clock agrees with AWS's")


def reached_finding(reached: Reached) -> Finding:
    """A service that answered."""
    return ok(Topic.NETWORK, f"{reached.service} answers at {reached.host} ({reached.seconds * 1000:.0f} ms)")


def unreached_finding(service: str, host: str, said: str, proxies: Collection[str]) -> Finding:
    """A service that did not answer; `proxies` are the variables that send requests elsewhere."""
    through = f"; requests go where {' and '.join(sorted(proxies))} says" if proxies else ""
    why = f"{said}{through}"
    return problem(
        Topic.NETWORK, f"{service} does not answer at {host}", why, f"curl -sSv -o /dev/null https://{host}/"
    )


def call_findings(
    tried: Sequence[Tried], needed: Collection[str], mend: str, *, optional: bool = False
) -> list[Finding]:
    """What is refused of calls on one thing. Only `needed` ones matter; `optional` ones are warned of."""
    allowed = [each for each in tried if each.outcome is Outcome.ALLOWED]
    found = []
    if allowed:
        names = ", ".join(each.action for each in allowed)
        found.append(ok(Topic.PERMISSIONS, f"{names} on {allowed[0].on}: allowed"))
    for each in tried:
        if each.outcome is not Outcome.REFUSED or each.action not in needed:
            continue
        judge = warning if optional else problem
        found.append(judge(Topic.PERMISSIONS, f"{each.action} on {each.on} is refused", each.said, mend))
    return found


READERS: Mapping[Family, Role] = {
    Family.SESSIONS: Role.DEVELOPER,
    Family.REQUESTS: Role.REQUESTER,
    Family.BREAKGLASS: Role.INVOKER,
}
"""Whose policy lets somebody read a table."""


def table_findings(family: Family, seen: TableSeen, region: str) -> list[Finding]:
    """Whether a table is as it must be: there, indexed, protected."""
    mend = init_command(family, seen.name, region)
    if not seen.may_look:
        why = "dynamodb:DescribeTable is refused, so its indexes and protections are for others to look at"
        return [ok(Topic.STORES, f"table {seen.name} is not shown to you", why)]
    try:
        steps = plan(table_of(family, seen.name), seen.found)
    except Findings as error:
        return [problem(Topic.STORES, error.message, mend=error.hint)]
    steps = tuple(step for step in steps if not _hidden(step, seen))
    if not steps:
        hidden = sorted(guard.value for guard in seen.hidden) + ["time to live"] * seen.ttl_hidden
        said = f"; not shown to you: {', '.join(hidden)}" if hidden else ""
        return [ok(Topic.STORES, f"table {seen.name} is as it must be{said}")]
    return [_missing(step, mend) for step in (steps[:1] if seen.found is None else steps)]


def init_command(family: Family, table: str, region: str) -> str:
    """The command that makes a table, or mends it."""
    return f"sentinel init {_COMMAND[family]} --region {region} --{_OPTION[family]} {table}"


_COMMAND = {Family.SESSIONS: "sessions", Family.REQUESTS: "approvals", Family.BREAKGLASS: "breakglass"}
_OPTION = {
    Family.SESSIONS: "session-table",
    Family.REQUESTS: "request-table",
    Family.BREAKGLASS: "breakglass-table",
}


def _hidden(step: Step, seen: TableSeen) -> bool:
    if isinstance(step, TurnOn):
        return step.guard in seen.hidden
    return isinstance(step, ForgetBy) and seen.ttl_hidden


def _missing(step: Step, mend: str) -> Finding:
    name = step.table.name
    match step:
        case CreateTable():
            return problem(Topic.STORES, f"table {name} is not there", "nothing can be kept in it", mend)
        case AddIndex(index=index):
            why = "what is found by it is not found"
            return problem(Topic.STORES, f"table {name} has no index {index.name}", why, mend)
        case TurnOn(guard=guard):
            why = "evidence in it can be lost"
            return warning(Topic.STORES, f"table {name} has no {guard.value}", why, mend)
        case ForgetBy(attribute=attribute):
            why = "rows that are over stay for ever"
            return warning(Topic.STORES, f"table {name} does not forget by {attribute}", why, mend)
