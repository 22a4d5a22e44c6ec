"""Identity Center's sign-in and access portal. Their requests carry a token and are never signed.

https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/
https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import aws_errors, error_code
from sentinel_server.adapters.aws.models import share_models
from sentinel_server.clock import Clock
from sentinel_server.credentials.logins import Logins, again
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.profiles import Profile
from sentinel_server.credentials.sso import Client, Device, Login, Progress, Token, login_of
from sentinel_server.errors import LoginRequired, RoleRefused, UpstreamFailed
from sentinel_server.secret import Secret

CLIENT_NAME = "sentinel"
"""What we are called where a person confirms a code."""

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_POLLED = {
    "AuthorizationPendingException": Progress.WAITING,
    "SlowDownException": Progress.TOO_FAST,
    "InvalidGrantException": Progress.GONE,
}
_NO_MORE = frozenset(
    {
        "InvalidGrantException",
        "InvalidClientException",
        "UnauthorizedClientException",
        "ExpiredTokenException",
        "AccessDeniedException",
        "InvalidRequestException",
    }
)
"""What the service says to a refresh token that it will never take again."""

Endpoint = Callable[[str], str | None]
"""The custom URL for a service by its name in `services` sections (`sso`, `sso_oidc`); None for AWS's."""


class NoCredentials(AioSession):
    """A session that never looks for credentials by itself."""

    def __init__(self) -> None:
        super().__init__()
        share_models(self)

    async def get_credentials(self) -> None:  # type: ignore[override]
        """None: a look at the default chain would ask the machine's metadata, among others."""


class Unsigned:
    """Opens clients that sign nothing."""

    def __init__(self, endpoint: Endpoint, *, config_files: tuple[Path, Path]) -> None:
        """`config_files` are the config and the credentials file to read settings from."""
        self._endpoint = endpoint
        self._files = config_files

    @asynccontextmanager
    async def client(self, service: Literal["sso", "sso-oidc"], login: Login) -> AsyncIterator[Any]:
        """A client for one login, open while the context lasts."""
        config = AioConfig(
            signature_version=UNSIGNED,
            connect_timeout=3,
            read_timeout=10,
            retries={"total_max_attempts": 3, "mode": "standard"},
        )
        session = NoCredentials()
        for name, path in zip(("config_file", "credentials_file"), self._files, strict=True):
            session.set_config_variable(name, str(path))
        if login.profile:
            session.set_config_variable("profile", login.profile)
        create: Any = session.create_client
        url = self._endpoint(service.replace("-", "_"))
        opened = create(service, region_name=login.region, endpoint_url=url, config=config)
        async with opened as client:
            yield client


