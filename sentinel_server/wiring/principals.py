"""Whose credentials: the base of a profile, and a control profile as itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import (
    BadInput,
    InvalidSetting,
    SentinelError,
    Unverifiable,
)
from sentinel_server.frozen import frozen
from sentinel_server.settings.locations import (
    SqliteLocation,
)
from sentinel_server.wiring.keyring import Kept, kept_profiles, open_kept

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase, Helpers
    from sentinel_server.adapters.local.passphrase import AskPassphrase
    from sentinel_server.credentials.ports import CodeSource, SessionCache
    from sentinel_server.credentials.profiles import Profile, Profiles, Route
    from sentinel_server.credentials.sso import Screen
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings


Say = Callable[[str], None]


@frozen
class Visitor:
    """Who a door talks to: `say` for remarks, `told` for each change of outcome.

    `codes` asks for codes of MFA devices, after the one in `mfa_token`; `screen` shows logins, `sessions`
    remembers what was asked for, `passphrase` asks for the keyring's.
    """

    codes: CodeSource | None = None
    screen: Screen | None = None
    sessions: SessionCache | None = None
    mfa_token: str | None = None
    passphrase: AskPassphrase | None = None
    say: Say = lambda _: None
    told: Callable[[SentinelError | None], None] | None = None


_HERE: ContextVar[Visitor | None] = ContextVar("visitor", default=None)


@contextmanager
def attended_by(visitor: Visitor) -> Iterator[None]:
    """While the body runs, this is who operators' work talks to; else it is nobody."""
    token = _HERE.set(visitor)
    try:
        yield
    finally:
        _HERE.reset(token)


def profiles(settings: Settings) -> Profiles:
    """Every profile of the AWS configuration. Raises InvalidSetting."""
    from sentinel_server.adapters.local.aws_config import read_profiles

    return read_profiles(settings.environ, kept_profiles(settings))


def load_profile(settings: Settings, name: str) -> Profile:
    """One profile. Raises UnknownProfile, InvalidSetting."""
    return profiles(settings).get(name)


def mfa_serial(settings: Settings, name: str) -> str:
    """The MFA device of the way to a profile's base credentials. Raises UnknownProfile, BadInput for none."""
    serial = profiles(settings).route(name).serial
    if serial is None:
        raise BadInput(
            f"profile {name} names no mfa_serial", hint="add it in the AWS config: mfa_serial = ARN"
        )
    return serial


def session_owner(settings: Settings, name: str) -> str:
    """The profile under whose name sessions of a profile are kept: the one with the keys, or else itself."""
    try:
        leaf = profiles(settings).route(name).leaf.profile
    except SentinelError:
        return name
    return name if leaf is None else leaf.name


async def whoami(settings: Settings, profile: str | None) -> Principal:
    """Who the base credentials of `profile` belong to; without one, of the control profile or AWS's
    default.
    """
    async with AsyncExitStack() as stack:
        if profile is None:
            return await (await open_own(stack, settings, control_name(settings), SystemClock())).principal()
        base = await open_base(stack, settings, profile, SystemClock(), (_HERE.get() or Visitor()))
        await base.prepare()
        return await base.principal()


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
    known = profiles(settings)
    base = BotoBase(
        known,
        name,
        config_file=config_file,
        credentials_file=credentials_file,
        environment=settings.environ,
        clock=clock,
        region=settings.region,
        observe=clock.observe,
        itself=itself,
        helpers=_helpers(settings, known.route(name, itself=itself), visitor, clock),
    )
    stack.push_async_callback(base.close)
    return base


def _helpers(settings: Settings, route: Route, visitor: Visitor, clock: SystemClock) -> Helpers:
    from sentinel_server.adapters.aws.base import Helpers
    from sentinel_server.credentials.profiles import ProfileKind
    from sentinel_server.wiring.logins import open_center

    kept = open_kept(settings, visitor.passphrase, visitor.say, clock)
    profile = route.leaf.profile
    center = None
    if profile is not None and profile.kind is ProfileKind.SSO:
        center = open_center(settings, visitor.screen if settings.auto_login else None, clock, profile)
    return Helpers(
        codes=_codes(settings, route, visitor, kept),
        kept=None if kept is None else kept.keys,
        sessions=visitor.sessions if kept is None else kept.sessions,
        center=center,
    )


def _codes(settings: Settings, route: Route, visitor: Visitor, kept: Kept | None) -> CodeSource | None:
    """First the code that was given, then the profile's `mfa_process`, a kept seed, then the person."""
    from sentinel_server.adapters.local.mfa_process import MfaProcess
    from sentinel_server.credentials.codes import FirstOf, GivenCode

    given = visitor.mfa_token or settings.environ.get("SENTINEL_MFA_TOKEN")
    sources: list[CodeSource] = [GivenCode(given)] if given else []
    if route.mfa_process is not None:
        sources.append(MfaProcess(route.mfa_process, settings.environ))
    if kept is not None:
        sources.append(kept.codes)
    if visitor.codes is not None:
        sources.append(visitor.codes)
    return FirstOf(sources) if sources else None


async def open_own(stack: AsyncExitStack, settings: Settings, name: str, clock: SystemClock) -> BotoBase:
    """The credentials of a profile itself, its role's included, for the work of an operator.

    Asks whoever is there, as `attended_by` says.
    """
    base = await open_base(stack, settings, name, clock, _HERE.get() or Visitor(), itself=True)
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
