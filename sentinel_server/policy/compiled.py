"""Policies made ready for matching, once for as long as one is in use: it is asked at every fetch."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.asked import PolicyDecision
from sentinel_server.policy.index import Index
from sentinel_server.policy.match import Test, Users, bare_name, profile_test, span, users_test
from sentinel_server.policy.schema import Effect, Mode, Override, Policy, Rule, TimeWindow, expand

_POLICIES = 64
_ASKERS = 1024


@frozen
class Matcher:
    """One rule with its lists compiled; what is None or empty always holds.

    `span` is that of `time` in UTC. `insists` when nothing lifts the denial of a device that does not satisfy
    the rule. `decision` is the answer when the rule decides and no device was in the way.
    """

    rule: Rule
    modes: tuple[Mode, ...]
    profiles: Test | None
    not_profiles: Test | None
    users: Users | None
    not_users: Users | None
    time: TimeWindow | None
    span: tuple[datetime | None, datetime | None]
    device: bool
    insists: bool
    decision: PolicyDecision

    def misses_profile(self, profile: str) -> bool:
        """Whether `profiles` or `not_profiles` keeps the rule from matching."""
        return (self.profiles is not None and not self.profiles(profile)) or (
            self.not_profiles is not None and bool(self.not_profiles(profile))
        )

    def misses_user(self, bare: str | None, arn: str) -> bool:
        """Whether `users` or `not_users` keeps the rule from matching."""
        return (self.users is not None and not self.users.mean(bare, arn)) or (
            self.not_users is not None and self.not_users.mean(bare, arn)
        )


class Compiled:
    """The matchers of one policy, and for each asker those that stand whatever the time and the device.

    Most rules are about other profiles and users, and one asker asks again and again; so what an asker's
    rules are is found through an index, once, and remembered.
    """

    __slots__ = ("_index", "_known", "matchers", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.matchers = tuple(_matcher(policy, place, rule) for place, rule in enumerate(policy.rules))
        self._index = Index(policy)
        self._known: dict[tuple[str, int, str, str | None], tuple[Matcher, ...]] = {}

    def standing(
        self, profile: str, mode: Mode, principal: Principal, home_account: str | None
    ) -> tuple[Matcher, ...]:
        """In order, the rules whose mode, profiles and users fit, up to the first that depends on nothing
        else.
        """
        bare = bare_name(principal, self.policy, home_account)
        # By the mode's identity: there is one of each for ever, and its hash takes as long as all the rest.
        key = (profile, id(mode), principal.arn, bare)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _ASKERS:
                self._known.clear()
            found = self._known[key] = self._found(profile, mode, principal.arn, bare)
        return found

    def _found(self, profile: str, mode: Mode, arn: str, bare: str | None) -> tuple[Matcher, ...]:
        found = []
        for place in self._index.places(profile, bare, arn, mode):
            matcher = self.matchers[place]
            if matcher.misses_profile(profile) or matcher.misses_user(bare, arn):
                continue
            found.append(matcher)
            if matcher.time is None and not matcher.device:
                break
        return tuple(found)


# By identity, because hashing a policy would take longer than evaluating it. The policy is kept with what was
# made of it, so an identity cannot come to mean another one.
_kept: dict[int, Compiled] = {}


def compiled(policy: Policy) -> Compiled:
    """What `policy` was compiled to, now or before."""
    kept = _kept.get(id(policy))
    if kept is not None and kept.policy is policy:
        return kept
    if len(_kept) >= _POLICIES:
        _kept.clear()
    made = _kept[id(policy)] = Compiled(policy)
    return made


def _matcher(policy: Policy, place: int, rule: Rule) -> Matcher:
    conditions, device = rule.conditions, rule.conditions.device
    return Matcher(
        rule=rule,
        modes=conditions.modes,
        profiles=profile_test(conditions.profiles) if conditions.profiles else None,
        not_profiles=profile_test(conditions.not_profiles) if conditions.not_profiles else None,
        users=_users(policy, conditions.users),
        not_users=_users(policy, conditions.not_users),
        time=conditions.time,
        span=(None, None) if conditions.time is None else span(conditions.time),
        device=device is not None,
        insists=device is not None and device.override is Override.NONE and rule.effect is not Effect.DENY,
        decision=PolicyDecision(rule=rule, index=place),
    )


def _users(policy: Policy, entries: tuple[str, ...]) -> Users | None:
    return users_test(expand(entries, policy.groups)) if entries else None
