"""Logins of IAM Identity Center: which one a profile uses, what it gives, and what is needed from outside."""

from __future__ import annotations

import hashlib
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from sentinel_server.credentials.profiles import Profile
from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

ACCOUNT_SCOPE = "sso:account:access"
"""What an sso-session asks for when it names no scopes; without a scope there is no refresh token."""

REFRESHED_FROM = timedelta(minutes=15)
"""What is left of a token when it is refreshed, as in botocore."""


@frozen
class Login:
    """One login: what people sign in to, and where its token is kept."""

    start_url: str
    region: str
    session: str | None = None
    scopes: tuple[str, ...] = ()
    profile: str = ""

    @property
    def key(self) -> str:
        """The name of its file, without the ending."""
        return hashlib.sha1((self.session or self.start_url).encode(), usedforsecurity=False).hexdigest()

    def __str__(self) -> str:
        return f"sso-session {self.session!r}" if self.session else f"the portal {self.start_url}"


@frozen
class Client:
    """Ourselves, as registered with the sign-in service."""

    id: str
    secret: Secret
    expires_at: datetime


@frozen
class Token:
    """What a login gave: a token for the portal and, with a scope, what renews it."""

    access: Secret
    expires_at: datetime
    refresh: Secret | None = None
    client: Client | None = None

    def lasts(self, now: datetime, least: timedelta = timedelta(0)) -> bool:
        """Whether it is good for longer than `least`."""
        return self.expires_at - now > least

    def renews(self, now: datetime) -> bool:
        """Whether it can be renewed without a person."""
        return self.refresh is not None and self.client is not None and self.client.expires_at > now


@frozen
class Device:
    """A login under way: the code that a person confirms in a browser, and the one we poll with."""

    code: Secret
    user_code: str
    url: str
    expires_at: datetime
    interval: float
    client: Client


@frozen
class Notes:
    """What one process leaves for those who wait for the same login.

    `device` is a login under way, which the next may take over. `failures` counts the logins that a person
    or the service ended; `why` tells the last one.
    """

    device: Device | None = None
    failures: int = 0
    why: str = ""


class Progress(Enum):
    """What a login under way has come to, while it has given nothing yet."""

    WAITING = "nobody has confirmed it yet"
    TOO_FAST = "we ask too often"
    GONE = "the code has been used, or was never given out"


class SignIn(Protocol):
    """The sign-in service. Everything raises UpstreamFailed when it cannot be asked."""

    async def begin(self, login: Login) -> Device:
        """A new code for a person to confirm."""
        ...

    async def ask(self, login: Login, device: Device) -> Token | Progress:
        """The token, once the code is confirmed. Raises LoginRequired when it was declined or lapsed."""
        ...

    async def refresh(self, login: Login, token: Token) -> Token | None:
        """A new token for the old one's refresh token; None when the service does not take it."""
        ...


class Turn(Protocol):
    """The right to be the only process that changes one login; it ends with the process at the latest."""

    def notes(self) -> Notes:
        """What the last one has left."""
        ...

    def leave(self, notes: Notes) -> None:
        """Leave this for the next."""
        ...


class TokenFiles(Protocol):
    """Keeps tokens for every process of one person."""

    def read(self, login: Login) -> Token | None:
        """The token; None when there is none or it cannot be read."""
        ...

    def write(self, login: Login, token: Token) -> None:
        """Keep the token, whole or not at all. Raises InvalidSetting when the place cannot be written."""
        ...

    def remove(self, login: Login) -> None:
        """Forget the token."""
        ...

    def glance(self, login: Login) -> Notes:
        """The notes of whoever has the turn, without waiting for it."""
        ...

    def turn(self, login: Login) -> AbstractAsyncContextManager[Turn | None]:
        """The turn, or None when another process has it. It is given back at the end."""
        ...


class Screen(Protocol):
    """Shows a login to the person."""

    def reaches(self, *, open_browser: bool) -> bool:
        """Whether anybody would see it."""
        ...

    def show(self, login: Login, device: Device, *, open_browser: bool) -> None:
        """Show where to confirm which code; with `open_browser`, open the page too where that can be."""
        ...

    def wait_for_others(self, login: Login, device: Device | None) -> None:
        """Say that another process logs in, and which code it shows."""
        ...


def login_of(profile: Profile) -> Login:
    """The login that an SSO profile needs. Raises InvalidSetting for one that does not say all of it."""
    said = {
        "sso_start_url": profile.sso_start_url,
        "sso_region": profile.sso_region,
        "sso_account_id": profile.sso_account_id,
        "sso_role_name": profile.sso_role_name,
    }
    missing = [key for key, value in said.items() if not value]
    if missing:
        raise InvalidSetting(
            f"profile {profile.name!r} in {profile.file} uses SSO without {', '.join(missing)}",
            hint=f"complete it: aws configure sso --profile {profile.name}",
        )
    scopes = profile.sso_scopes or (ACCOUNT_SCOPE,) if profile.sso_session else ()
    return Login(
        start_url=profile.sso_start_url or "",
        region=profile.sso_region or "",
        session=profile.sso_session,
        scopes=scopes,
        profile=profile.name,
    )
