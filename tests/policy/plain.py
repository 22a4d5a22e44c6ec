"""What evaluation means, as plainly as it can be written: rule after rule, no cache and no index."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from sentinel_server.identity.principal import Kind
from sentinel_server.policy.evaluate import PolicyAsk, PolicyDecision
from sentinel_server.policy.schema import (
    WEEK,
    Conditions,
    Effect,
    Moment,
    Override,
    Policy,
    Rule,
    TimeWindow,
)

ALLOWING = (Effect.ALLOW, Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION)


def plain_evaluate(policy: Policy, ask: PolicyAsk) -> PolicyDecision:
    """The first rule that matches decides."""
    blocked: Rule | None = None
    for index, rule in enumerate(policy.rules):
        if not stands(policy, rule.conditions, ask):
            continue
        device = rule.conditions.device
        if device is None:
            allows = rule.effect in ALLOWING
            return PolicyDecision(rule=rule, index=index, device_blocked=None if allows else blocked)
        if device.override is Override.NONE and rule.effect is not Effect.DENY:
            blocked = blocked or rule
    return PolicyDecision(rule=None, index=-1, device_blocked=blocked)


def stands(policy: Policy, conditions: Conditions, ask: PolicyAsk) -> bool:
    """Whether everything but the device fits."""
    return (
        (not conditions.modes or ask.mode in conditions.modes)
        and (not conditions.profiles or any(fnmatchcase(ask.profile, each) for each in conditions.profiles))
        and not any(fnmatchcase(ask.profile, each) for each in conditions.not_profiles)
        and (not conditions.users or any(means(policy, each, ask) for each in conditions.users))
        and not any(means(policy, each, ask) for each in conditions.not_users)
        and (conditions.time is None or is_open(conditions.time, ask.now))
    )


def means(policy: Policy, entry: str, ask: PolicyAsk) -> bool:
    """Whether an entry of `users` means who asks."""
    principal = ask.principal
    if entry.startswith("group:"):
        group = next(group for group in policy.groups if group.name == entry.removeprefix("group:"))
        return any(means(policy, each, ask) for each in group.users)
    if entry.startswith("arn:"):
        return fits(entry, principal.arn)
    trusted = policy.trusted_accounts or (ask.home_account,)
    named = principal.kind in (Kind.IAM_USER, Kind.SSO_ROLE) and principal.account in trusted
    return named and fnmatchcase(principal.name, entry)


def fits(pattern: str, text: str) -> bool:
    """The definition of an ARN pattern, character by character."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return fits(pattern[1:], text) or (bool(text) and text[0] not in ":/" and fits(pattern, text[1:]))
    return (
        bool(text)
        and (text[0] == pattern[0] or (pattern[0] == "?" and text[0] not in ":/"))
        and fits(pattern[1:], text[1:])
    )


def is_open(window: TimeWindow, now: datetime) -> bool:
    """Whether the window is open, by walking over the days that a span may have begun on."""
    zone = ZoneInfo(window.timezone)
    local = now.astimezone(zone)
    if window.not_before is not None and now < begins(window.not_before, zone):
        return False
    if window.not_after is not None and now >= ends(window.not_after, zone):
        return False
    minute = local.hour * 60 + local.minute
    today, before = WEEK[local.weekday()], WEEK[local.weekday() - 1]
    if window.hours is None:
        return not window.days or today in window.days
    start, end = window.hours.start, window.hours.end
    spans = [(today, start, 1440), (before, 0, end)] if end <= start else [(today, start, end)]
    return any(
        first <= minute < last and (not window.days or day in window.days) for day, first, last in spans
    )


def begins(moment: Moment, zone: ZoneInfo) -> datetime:
    """The first instant of a day in a zone, found minute by minute; an instant is itself."""
    if isinstance(moment, datetime):
        return moment
    return first_instant(moment, zone)


def ends(moment: Moment, zone: ZoneInfo) -> datetime:
    """The first instant after a day in a zone; an instant is itself."""
    if isinstance(moment, datetime):
        return moment
    return first_instant(moment + timedelta(days=1), zone)


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour in which clocks there show `day` or a later one; zones change at them."""
    at = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=16)
    while at.astimezone(zone).date() < day:
        at += timedelta(minutes=15)
    return at
