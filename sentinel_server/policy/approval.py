"""Who may agree to an access that policy does not give by itself, as values.

The first rule whose profiles and requesters fit decides; where none does, nobody may approve. Nobody approves
their own request: that is not for a policy to say.
"""

from __future__ import annotations

from datetime import timedelta

from sentinel_server.frozen import frozen
from sentinel_server.policy.schema import Group, TimeWindow


@frozen
class AutoApproval:
    """What is approved without anybody: requests of `users`, who are never everyone.

    Within `time` and up to `max_duration`, where these are given.
    """

    users: tuple[str, ...]
    time: TimeWindow | None = None
    max_duration: timedelta | None = None


@frozen
class ApprovalRule:
    """Who may approve requests for some profiles, and how many of them it takes.

    Empty `profiles` and `requesters` mean any. `start_within` bounds how long an access may wait
    to begin once it is approved, `max_duration` how long it may be.
    """

    name: str
    approvers: tuple[str, ...]
    approvals_required: int = 1
    profiles: tuple[str, ...] = ()
    requesters: tuple[str, ...] = ()
    start_within: timedelta | None = None
    max_duration: timedelta | None = None
    auto_approve: AutoApproval | None = None


@frozen
class ApprovalPolicy:
    """Approval rules in order; names in them mean what they do in a `Policy` of these accounts and groups."""

    rules: tuple[ApprovalRule, ...]
    version: str = "1"
    trusted_accounts: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
