"""What a policy is asked, and what it answers."""

from __future__ import annotations

from datetime import datetime

from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.schema import Mode, Rule


@frozen
class PolicyAsk:
    """What a policy is asked about.

    `now` must be aware of its zone; ValueError otherwise. `home_account` is the account a bare user name
    means when the policy has no `trusted_accounts`. Nothing is known of devices yet, so no device condition
    holds.
    """

    principal: Principal
    profile: str
    mode: Mode
    now: datetime
    home_account: str | None = None
    device: None = None

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("a time without a zone means nothing")


@frozen
class PolicyDecision:
    """The rule that decides and its index, or None and -1.

    `device_blocked` is the first rule before it that matches in everything but a device condition marked
    `override: none`, when the deciding rule does not allow by itself: a denial that nothing lifts.
    """

    rule: Rule | None
    index: int
    device_blocked: Rule | None = None
