"""What this room needs from AWS: base credentials, who they belong to, and the second hop."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.identity.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAsk:
    """One AssumeRole. `not_after` becomes a session policy by which AWS itself refuses afterwards."""

    role_arn: str
    role_session_name: str
    source_identity: str
    duration: timedelta
    external_id: str | None = None
    not_after: datetime | None = None
    tags: tuple[tuple[str, str], ...] = field(default=())


class BaseCredentials(Protocol):
    """The credentials of the person: the source of the target profile, never the target."""

    async def resolve(self) -> AwsCredentials:
        """The credentials now, renewed when they must be, without ever prompting.

        Raises LoginRequired when only a person can renew them, IdentityUnavailable when there are none.
        """
        ...

    async def principal(self) -> Principal:
        """Whose they are, asked of STS at the first call and again whenever they were renewed.

        Raises LoginRequired, IdentityUnavailable, UpstreamFailed.
        """
        ...


class RoleAssumer(Protocol):
    """Takes the second hop. The one caller is `access.issue`."""

    async def assume(self, ask: RoleAsk) -> AwsCredentials:
        """A stamped session. Raises CannotStamp, Refused, LoginRequired, UpstreamFailed."""
        ...

    async def session_token(self, duration: timedelta) -> AwsCredentials:
        """A temporary session of the base credentials themselves, for a profile without a role.

        Long-lived keys go through `sts:GetSessionToken`; temporary ones are handed over as they are. The
        session carries no stamp and cannot be shortened. Raises UpstreamFailed, LoginRequired.
        """
        ...
