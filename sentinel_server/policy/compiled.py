"""Rules made ready for matching, once for as long as a policy is in use: it is asked at every fetch."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from sentinel_server.policy.match import Test, Users, profile_test, users_test
from sentinel_server.policy.schema import Effect, Mode, Override, Rule, TimeWindow

_CAPACITY = 64
_ASKERS = 64
"""For how many kinds of asks a policy remembers which rules can matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDecision:
    """The rule that decides and its index, or None and -1.

    `device_blocked` is the first rule before it that matches in everything but a device condition marked
    `override: none`, when the deciding rule does not allow by itself: a denial that nothing lifts.
    """

    rule: Rule | None
    index: int
    device_blocked: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One rule with its lists compiled; what is None or empty always holds.

    `decided` is the decision when it matches and no device was in the way before. `insists` when nothing
    lifts the denial of a device that does not satisfy the rule.
    """

    rule: Rule
    index: int
    decided: PolicyDecision
    modes: tuple[Mode, ...]
    profiles: Test | None
    users: Users | None
    time: TimeWindow | None
    device: bool
    insists: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """The matchers of one policy, in order.

    What a rule says about mode, profile and users decides the same for the same asker at any time, so it is
    asked once; what is left for every evaluation is the clock.
    """

    rules: tuple[Rule, ...]
    matchers: tuple[Matcher, ...]
    _for_askers: dict[Hashable, tuple[Matcher, ...]] = field(default_factory=dict)

    def relevant(self, asker: Hashable, may_match: Callable[[Matcher], bool]) -> tuple[Matcher, ...]:
        """The matchers that can match for `asker`: those that `may_match`, which depends on it alone."""
        known = self._for_askers.get(asker)
        if known is None:
            if len(self._for_askers) >= _ASKERS:
                self._for_askers.clear()
            known = self._for_askers[asker] = tuple(filter(may_match, self.matchers))
        return known


# By identity, because hashing a policy would take longer than evaluating it. The rules are kept with what was
# made of them, so an identity cannot come to mean other rules.
_kept: dict[int, Compiled] = {}


def compiled(rules: tuple[Rule, ...]) -> Compiled:
    """What was made of `rules`."""
    kept = _kept.get(id(rules))
    if kept is not None and kept.rules is rules:
        return kept
    if len(_kept) >= _CAPACITY:
        _kept.clear()
    kept = Compiled(rules, tuple(_matcher(rule, index) for index, rule in enumerate(rules)))
    _kept[id(rules)] = kept
    return kept


def _matcher(rule: Rule, index: int) -> Matcher:
    conditions = rule.conditions
    device = conditions.device
    return Matcher(
        rule=rule,
        index=index,
        decided=PolicyDecision(rule=rule, index=index),
        modes=conditions.modes,
        profiles=profile_test(conditions.profiles) if conditions.profiles else None,
        users=users_test(conditions.users) if conditions.users else None,
        time=conditions.time,
        device=device is not None,
        insists=device is not None and device.override is Override.NONE and rule.effect is not Effect.DENY,
    )
