"""What this room needs from AWS: base credentials, who they belong to, and the second hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import field
from datetime import datetime, timedelta
from typing import Protocol

from sentinel_server.canonical import Json
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal


@frozen
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

    def at_hand(self) -> Principal | None:
        """What `principal` would give without waiting for anything; None when it would have to wait."""
        ...


class KeptKeys(Protocol):
    """Long-lived keys that this machine keeps for profiles which have none in their files."""

    async def profiles(self) -> Collection[str]:
        """Who has keys; nobody is asked for anything."""
        ...

    async def keys(self, profile: str) -> AwsCredentials | None:
        """The profile's keys as they are now, None when there are none.

        The first call may ask a person. Raises KeyringUnavailable.
        """
        ...


class SessionCache(Protocol):
    """Temporary sessions that other processes of this machine may use as well."""

    async def session(
        self,
        owner: str,
        about: Json,
        make: Callable[[], Awaitable[AwsCredentials]],
        spent: Callable[[AwsCredentials], bool] = lambda _: False,
    ) -> AwsCredentials:
        """The session kept under `about`, else what `make` makes, which is then kept.

        `about` is everything that makes it another session; `owner` the profile with whose keys it is made,
        and with which it is forgotten. A kept one that is `spent` does not count. Of many who ask at once one
        makes it, and the others get the same. What `make` raises is raised.
        """
        ...


@frozen
class CodeAsk:
    """A code of an MFA device is wanted for a profile.

    `attended` says that a person is there to be asked; `refused` how many codes AWS has refused so far.
    """

    profile: str
    serial: str
    attended: bool = True
    refused: int = 0


class CodeSource(Protocol):
    """Gives codes of MFA devices."""

    async def code(self, ask: CodeAsk) -> str | None:
        """A code that was not given before; None from a source that has none (any more).

        Raises LoginRequired when it was to have one and failed.
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
