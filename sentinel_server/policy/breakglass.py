"""Who may break the glass in an emergency, and for what, as values.

The first rule whose profiles fit decides; where none does, nobody may.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from sentinel_server.frozen import frozen
from sentinel_server.policy.schema import Group, TimeWindow

LONGEST_EMERGENCY = timedelta(hours=4)
"""The longest that an emergency may last, whatever its rule says."""


class ReasonCode(Enum):
    """Why somebody breaks the glass."""

    INCIDENT = "incident"
    MAINTENANCE = "maintenance"
    SECURITY = "security"
    RECOVERY = "recovery"
    OTHER = "other"


class MfaMethod(Enum):
    """How somebody proves who they are a second time."""

    TOTP = "totp"
    SMS = "sms"


@frozen
class MfaRequirement:
    """A second factor is required; empty `methods` mean any."""

    methods: tuple[MfaMethod, ...] = ()


@frozen
class BreakGlassRule:
    """Who may break the glass for some profiles. Empty `profiles` and `allowed_reason_codes` mean any.

    `reviewers` may close the emergencies of others and review them; none means those in `users`. With a
    `ticket_pattern`, a regular expression, a ticket is needed that fits it as a whole.
    """

    name: str
    users: tuple[str, ...]
    profiles: tuple[str, ...] = ()
    allowed_reason_codes: tuple[ReasonCode, ...] = ()
    time: TimeWindow | None = None
    max_duration: timedelta | None = None
    mfa: MfaRequirement | None = None
    reviewers: tuple[str, ...] = ()
    ticket_pattern: str | None = None


@frozen
class BreakGlassPolicy:
    """Break-glass rules in order; names mean what they do in a `Policy` of these accounts and groups."""

    rules: tuple[BreakGlassRule, ...]
    version: str = "1"
    trusted_accounts: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
