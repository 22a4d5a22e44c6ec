"""Whose credentials: the base of a profile, and a control profile as itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import (
    InvalidSetting,
    SentinelError,
    Unverifiable,
)
from sentinel_server.settings.locations import (
    SqliteLocation,
)
from sentinel_server.wiring.keyring import kept_profiles, open_kept

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase, TokenPrompt
    from sentinel_server.adapters.local.passphrase import AskPassphrase
    from sentinel_server.credentials.profiles import Profile, Profiles
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings


Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who a door talks to: `prompt` for a code, `say` for remarks, `told` for each change of outcome.

    `passphrase` is asked for the keyring's.
    """

    prompt: TokenPrompt | None = None
    passphrase: AskPassphrase | None = None
    say: Say = lambda _: None
    told: Callable[[SentinelError | None], None] | None = None


def profiles(settings: Settings) -> Profiles:
    """Every profile of the AWS configuration. Raises InvalidSetting."""
    from sentinel_server.adapters.local.aws_config import read_profiles

    return read_profiles(settings.environ, kept_profiles(settings))


def load_profile(settings: Settings, name: str) -> Profile:
    """One profile. Raises UnknownProfile, InvalidSetting."""
    return profiles(settings).get(name)


async def whoami(settings: Settings, profile: str | None) -> Principal:
    """Who the base credentials of `profile` belong to; without one, of the control profile or AWS's
    default.
    """
    async with AsyncExitStack() as stack:
        if profile is None:
            return await (await open_own(stack, settings, control_name(settings), SystemClock())).principal()
        return await (await open_base(stack, settings, profile, SystemClock(), Visitor())).principal()


async def actor(settings: Settings) -> str:
    """Who is acting, for `revoked_by`: the principal's ARN on a shared store, else this machine's user.

    It is said when STS could not tell: cutting off must not wait for a service it has no need of.
    """
    from sentinel_server.adapters.local.user import local_user

    if isinstance(settings.store, SqliteLocation):
        return local_user()
    try:
        return (await whoami(settings, None)).arn
    except Unverifiable:
        return f"{local_user()} (not verified)"


async def open_base(
    stack: AsyncExitStack,
    settings: Settings,
    name: str,
    clock: SystemClock,
    visitor: Visitor,
    *,
    itself: bool = False,
) -> BotoBase:
    """The base credentials of a profile; with `itself` the profile's own. Raises UnknownProfile, Nested."""
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.adapters.local.aws_config import config_paths

    config_file, credentials_file = config_paths(settings.environ)
    kept = open_kept(settings, visitor.passphrase, visitor.say, clock)
    base = BotoBase(
        profiles(settings),
        name,
        config_file=config_file,
        credentials_file=credentials_file,
        environment=settings.environ,
        clock=clock,
        region=settings.region,
        observe=clock.observe,
        prompt=visitor.prompt,
        itself=itself,
        kept=None if kept is None else kept.keys,
        sessions=None if kept is None else kept.sessions,
    )
    stack.push_async_callback(base.close)
    return base


async def open_own(stack: AsyncExitStack, settings: Settings, name: str, clock: SystemClock) -> BotoBase:
    """The credentials of a profile itself, its role's included, for the work of an operator."""
    base = await open_base(stack, settings, name, clock, Visitor(), itself=True)
    await base.prepare()
    return base


async def open_control(
    stack: AsyncExitStack, settings: Settings, base: BotoBase, target: Profile, clock: SystemClock
) -> BotoBase:
    """What reads policies and stores: never the target's role, which nothing has allowed yet."""
    name = settings.control_profile
    if name is None:
        return base
    roles = {profile.role_arn for profile in profiles(settings).chain(name)}
    if target.role_arn is not None and target.role_arn in roles:
        raise InvalidSetting(f"control_profile {name} would assume {target.role_arn} before it is allowed")
    return await open_own(stack, settings, name, clock)


def control_name(settings: Settings) -> str:
    """The profile that operators' commands use: the control profile, else AWS's own choice."""
    environ = settings.environ
    return (
        settings.control_profile
        or environ.get("AWS_PROFILE")
        or environ.get("AWS_DEFAULT_PROFILE")
        or "default"
    )
