"""The ways to Identity Center: its tokens on this machine, its sign-in and its portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel_server.errors import BadInput, InvalidSetting
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.adapters.aws.sso import IdentityCenter
    from sentinel_server.clock import Clock
    from sentinel_server.credentials.profiles import Profile, Profiles
    from sentinel_server.credentials.sso import Login, Screen
    from sentinel_server.settings.resolve import Settings


@frozen
class LoggedIn:
    """A login and its end; `renews` says that it is prolonged without a person."""

    login: Login
    until: datetime
    renews: bool


def open_center(settings: Settings, screen: Screen | None, clock: Clock, profile: Profile) -> IdentityCenter:
    """The ways for one profile. Without a `screen` nobody is ever asked to log in."""
    from functools import partial

    from sentinel_server.adapters.aws.sso import IdentityCenter, OidcSignIn, Portal, Unsigned
    from sentinel_server.adapters.local.aws_config import config_paths
    from sentinel_server.adapters.local.sso_files import SsoFiles, cache_directory
    from sentinel_server.credentials.endpoints import endpoint_of
    from sentinel_server.credentials.logins import Logins

    endpoint = partial(endpoint_of, profile=profile, environment=settings.environ)
    clients = Unsigned(endpoint, config_files=config_paths(settings.environ))
    logins = Logins(
        SsoFiles(cache_directory(settings.environ)),
        OidcSignIn(clients, clock),
        clock,
        screen=screen,
        open_browser=settings.open_browser,
    )
    return IdentityCenter(logins, Portal(clients))


def find_logins(settings: Settings, *, profile: str | None, session: str | None) -> list[Profile]:
    """The SSO profiles that a command means, one for each login: of a profile or its source, of an
    sso-session, or of all. Raises UnknownProfile, InvalidSetting, BadInput when there are none.
    """
    from sentinel_server.adapters.local.aws_config import read_profiles
    from sentinel_server.credentials.profiles import ProfileKind
    from sentinel_server.credentials.sso import login_of

    known = read_profiles(settings.environ)
    if profile is not None:
        leaf = known.route(profile).leaf.profile
        if leaf is None or leaf.kind is not ProfileKind.SSO:
            raise BadInput(f"profile {profile!r} does not get its credentials from Identity Center")
        return [leaf]
    found: dict[str, Profile] = {}
    for each in _readable(known):
        if each.kind is ProfileKind.SSO and session in (None, each.sso_session):
            found.setdefault(login_of(each).key, each)
    if not found:
        what = (
            "no profile uses Identity Center" if session is None else f"no profile uses sso-session {session}"
        )
        raise BadInput(what, hint="make one: aws configure sso")
    return list(found.values())


async def log_in(settings: Settings, profile: Profile, screen: Screen, *, anew: bool) -> LoggedIn:
    """A login that is good now; with `anew`, a new one in any case. Raises LoginRequired, UpstreamFailed."""
    from sentinel_server.clock import SystemClock
    from sentinel_server.credentials.sso import login_of

    login, clock = login_of(profile), SystemClock()
    center = open_center(settings, screen, clock, profile)
    token = await center.logins.token(login, attended=True, anew=anew)
    return LoggedIn(login=login, until=token.expires_at, renews=center.logins.renews(token))


async def log_out(settings: Settings, profile: Profile) -> Login | None:
    """End a login, at AWS and here; None when there was none. Raises UpstreamFailed, and it is gone here."""
    from sentinel_server.clock import SystemClock
    from sentinel_server.credentials.sso import login_of

    login = login_of(profile)
    center = open_center(settings, None, SystemClock(), profile)
    token = center.logins.kept(login)
    if token is None:
        return None
    center.logins.forget(login)
    await center.portal.log_out(login, token)
    return login


def _readable(profiles: Profiles) -> list[Profile]:
    found = []
    for name in profiles.names():
        try:
            found.append(profiles.get(name))
        except InvalidSetting:
            continue  # it is told to whoever uses it
    return found