class OidcSignIn:
    """A SignIn by device code."""

    def __init__(self, clients: Unsigned, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    async def begin(self, login: Login) -> Device:
        """A new code for a person to confirm. Raises UpstreamFailed."""
        async with self._asking(login, f"starting a login to {login}") as oidc:
            scopes = {"scopes": list(login.scopes)} if login.scopes else {}
            made = await oidc.register_client(clientName=CLIENT_NAME, clientType="public", **scopes)
            client = Client(
                id=made["clientId"],
                secret=Secret(made["clientSecret"]),
                expires_at=datetime.fromtimestamp(made["clientSecretExpiresAt"], UTC),
            )
            given = await oidc.start_device_authorization(
                clientId=client.id, clientSecret=client.secret.reveal(), startUrl=login.start_url
            )
            return Device(
                code=Secret(given["deviceCode"]),
                user_code=given["userCode"],
                url=given.get("verificationUriComplete") or given["verificationUri"],
                expires_at=self._clock.now() + timedelta(seconds=given["expiresIn"]),
                interval=float(given.get("interval") or 5),
                client=client,
            )

    async def ask(self, login: Login, device: Device) -> Token | Progress:
        """The token, once the code is confirmed. Raises LoginRequired, UpstreamFailed."""
        asked = {"grantType": _DEVICE_GRANT, "deviceCode": device.code.reveal()}
        try:
            async with self._asking(login, f"logging in to {login}") as oidc:
                try:
                    return await self._created(oidc, device.client, asked)
                except ClientError as error:
                    return _progress(error, login, device)
        finally:
            asked.clear()

    async def refresh(self, login: Login, token: Token) -> Token | None:
        """A new token for the old one's refresh token; None when it is not taken. Raises UpstreamFailed."""
        if token.refresh is None or token.client is None:
            return None
        asked = {"grantType": "refresh_token", "refreshToken": token.refresh.reveal()}
        async with self._asking(login, f"renewing the login to {login}") as oidc:
            try:
                return await self._created(oidc, token.client, asked)
            except ClientError as error:
                if error_code(error) in _NO_MORE:
                    return None
                raise

    @asynccontextmanager
    async def _asking(self, login: Login, doing: str) -> AsyncIterator[Any]:
        with _sso_errors(doing):
            async with self._clients.client("sso-oidc", login) as oidc:
                yield oidc

    async def _created(self, oidc: Any, client: Client, asked: dict[str, str]) -> Token:
        given = await oidc.create_token(clientId=client.id, clientSecret=client.secret.reveal(), **asked)
        refresh = given.get("refreshToken")
        return Token(
            access=Secret(given["accessToken"]),
            expires_at=self._clock.now() + timedelta(seconds=given["expiresIn"]),
            refresh=Secret(refresh) if refresh else None,
            client=client,
        )


class Portal:
    """The access portal: credentials for a token."""

    def __init__(self, clients: Unsigned) -> None:
        self._clients = clients

    async def credentials(self, login: Login, token: Token, account: str, role: str) -> AwsCredentials | None:
        """Credentials of a role; None when the token is not accepted. Raises RoleRefused, UpstreamFailed."""
        doing = f"getting credentials of {role} in {account}"
        with _sso_errors(doing):
            async with self._clients.client("sso", login) as portal:
                try:
                    answer = await portal.get_role_credentials(
                        roleName=role, accountId=account, accessToken=token.access.reveal()
                    )
                except ClientError as error:
                    _refuse_unless_unauthorized(error, login, account, role)
                    return None
                given = answer["roleCredentials"]
                return AwsCredentials(
                    access_key_id=given["accessKeyId"],
                    secret_access_key=Secret(given["secretAccessKey"]),
                    session_token=Secret(given["sessionToken"]),
                    expires_at=datetime.fromtimestamp(given["expiration"] // 1000, UTC),
                )

    async def log_out(self, login: Login, token: Token) -> None:
        """Let the token end; one that has ended already is no mistake. Raises UpstreamFailed."""
        with _sso_errors(f"logging out of {login}"):
            async with self._clients.client("sso", login) as portal:
                try:
                    await portal.logout(accessToken=token.access.reveal())
                except ClientError as error:
                    if error_code(error) != "UnauthorizedException":
                        raise


def _progress(error: ClientError, login: Login, device: Device) -> Progress:
    code = error_code(error)
    if code in _POLLED:
        return _POLLED[code]
    if code == "AccessDeniedException":
        raise LoginRequired(f"the login to {login} was declined", hint=again(login)) from error
    if code == "ExpiredTokenException":
        raise LoginRequired(
            f"nobody confirmed the code {device.user_code} in time to log in to {login}", hint=again(login)
        ) from error
    raise error


def _refuse_unless_unauthorized(error: ClientError, login: Login, account: str, role: str) -> None:
    code = error_code(error)
    if code == "UnauthorizedException":
        return
    if code in ("ForbiddenException", "ResourceNotFoundException"):
        raise RoleRefused(
            f"Identity Center does not give you {role} in account {account}",
            hint=f"ask for the permission set, or mend sso_role_name of profile {login.profile!r}",
        ) from error
    raise error


@contextmanager
def _sso_errors(doing: str) -> Iterator[None]:
    with aws_errors(doing, UpstreamFailed):
        try:
            yield
        except (KeyError, TypeError, ValueError) as error:
            raise UpstreamFailed(f"{doing}: the answer cannot be used ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class IdentityCenter:
    """The ways to Identity Center."""

    logins: Logins
    portal: Portal


class SsoCredentials:
    """The credentials of one SSO profile."""

    def __init__(self, profile: Profile, center: IdentityCenter) -> None:
        """Raises InvalidSetting for a profile that does not say all of its login."""
        self._profile = profile
        self._login = login_of(profile)
        self._logins = center.logins
        self._portal = center.portal

    async def take(self, *, attended: bool = False) -> AwsCredentials:
        """The role's credentials; `attended` says that a person may be asked to log in.

        Raises LoginRequired, RoleRefused, UpstreamFailed.
        """
        token = await self._logins.token(self._login, attended=attended)
        found = await self._given(token)
        if found is None:  # ended before its time, by a logout somewhere
            self._logins.reject(token)
            found = await self._given(await self._logins.token(self._login, attended=attended))
        if found is None:
            raise LoginRequired(
                f"the portal does not accept the login to {self._login}", hint=again(self._login)
            )
        return found

    async def _given(self, token: Token) -> AwsCredentials | None:
        profile = self._profile
        return await self._portal.credentials(
            self._login, token, profile.sso_account_id or "", profile.sso_role_name or ""
        )
