"""Rotation: the keyring of this user and the access keys in AWS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import BadInput, NotFound
from sentinel_server.wiring.keyring import open_keyring, pause
from sentinel_server.wiring.principals import Visitor, open_base, profiles

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.clients import AwsSession, CredentialsProvider
    from sentinel_server.keyring.rotate import Rotator
    from sentinel_server.settings.resolve import Settings


@asynccontextmanager
async def open_rotation(settings: Settings, profile: str, visitor: Visitor) -> AsyncIterator[Rotator]:
    """What rotates the key that the keyring has for a profile.

    Raises NotFound without one, BadInput where the files have credentials for it that would be used instead.
    """
    from sentinel_server.adapters.aws.access_keys import IamAccessKeys
    from sentinel_server.adapters.aws.clients import AwsSession
    from sentinel_server.adapters.local.aws_config import config_paths
    from sentinel_server.credentials.endpoints import endpoints_for, sts_region
    from sentinel_server.keyring.rotate import Rotator

    clock = SystemClock()
    keyring = open_keyring(settings, visitor.passphrase, visitor.say, clock)
    await _require_key(settings, await keyring.keys.profiles(), profile)
    target = profiles(settings).get(profile)
    if not target.has_kept_keys:
        raise BadInput(
            f"{target.file} has credentials of kind {target.kind.value} for {profile}, which win",
            hint=f"remove them from {target.file} first",
        )

    def opened(credentials: CredentialsProvider) -> AwsSession:
        return AwsSession(
            region=settings.region or sts_region(target, settings.environ),
            credentials=credentials,
            profile=profile,
            config_files=config_paths(settings.environ),
            endpoints=endpoints_for(target, settings.environ),
            observe=clock.observe,
        )

    async with AsyncExitStack() as stack:
        base = await open_base(stack, settings, profile, clock, visitor)
        await base.prepare()
        aws = IamAccessKeys(base.aws, base.sts, opened)
        yield Rotator(keyring.vault, keyring.turns, aws, clock, pause, visitor.say)


async def _require_key(settings: Settings, kept: tuple[str, ...], profile: str) -> None:
    if profile in kept:
        return
    known = profiles(settings)
    sources = [each.name for each in known.chain(profile)] if profile in known.names() else []
    whose = next((name for name in sources if name in kept), None)
    hint = f"its keys are those of {whose}: sentinel keyring rotate {whose}" if whose else None
    raise NotFound(f"the keyring has no key for {profile}", hint=hint or "see: sentinel keyring list")
