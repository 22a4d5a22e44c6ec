"""Why the rules before the deciding one did not match, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.evaluate import Facts, Miss, PolicyAsk
from sentinel_server.policy.match import NAMED_BARE
from sentinel_server.policy.printing import clock_time
from sentinel_server.policy.schema import WEEK, Day, Hours, Policy, Rule, TimeWindow

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rule that did not match, and the first condition that kept it from matching."""

    index: int
    rule: str
    why_not: str


def explain(policy: Policy, ask: PolicyAsk) -> tuple[Step, ...]:
    """One step for every rule before the deciding one, or for all when none decides."""
    facts = Facts(policy, ask)
    steps = []
    for matcher in compiled(policy.rules).matchers:
        rule, miss = matcher.rule, facts.miss(matcher)
        if miss is None:
            break
        steps.append(Step(index=matcher.index, rule=rule.name, why_not=_why_not(facts, rule, miss)))
        if miss == "zone":
            break
    return tuple(steps)


def window_words(window: TimeWindow) -> str:
    """`monday-friday 09:00-17:00`."""
    parts = [_days(window.days), _hours(window.hours)]
    return " ".join(part for part in parts if part)


def _why_not(facts: Facts, rule: Rule, miss: Miss) -> str:
    conditions, ask = rule.conditions, facts.ask
    match miss:
        case "mode":
            return (
                f"mode: {ask.mode.value} is not one of {_listed([mode.value for mode in conditions.modes])}"
            )
        case "profiles":
            return f"profiles: {ask.profile} is not one of {_listed(conditions.profiles)}"
        case "users":
            return f"users: {_users(facts, conditions.users)}"
        case "time" | "zone":
            return f"time: {_time(facts, conditions.time or TimeWindow())}"
        case "device":
            return "device: nothing is known of this device"


def _users(facts: Facts, entries: Sequence[str]) -> str:
    principal, listed = facts.ask.principal, _listed(entries)
    if facts.bare is not None:
        return f"{facts.bare} is not one of {listed}"
    if principal.kind in NAMED_BARE and not all(entry.startswith("arn:") for entry in entries):
        return f"account {principal.account} is not trusted to name {principal.name}, nor does an ARN fit"
    return f"{principal.arn} fits no ARN pattern of {listed}"


def _time(facts: Facts, window: TimeWindow) -> str:
    clock = facts.clock(window.timezone)
    if clock is None:
        return f"the zone {window.timezone} is unknown on this machine, so nothing after this rule is read"
    weekday, minute = clock
    now = f"{WEEK[weekday].value.capitalize()} {clock_time(minute)} {window.timezone}"
    return f"{now} is outside {window_words(window)}"


def _days(days: tuple[Day, ...]) -> str:
    numbers = sorted(day.number for day in days)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{WEEK[numbers[0]].value}-{WEEK[numbers[-1]].value}"
    return ", ".join(WEEK[number].value for number in numbers)


def _hours(hours: Hours | None) -> str:
    return "" if hours is None else f"{clock_time(hours.start)}-{clock_time(hours.end)}"


def _listed(entries: Sequence[str]) -> str:
    more = len(entries) - _SHOWN
    return ", ".join(entries[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
