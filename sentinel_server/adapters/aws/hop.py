"""A role on the way to the base credentials: assumed by its profile's own words, without a stamp.

The stamp is for the last hop, which is taken by `sts`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sentinel_server.adapters.aws.lapses import source_errors
from sentinel_server.adapters.aws.renewing import Supply
from sentinel_server.adapters.aws.sts import CHAINED_LIMIT, StsClient, credentials_from
from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import BaseSource, Profile

if TYPE_CHECKING:
    from types_aiobotocore_sts.type_defs import AssumeRoleRequestTypeDef


class RoleHop:
    """Assumes one role with the credentials of a supply."""

    def __init__(self, profile: Profile, source: Supply, sts: StsClient, clock: Clock) -> None:
        """`sts` signs with the credentials of `source`."""
        self._profile = profile
        self._source = source
        self.sts = sts
        """Signs with the credentials before this hop."""
        # One name for as long as we run: another one would be another principal.
        self._name = profile.role_session_name or f"sentinel-{int(clock.now().timestamp())}"

    async def take(self) -> AwsCredentials:
        """A new session. Raises LoginRequired, IdentityUnavailable, UpstreamFailed, InvalidSetting."""
        temporary = (await self._source.resolve()).session_token is not None
        with source_errors(BaseSource(profile=self._profile)):
            client = await self.sts.get()
            answer = await client.assume_role(**self._request(temporary))
            return credentials_from(answer["Credentials"])

    async def close(self) -> None:
        """Let go of connections."""
        await self.sts.close()

    def _request(self, temporary: bool) -> AssumeRoleRequestTypeDef:
        profile = self._profile
        request: AssumeRoleRequestTypeDef = {
            "RoleArn": profile.role_arn or "",
            "RoleSessionName": self._name,
        }
        if profile.external_id is not None:
            request["ExternalId"] = profile.external_id
        if profile.duration is not None:
            longest = CHAINED_LIMIT if temporary else profile.duration
            request["DurationSeconds"] = min(profile.duration, longest) // timedelta(seconds=1)
        return request
