"""Why the rules before the deciding one did not match, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sentinel_server.frozen import frozen
from sentinel_server.policy.asked import PolicyAsk
from sentinel_server.policy.clocks import Clocks
from sentinel_server.policy.compiled import Matcher, compiled
from sentinel_server.policy.match import NAMED_BARE, bare_name
from sentinel_server.policy.schema import WEEK, Day, Hours, Policy, TimeWindow
from sentinel_server.policy.yaml_lines import clock_time, moment_text

Miss = Literal["mode", "profiles", "not_profiles", "users", "not_users", "time", "zone", "device"]
"""The condition by which a rule does not match; `zone` is a time in a zone that cannot be resolved."""

_SHOWN = 5


@frozen
class Step:
    """A rule that did not match, and the first condition that kept it from matching."""

    index: int
    rule: str
    why_not: str


def explain(policy: Policy, ask: PolicyAsk) -> tuple[Step, ...]:
    """One step for every rule before the deciding one, or for all when none decides.

    It asks rule after rule, where `evaluate` looks rules up in an index.
    """
    facts = _Facts(policy, ask)
    steps = []
    for index, matcher in enumerate(compiled(policy).matchers):
        rule, miss = matcher.rule, facts.miss(matcher)
        if miss is None:
            break
        steps.append(Step(index=index, rule=rule.name, why_not=_why_not(facts, matcher, miss)))
        if miss == "zone":
            break
    return tuple(steps)


def window_words(window: TimeWindow) -> str:
    """`monday-friday 09:00-17:00 from 2026-12-01 to 2026-12-24`."""
    parts = [_days(window.days), _hours(window.hours)]
    if window.not_before is not None:
        parts.append(f"from {moment_text(window.not_before)}")
    if window.not_after is not None:
        parts.append(f"to {moment_text(window.not_after)}")
    return " ".join(part for part in parts if part)


class _Facts:
    """One ask, with what several rules need worked out once."""

    __slots__ = ("ask", "bare", "clocks")

    def __init__(self, policy: Policy, ask: PolicyAsk) -> None:
        self.ask = ask
        self.bare = bare_name(ask.principal, policy, ask.home_account)
        self.clocks = Clocks(ask.now)

    def miss(self, matcher: Matcher) -> Miss | None:
        """The first condition that keeps a rule from matching, None when it matches."""
        ask = self.ask
        if matcher.modes and ask.mode not in matcher.modes:
            return "mode"
        if matcher.misses_profile(ask.profile):
            fits = matcher.profiles is None or matcher.profiles(ask.profile)
            return "not_profiles" if fits else "profiles"
        if matcher.misses_user(self.bare, ask.principal.arn):
            fits = matcher.users is None or matcher.users.mean(self.bare, ask.principal.arn)
            return "not_users" if fits else "users"
        return self.clocks.closed(matcher) or ("device" if matcher.device else None)


def _why_not(facts: _Facts, matcher: Matcher, miss: Miss) -> str:
    conditions, ask = matcher.rule.conditions, facts.ask
    match miss:
        case "mode":
            modes = _listed([mode.value for mode in conditions.modes])
            return f"mode: {ask.mode.value} is not one of {modes}"
        case "profiles":
            return f"profiles: {ask.profile} is not one of {_listed(conditions.profiles)}"
        case "not_profiles":
            return f"not_profiles: {ask.profile} is one of {_listed(conditions.not_profiles)}"
        case "users":
            return f"users: {_users(facts, conditions.users)}"
        case "not_users":
            return f"not_users: {facts.bare or ask.principal.arn} is one of {_listed(conditions.not_users)}"
        case "time" | "zone":
            return f"time: {_time(facts, matcher)}"
        case "device":
            return "device: nothing is known of this device"


def _users(facts: _Facts, entries: Sequence[str]) -> str:
    principal, listed = facts.ask.principal, _listed(entries)
    if facts.bare is not None:
        return f"{facts.bare} is not one of {listed}"
    if principal.kind in NAMED_BARE and not all(entry.startswith("arn:") for entry in entries):
        return f"account {principal.account} is not trusted to name {principal.name}, nor does an ARN fit"
    return f"{principal.arn} fits no ARN pattern of {listed}"


def _time(facts: _Facts, matcher: Matcher) -> str:
    window = matcher.time or TimeWindow()
    clock = facts.clocks.shown(window.timezone)
    if clock is None:
        return f"the zone {window.timezone} is unknown on this machine, so nothing after this rule is read"
    weekday, minute = clock
    now = f"{WEEK[weekday].value.capitalize()} {clock_time(minute)} {window.timezone}"
    if matcher.span != (None, None):
        now += f" on {facts.clocks.day(window.timezone)}"
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
