"""Identity Center's sign-in (SSO OIDC): clients, device codes, and the tokens that people get for them.

As strict as the service: a code belongs to its client and is good once, polling too fast is told to slow
down, and a refresh token is replaced at every use.
https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sentinel_server.clock import Clock
from sentinel_server.errors import NotFound
from sentinel_server.frozen import frozen
from sentinel_server.sandbox.wire import Refusal

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"
ACCOUNT_SCOPE = "sso:account:access"
"""The scope whose clients get refresh tokens; the CLI asks for it with an `sso-session`."""

_REGISTRATION = timedelta(days=90)
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"


class State(Enum):
    """What has become of a device code."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@frozen
class Limits:
    """How long things last, in seconds; `interval` is the shortest time between two polls."""

    interval: float = 1
    device_code: int = 600
    access_token: int = 28800


@frozen
class Grant:
    """What an access token stands for."""

    person: str
    client_id: str
    expires_at: datetime


@frozen
class _Client:
    secret: str = field(repr=False)
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class _Device:
    client_id: str
    user_code: str
    expires_at: datetime
    state: State = State.PENDING
    person: str = ""
    polled_at: float | None = None


class Tokens:
    """Answers sign-in requests. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.limits = Limits()
        self._clock = clock
        self._lock = threading.RLock()
        self._clients: dict[str, _Client] = {}
        self._devices: dict[str, _Device] = {}
        self._access: dict[str, Grant] = {}
        self._refresh: dict[str, Grant] = {}
        self._told: set[str] = set()

    # ---- what a person does in a browser

    def pending(self) -> list[str]:
        """The user codes that wait for somebody."""
        with self._lock:
            return [each.user_code for each in self._devices.values() if self._waits(each)]

    def approve(self, user_code: str, person: str) -> None:
        """`person` lets the device in. Raises NotFound when no such code waits."""
        self._settle(user_code, State.APPROVED, person)

    def deny(self, user_code: str) -> None:
        """The device is not let in. Raises NotFound when no such code waits."""
        self._settle(user_code, State.DENIED, "")

    def expire_access(self) -> None:
        """Let every access token end now; refresh tokens stay good."""
        with self._lock:
            now = self._clock.now()
            self._access = {token: replace(grant, expires_at=now) for token, grant in self._access.items()}

    def forget_refresh(self) -> None:
        """Let no refresh token be good any more, as when the portal session has ended."""
        with self._lock:
            self._refresh.clear()

    def secrets(self) -> frozenset[str]:
        """All that only who logged in may know, also of what has ended."""
        with self._lock:
            return frozenset(self._told)

    # ---- operations

    def register(self, params: dict[str, Any]) -> dict[str, Any]:
        """RegisterClient. Raises Refusal."""
        if params["clientType"] != "public":
            raise refusal("InvalidClientMetadataException", "invalid_client_metadata")
        now = self._clock.now()
        client = _Client(
            secret=secrets.token_urlsafe(40),
            scopes=frozenset(params.get("scopes", ())),
            expires_at=now + _REGISTRATION,
        )
        client_id = secrets.token_urlsafe(16)
        with self._lock:
            self._clients[client_id] = client
            self._told.add(client.secret)
        return {
            "clientId": client_id,
            "clientSecret": client.secret,
            "clientIdIssuedAt": int(now.timestamp()),
            "clientSecretExpiresAt": int(client.expires_at.timestamp()),
        }

    def start(self, params: dict[str, Any], page: str) -> dict[str, Any]:
        """StartDeviceAuthorization; `page` is where a person enters the code. Raises Refusal."""
        with self._lock:
            self._client(params)
            user_code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(2))
            device_code = secrets.token_urlsafe(40)
            self._told.add(device_code)
            self._devices[device_code] = _Device(
                client_id=params["clientId"],
                user_code=user_code,
                expires_at=self._clock.now() + timedelta(seconds=self.limits.device_code),
            )
        return {
            "deviceCode": device_code,
            "userCode": user_code,
            "verificationUri": page,
            "verificationUriComplete": f"{page}?user_code={user_code}",
            "expiresIn": self.limits.device_code,
            "interval": max(1, int(self.limits.interval)),
        }

    def create(self, params: dict[str, Any]) -> dict[str, Any]:
        """CreateToken, for a device code or a refresh token. Raises Refusal."""
        with self._lock:
            client = self._client(params)
            match params["grantType"]:
                case str() as grant if grant == DEVICE_GRANT:
                    person = self._by_device(params)
                case str() as grant if grant == REFRESH_GRANT:
                    person = self._by_refresh(params)
                case _:
                    raise refusal("UnsupportedGrantTypeException", "unsupported_grant_type")
            return self._given(person, params["clientId"], client)

    # ---- for the portal

    def person(self, access_token: str) -> str | None:
        """Whose token this is, None when it is not good (any more)."""
        with self._lock:
            grant = self._access.get(access_token)
            return grant.person if grant and self._clock.now() < grant.expires_at else None

    def sign_out(self, access_token: str) -> None:
        """Let every token of the person behind this one end."""
        with self._lock:
            person = self.person(access_token)
            for held in (self._access, self._refresh):
                for token in [token for token, grant in held.items() if grant.person == person]:
                    del held[token]

    # ----

    def _client(self, params: dict[str, Any]) -> _Client:
        client = self._clients.get(params["clientId"])
        good = client is not None and secrets.compare_digest(client.secret, params["clientSecret"])
        if client is None or not good or self._clock.now() >= client.expires_at:
            raise refusal("InvalidClientException", "invalid_client", 401)
        return client

    def _by_device(self, params: dict[str, Any]) -> str:
        device = self._devices.get(params.get("deviceCode", ""))
        if device is None or device.client_id != params["clientId"] or device.state is State.USED:
            raise refusal("InvalidGrantException", "invalid_grant")
        if self._clock.now() >= device.expires_at:
            raise refusal("ExpiredTokenException", "expired_token")
        before, device.polled_at = device.polled_at, self._clock.monotonic()
        if before is not None and device.polled_at - before < 0.8 * self.limits.interval:
            raise refusal("SlowDownException", "slow_down")
        if device.state is State.PENDING:
            raise refusal("AuthorizationPendingException", "authorization_pending")
        if device.state is State.DENIED:
            raise refusal("AccessDeniedException", "access_denied")
        device.state = State.USED
        return device.person

    def _by_refresh(self, params: dict[str, Any]) -> str:
        grant = self._refresh.pop(params.get("refreshToken", ""), None)
        if grant is None or grant.client_id != params["clientId"]:
            raise refusal("InvalidGrantException", "invalid_grant")
        return grant.person

    def _given(self, person: str, client_id: str, client: _Client) -> dict[str, Any]:
        until = self._clock.now() + timedelta(seconds=self.limits.access_token)
        grant = Grant(person=person, client_id=client_id, expires_at=until)
        access = f"sandbox-access-{secrets.token_urlsafe(60)}"
        self._access[access] = grant
        self._told.add(access)
        given = {
            "accessToken": access,
            "tokenType": "Bearer",
            "expiresIn": self.limits.access_token,
        }
        if ACCOUNT_SCOPE in client.scopes:
            given["refreshToken"] = f"sandbox-refresh-{secrets.token_urlsafe(60)}"
            self._refresh[str(given["refreshToken"])] = grant
            self._told.add(str(given["refreshToken"]))
        return given

    def _waits(self, device: _Device) -> bool:
        return device.state is State.PENDING and self._clock.now() < device.expires_at

    def _settle(self, user_code: str, state: State, person: str) -> None:
        with self._lock:
            for device in self._devices.values():
                if device.user_code == user_code and self._waits(device):
                    device.state, device.person = state, person
                    return
        raise NotFound(f"no device waits under the code {user_code!r}")


def refusal(code: str, error: str, status: int = 400) -> Refusal:
    """An error of the sign-in service, whose body has OAuth's word for it beside the code."""
    return Refusal(code, error, status)
