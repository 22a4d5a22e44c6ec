"""Which rule decides. Pure and total: the first rule that matches, and none is a denial.

What the effect of that rule means at a door is `access.decide`'s affair.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sentinel_server.identity.principal import Principal
from sentinel_server.policy.compiled import Matcher, PolicyDecision, compiled
from sentinel_server.policy.match import Users, bare_name, inside, wall_clock
from sentinel_server.policy.schema import Effect, Mode, Policy, Rule, TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAsk:
    """What a policy is asked about.

    `now` must be aware of its zone; ValueError otherwise. `home_account` is the account a bare user name
    means when the policy has no `trusted_accounts`. Nothing is known of devices yet, so no device condition
    holds.
    """

    principal: Principal
    person: str
    profile: str
    mode: Mode
    now: datetime
    home_account: str | None = None
    device: None = None

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("a time without a zone means nothing")


Miss = Literal["mode", "profiles", "users", "time", "zone", "device"]
"""The condition by which a rule does not match; `zone` is a time in a zone that cannot be resolved."""

_NO_RULE = PolicyDecision(rule=None, index=-1)
_ALLOWING = (Effect.ALLOW, Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION)


def evaluate(policy: Policy, ask: PolicyAsk) -> PolicyDecision:
    """The decision of `policy` on `ask`."""
    facts = Facts(policy, ask)
    blocked: Rule | None = None
    for matcher in compiled(policy.rules).relevant(facts.asker, facts.may_match):
        miss = facts.miss_now(matcher)
        if miss is None:
            if blocked is None or matcher.rule.effect in _ALLOWING:
                return matcher.decided
            return replace(matcher.decided, device_blocked=blocked)
        if miss == "zone":
            break  # what cannot be evaluated is a denial: no later rule may allow
        if miss == "device" and blocked is None and matcher.insists:
            blocked = matcher.rule
    return _NO_RULE if blocked is None else replace(_NO_RULE, device_blocked=blocked)


class Facts:
    """One ask, with what several rules need worked out once."""

    __slots__ = ("_arn", "_clocks", "_mode", "_profile", "ask", "bare")

    def __init__(self, policy: Policy, ask: PolicyAsk) -> None:
        self.ask = ask
        self.bare = bare_name(ask.principal, policy, ask.home_account)
        self._profile, self._mode, self._arn = ask.profile, ask.mode, ask.principal.arn
        self._clocks: dict[str, tuple[int, int] | None] | None = None

    @property
    def asker(self) -> Hashable:
        """All that `may_match` depends on."""
        return self._profile, self._mode.value, self._arn, self.bare

    def miss(self, matcher: Matcher) -> Miss | None:
        """The first condition that keeps a rule from matching, None when it matches."""
        return self._miss_always(matcher) or self.miss_now(matcher)

    def may_match(self, matcher: Matcher) -> bool:
        """Whether nothing but the time or the device can keep a rule from matching."""
        return self._miss_always(matcher) is None

    def miss_now(self, matcher: Matcher) -> Miss | None:
        """The condition on time or device that keeps a rule from matching, which otherwise does.

        A window in a zone that cannot be resolved is open for a rule that denies.
        """
        if matcher.time is not None and (miss := self._closed(matcher.time, matcher.rule.effect)) is not None:
            return miss
        return "device" if matcher.device else None

    def clock(self, timezone: str) -> tuple[int, int] | None:
        """Weekday and minute there, None for an unknown zone."""
        if self._clocks is None:
            self._clocks = {}
        if timezone not in self._clocks:
            self._clocks[timezone] = wall_clock(self.ask.now, timezone)
        return self._clocks[timezone]

    def _miss_always(self, matcher: Matcher) -> Miss | None:
        if matcher.modes and self._mode not in matcher.modes:
            return "mode"
        if matcher.profiles is not None and not matcher.profiles(self._profile):
            return "profiles"
        return "users" if matcher.users is not None and not self._named(matcher.users) else None

    def _named(self, users: Users) -> object:
        return (self.bare is not None and users.bare(self.bare)) or users.arn(self._arn)

    def _closed(self, window: TimeWindow, effect: Effect) -> Miss | None:
        clock = self.clock(window.timezone)
        if clock is None:
            return None if effect is Effect.DENY else "zone"
        return None if inside(window, *clock) else "time"
