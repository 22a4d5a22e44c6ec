"""Rules made ready for matching, once for as long as a policy is in use: it is asked at every fetch."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_server.policy.match import Test, Users, profile_test, users_test
from sentinel_server.policy.schema import Effect, Mode, Override, Rule, TimeWindow

_CAPACITY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One rule with its lists compiled; what is None or empty always holds.

    `insists` when nothing lifts the denial of a device that does not satisfy the rule.
    """

    rule: Rule
    modes: tuple[Mode, ...]
    profiles: Test | None
    users: Users | None
    time: TimeWindow | None
    device: bool
    insists: bool


# By identity, because hashing a policy would take longer than evaluating it. The rules are kept with what was
# made of them, so an identity cannot come to mean other rules.
_kept: dict[int, tuple[tuple[Rule, ...], tuple[Matcher, ...]]] = {}


def compiled(rules: tuple[Rule, ...]) -> tuple[Matcher, ...]:
    """The matchers of `rules`, in order."""
    kept = _kept.get(id(rules))
    if kept is not None and kept[0] is rules:
        return kept[1]
    if len(_kept) >= _CAPACITY:
        _kept.clear()
    matchers = tuple(_matcher(rule) for rule in rules)
    _kept[id(rules)] = (rules, matchers)
    return matchers


def _matcher(rule: Rule) -> Matcher:
    conditions = rule.conditions
    device = conditions.device
    return Matcher(
        rule=rule,
        modes=conditions.modes,
        profiles=profile_test(conditions.profiles) if conditions.profiles else None,
        users=users_test(conditions.users) if conditions.users else None,
        time=conditions.time,
        device=device is not None,
        insists=device is not None and device.override is Override.NONE and rule.effect is not Effect.DENY,
    )
