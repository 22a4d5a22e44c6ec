"""How often the glass may be broken, decided from what was remembered. Pure.

The first rate-limit rule whose profiles fit decides; where none does, only one rule is left: one emergency at
a time for one person and one profile. What has ended never stands in the way but by a cooldown or a quota.

- The cooldown runs from the opening of the last one, by that person for that profile.
- `max_per_user` and `escalation_threshold` count a person's emergencies for all profiles that the rule
  decides about, `max_per_profile` everybody's for this one profile. Both look back over `quota_window`; what
  is just as old as that no longer counts.
- Escalation is counted whether or not there is a quota: `escalation_threshold: 2` means that the second one
  within the window, and every further one, is told to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sentinel_server.breakglass.model import Emergency, EventState
from sentinel_server.clock import whole_seconds
from sentinel_server.errors import BreakGlassLimited
from sentinel_server.frozen import frozen
from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.membership import covers
from sentinel_server.policy.ratelimit import RateLimitPolicy, RateLimitRule

_ALWAYS = timedelta.max


@frozen
class Opening:
    """That an emergency was opened at `at`; `name` is its profile in a person's list, its person in a
    profile's.
    """

    at: datetime
    name: str


@frozen
class Past:
    """What is remembered when somebody wants to open an emergency for a profile.

    `latest` are the latest emergencies of theirs for it, one for each key that they have had, `opened_at` is
    when the last of them was opened, also when its row is gone. The openings of the person are for any
    profile, those of the profile by anybody.
    """

    latest: tuple[Emergency, ...] = ()
    opened_at: datetime | None = None
    of_person: tuple[Opening, ...] = ()
    of_profile: tuple[Opening, ...] = ()


@frozen
class Clear:
    """Nothing stands in the way; `escalated` when others have to be told of it."""

    escalated: bool = False


@frozen
class Limited:
    """Something stands in the way, and `error` says what and until when."""

    error: BreakGlassLimited


def judge(past: Past, policy: RateLimitPolicy | None, profile: str, now: datetime) -> Clear | Limited:
    """Whether one more emergency for `profile` may be opened at `now`. No policy limits nothing."""
    for event in past.latest:
        if event.state(now) is EventState.ACTIVE:
            return Limited(error=_stacked(event))
    rule = None if policy is None else deciding(policy, profile)
    if policy is None or rule is None:
        return Clear()
    theirs = [each for each in past.of_person if deciding(policy, each.name) is rule]
    error = (
        _cooling(rule, past.opened_at, profile, now)
        or _exhausted(rule, rule.max_per_user, theirs, "you opened", now)
        or _exhausted(rule, rule.max_per_profile, past.of_profile, f"{profile} had", now)
    )
    if error is not None:
        return Limited(error=error)
    threshold, counted = rule.escalation_threshold, len(_within(rule, theirs, now))
    return Clear(escalated=threshold is not None and counted + 1 >= threshold)


def deciding(policy: RateLimitPolicy, profile: str) -> RateLimitRule | None:
    """The first rule whose profiles fit."""
    return next((rule for rule in policy.rules if covers(rule.profiles, profile)), None)


def _stacked(event: Emergency) -> BreakGlassLimited:
    return BreakGlassLimited(
        f"your emergency {event.id} for {event.profile} is open until {whole_seconds(event.ends_at)} already",
        hint=f"use it, or close it first: sentinel breakglass-close {event.id} --reason WHY",
    )


def _cooling(
    rule: RateLimitRule, opened_at: datetime | None, profile: str, now: datetime
) -> BreakGlassLimited | None:
    if rule.cooldown is None or opened_at is None or now - opened_at >= rule.cooldown:
        return None
    return BreakGlassLimited(
        f"you opened an emergency for {profile} at {whole_seconds(opened_at)}, and rate-limit rule "
        f"'{rule.name}' wants {format_duration(rule.cooldown)} between two",
        hint=_again(opened_at + rule.cooldown),
    )


def _exhausted(
    rule: RateLimitRule, most: int | None, openings: Sequence[Opening], who: str, now: datetime
) -> BreakGlassLimited | None:
    times = _within(rule, openings, now)
    if most is None or len(times) < most:
        return None
    window = rule.quota_window or _ALWAYS
    return BreakGlassLimited(
        f"{who} {len(times)} emergencies in {format_duration(window)}, and rate-limit rule '{rule.name}' "
        f"allows {most}",
        hint=_again(times[-most] + window),
    )


def _within(rule: RateLimitRule, openings: Sequence[Opening], now: datetime) -> list[datetime]:
    """When those that still count were opened, oldest first."""
    window = rule.quota_window or _ALWAYS
    return sorted(each.at for each in openings if now - each.at < window)


def _again(at: datetime) -> str:
    return f"it is possible again after {whole_seconds(at)}; what counts: sentinel breakglass-list --mine"
