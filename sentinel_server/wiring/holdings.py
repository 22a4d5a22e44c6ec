"""What this machine has of each profile: its login, a kept session, running servers. AWS is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sentinel_server.errors import InvalidSetting, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.settings.locations import DynamoDbLocation, SqliteLocation

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.credentials.overview import Overview
    from sentinel_server.sessions.model import Session
    from sentinel_server.settings.resolve import Settings


@frozen
class Holding:
    """One profile, and the ends of what is there for it already.

    `login_until` is the end of its Identity Center token, which `login_renews` prolongs without a person;
    `kept_until` that of a session in the keyring; `servers` are the running sessions, newest first.
    """

    profile: Overview
    login_until: datetime | None = None
    login_renews: bool = False
    kept_until: datetime | None = None
    servers: tuple[Session, ...] = ()


@frozen
class Holdings:
    """Every profile by name, and in `unasked` what was not looked at, and why."""

    profiles: tuple[Holding, ...]
    unasked: tuple[str, ...] = ()


async def find_holdings(settings: Settings, now: datetime) -> Holdings:
    """What there is. Raises InvalidSetting when the AWS configuration cannot be read."""
    from sentinel_server.credentials.overview import overview
    from sentinel_server.wiring.principals import profiles

    known = profiles(settings)
    unasked: list[str] = []
    kept = await _kept(settings, now, unasked)
    servers = await _servers(settings, now, unasked)
    found = []
    for name in known.names():
        profile = overview(known, name)
        login_until, renews = _login(settings, profile, now)
        found.append(
            Holding(
                profile=profile,
                login_until=login_until,
                login_renews=renews,
                kept_until=kept.get(profile.base or name),
                servers=tuple(each for each in servers if each.profile == name),
            )
        )
    return Holdings(profiles=tuple(found), unasked=tuple(unasked))


def _login(settings: Settings, profile: Overview, now: datetime) -> tuple[datetime | None, bool]:
    from sentinel_server.adapters.local.sso_files import SsoFiles, cache_directory
    from sentinel_server.credentials.profiles import ProfileKind
    from sentinel_server.credentials.sso import login_of

    if profile.leaf is None or profile.leaf.kind is not ProfileKind.SSO:
        return None, False
    try:
        token = SsoFiles(cache_directory(settings.environ)).read(login_of(profile.leaf))
    except InvalidSetting:
        return None, False  # it is told to whoever uses it
    return (None, False) if token is None else (token.expires_at, token.renews(now))


async def _kept(settings: Settings, now: datetime, unasked: list[str]) -> Mapping[str, datetime]:
    """The latest end of the sessions in the keyring, by the profile whose keys made them."""
    if not settings.keyring_file.exists():
        return {}
    from sentinel_server.keyring.names import profile_of_session
    from sentinel_server.wiring.keyring import open_keyring

    latest: dict[str, datetime] = {}
    try:
        listing = await open_keyring(settings).vault.listing()
    except SentinelError as error:
        unasked.append(f"the keyring was not looked at: {error.message}")
        return {}
    for name, until in listing.items():
        owner = profile_of_session(name)
        if owner is not None and until is not None and until > now:
            latest[owner] = max(until, latest.get(owner, until))
    return latest


async def _servers(settings: Settings, now: datetime, unasked: list[str]) -> tuple[Session, ...]:
    """The sessions that run, from a store on this machine."""
    from sentinel_server.sessions.model import State
    from sentinel_server.sessions.store import SessionQuery
    from sentinel_server.wiring.stores import open_store

    places = (settings.store, *settings.ledgers.values())
    if any(isinstance(where, DynamoDbLocation) for where in places):
        unasked.append("running servers were not asked for, because they are in DynamoDB")
        return ()
    if isinstance(settings.store, SqliteLocation) and not settings.store.path.exists():
        return ()
    try:
        async with open_store(settings) as store:
            page = await store.sessions(SessionQuery(state=State.ACTIVE), now, _MOST)
    except SentinelError as error:
        unasked.append(f"running servers were not asked for: {error.message}")
        return ()
    return page.sessions


_MOST = 1000
"""Sessions that are looked at; nobody runs so many servers."""
