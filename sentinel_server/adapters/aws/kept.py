"""Keys from the keyring, as credentials of aiobotocore that are looked up anew at every use.

So a rotation reaches a server that is running, also where a source role is assumed with them.
"""

from __future__ import annotations

from aiobotocore.credentials import AioCredentials
from botocore.credentials import CredentialProvider, ReadOnlyCredentials

from sentinel_server.credentials.ports import KeptKeys
from sentinel_server.errors import IdentityUnavailable


class KeptProvider(CredentialProvider):
    """A provider for one profile, after all others."""

    METHOD = "sentinel-keyring"

    def __init__(self, kept: KeptKeys | None, profile: str) -> None:
        super().__init__()
        self._kept = kept
        self._profile = profile

    async def load(self) -> AioCredentials | None:
        """The profile's keys, None when the keyring has none."""
        return await load_kept(self._kept, self._profile)


async def load_kept(kept: KeptKeys | None, profile: str) -> AioCredentials | None:
    """The keys of a profile that the keyring has some for. Raises KeyringUnavailable."""
    if kept is None or await kept.keys(profile) is None:
        return None
    return _Kept(kept, profile)


class _Kept(AioCredentials):
    def __init__(self, kept: KeptKeys, profile: str) -> None:
        super().__init__("", "", method=KeptProvider.METHOD)
        self._kept = kept
        self._profile = profile

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:  # type: ignore[override]
        found = await self._kept.keys(self._profile)
        if found is None:
            raise IdentityUnavailable(
                f"the keyring has no key for {self._profile} any more",
                hint=f"add one: sentinel keyring add {self._profile}",
            )
        return ReadOnlyCredentials(found.access_key_id, found.secret_access_key.reveal(), None)
