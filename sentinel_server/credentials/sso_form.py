"""The two files of a login: its token in the form the AWS CLI keeps it, and our notes beside it.

The token's file is named by the SHA-1 of the sso-session's name, or of the start URL where a profile has no
session; its keys are the CLI's, so that either tool goes on with what the other has begun.
https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sentinel_server.clock import whole_seconds
from sentinel_server.credentials.sso import Client, Device, Login, Notes, Token
from sentinel_server.secret import Secret


@dataclass(frozen=True, slots=True)
class _Fields:
    """A JSON object, read with an eye on the types."""

    found: dict[str, object] = field(repr=False)

    def text(self, key: str) -> str | None:
        value = self.found.get(key)
        return value if isinstance(value, str) and value else None

    def secret(self, key: str) -> Secret | None:
        value = self.text(key)
        return Secret(value) if value else None

    def instant(self, key: str) -> datetime | None:
        # botocore wrote a zone's name for a while, `2020-11-14T04:03:24UTC`.
        said = (self.text(key) or "").removesuffix("UTC").removesuffix("Z")
        try:
            instant = datetime.fromisoformat(said)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # OverflowError of the ends of the calendar
            return None


def parse_token(text: str) -> Token | None:
    """The token in a file of the CLI's or ours; None for anything else."""
    fields = _fields(text)
    access, expires_at = fields.secret("accessToken"), fields.instant("expiresAt")
    if access is None or expires_at is None:
        return None
    return Token(
        access=access, expires_at=expires_at, refresh=fields.secret("refreshToken"), client=_client(fields)
    )


def render_token(login: Login, token: Token) -> str:
    """The file's text, with the CLI's keys."""
    said: dict[str, object] = {
        "startUrl": login.start_url,
        "region": login.region,
        "accessToken": token.access.reveal(),
        "expiresAt": whole_seconds(token.expires_at),
    }
    if token.client is not None:
        said |= _rendered_client(token.client)
    if token.refresh is not None:
        said["refreshToken"] = token.refresh.reveal()
    return json.dumps(said)


def parse_notes(text: str) -> Notes:
    """The notes in a file; what cannot be read was left by nobody."""
    fields = _fields(text)
    failures = fields.found.get("failures")
    code, expires_at, client = fields.secret("deviceCode"), fields.instant("expiresAt"), _client(fields)
    interval = fields.found.get("interval")
    device = None
    if code and expires_at and client:
        device = Device(
            code=code,
            user_code=fields.text("userCode") or "",
            url=fields.text("url") or "",
            expires_at=expires_at,
            interval=interval if isinstance(interval, int | float) else 5,
            client=client,
        )
    return Notes(
        device=device,
        failures=failures if isinstance(failures, int) else 0,
        why=fields.text("why") or "",
    )


def render_notes(notes: Notes) -> str:
    """The text that `parse_notes` reads back."""
    said: dict[str, object] = {"failures": notes.failures, "why": notes.why}
    device = notes.device
    if device is not None:
        said |= {
            "deviceCode": device.code.reveal(),
            "userCode": device.user_code,
            "url": device.url,
            "expiresAt": whole_seconds(device.expires_at),
            "interval": device.interval,
        } | _rendered_client(device.client)
    return json.dumps(said)


def _fields(text: str) -> _Fields:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return _Fields(found if isinstance(found, dict) else {})


def _client(fields: _Fields) -> Client | None:
    name, secret = fields.text("clientId"), fields.secret("clientSecret")
    expires_at = fields.instant("registrationExpiresAt")
    if name is None or secret is None or expires_at is None:
        return None
    return Client(id=name, secret=secret, expires_at=expires_at)


def _rendered_client(client: Client) -> dict[str, object]:
    return {
        "clientId": client.id,
        "clientSecret": client.secret.reveal(),
        "registrationExpiresAt": whole_seconds(client.expires_at),
    }
