"""What can be said of a rule, a window or a group by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.linting.codes import Code
from sentinel_server.policy.linting.findings import ALLOWING, Finding, Subject
from sentinel_server.policy.match import span
from sentinel_server.policy.schema import (
    GROUP_PREFIX,
    STANDARD,
    STRICT,
    Effect,
    Mode,
    Policy,
    Rule,
    TimeWindow,
    expand,
)

_LONGEST_AWKWARD = 600
"""Seconds; botocore's mandatory window, below which it fetches under a lock."""
_GRANTING = (
    "max_duration",
    "max_server_duration",
    "max_lease",
    "enforce_lease",
    "session_table",
    "allow_unstamped",
)
_SERVER_MODES = {Mode.SERVER}


def groups(subject: Subject) -> Iterator[Finding]:
    """Groups that no rule uses, and their entries that name nobody."""
    policy = subject.policy
    used = {entry for rule in policy.rules for entry in (*rule.conditions.users, *rule.conditions.not_users)}
    for group in policy.groups:
        path = f"groups.{group.name}"
        if GROUP_PREFIX + group.name not in used:
            yield subject.found(Code.UNUSED_GROUP, path, f"no rule uses the group `{group.name}`")
        yield from nobody(subject, group.users, path)


def users(subject: Subject, index: int) -> Iterator[Finding]:
    """A rule for everyone, a denial by bare names, and entries that name nobody."""
    rule = subject.policy.rules[index]
    conditions = rule.conditions
    if rule.effect in ALLOWING and not conditions.users:
        but = " but those in `not_users`" if conditions.not_users else ""
        yield subject.about_rule(Code.ALLOWS_EVERYONE, index, f"it allows whoever asks{but}")
    if rule.effect is Effect.DENY and (bare := _bare(subject.policy, conditions.users)):
        more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
        yield subject.about_rule(
            Code.BARE_NAME_DENIED,
            index,
            f"it denies `{bare[0]}`{more}, but not the same person through another role",
            below=".conditions.users",
        )
    for key, entries in (("users", conditions.users), ("not_users", conditions.not_users)):
        yield from nobody(subject, entries, f"rules[{index}].conditions.{key}", rule.name)


def windows(subject: Subject, index: int, below: str = ".conditions.time") -> Iterator[Finding]:
    """A window that is over, that never opens, or whose zone is not said; it stands `below` the rule."""
    window = subject.policy.rules[index].conditions.time
    if window is None:
        return
    closes = span(window)[1]
    if closes is not None and closes <= subject.now:
        yield subject.about_rule(
            Code.PAST, index, f"its dates ended on {closes:%Y-%m-%d %H:%M} UTC", below=f"{below}.not_after"
        )
    elif subject.reach.never(index):
        yield subject.about_rule(Code.NEVER_OPEN, index, "its window never opens", below=below)
    path = f"rules[{index}]{below}"
    if path in subject.places and f"{path}.timezone" not in subject.places and _by_the_wall(window):
        yield subject.about_rule(
            Code.NO_TIMEZONE, index, "its window names no zone, so it is in UTC", below=below
        )


def settings(subject: Subject, index: int) -> Iterator[Finding]:
    """Leases that serve nobody well, and what has no effect."""
    rule = subject.policy.rules[index]
    lease = rule.max_lease
    if lease is not None and lease.seconds is not None and _awkward(lease.seconds):
        span_words = format_duration(timedelta(seconds=lease.seconds))
        yield subject.about_rule(
            Code.AWKWARD_LEASE, index, f"a lease of {span_words} costs more than it gains", below=".max_lease"
        )
    idle = list(_idle(rule))
    for key, why in idle:
        yield subject.about_rule(Code.NO_EFFECT, index, f"`{key}` changes nothing: {why}", below=f".{key}")
    held = lease is not None and lease.seconds is not None
    if rule.enforce_lease and not held and rule.effect is not Effect.DENY:
        what = "`max_lease: full`" if lease is not None else "no `max_lease`"
        yield subject.about_rule(
            Code.LEASE_NOT_HELD,
            index,
            f"`enforce_lease` with {what} has nothing to hold",
            below=".enforce_lease",
        )


def _awkward(seconds: int) -> bool:
    strict, standard = STRICT.seconds or 0, STANDARD.seconds or 0
    return strict < seconds <= min(_LONGEST_AWKWARD, standard)


def _idle(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.effect is Effect.DENY:
        yield from ((key, "a denial grants nothing") for key in _GRANTING if getattr(rule, key))
    elif (
        rule.max_server_duration and rule.conditions.modes and not _SERVER_MODES & set(rule.conditions.modes)
    ):
        yield "max_server_duration", "the rule is not about server mode"


def _bare(policy: Policy, entries: tuple[str, ...]) -> list[str]:
    return [entry for entry in expand(entries, policy.groups) if not entry.startswith("arn:")]


def nobody(
    subject: Subject, entries: tuple[str, ...], path: str, rule: str | None = None
) -> Iterator[Finding]:
    """Entries of a list at `path` that are nobody's ARN; the subject's rules must hold them."""
    for number, entry in enumerate(entries):
        if entry.startswith("arn:") and not subject.reach.means_somebody(entry):
            yield subject.found(
                Code.NAMES_NOBODY,
                f"{path}[{number}]",
                f"`{entry}` is nobody's ARN",
                rule=rule,
                suggestion=_meant(entry),
            )


def _meant(entry: str) -> str:
    """What an author of this ARN may have wanted to write."""
    _, _, role = entry.partition(":role/")
    if role:
        account = entry.split(":")[4]
        return (
            f"whoever assumed the role is `arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/*`"
        )
    return ""


def _by_the_wall(window: TimeWindow) -> bool:
    """Whether it depends on a zone what the window says."""
    moments = (window.not_before, window.not_after)
    days = any(each is not None and not isinstance(each, datetime) for each in moments)
    return bool(window.days or window.hours or days)
