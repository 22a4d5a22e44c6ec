"""Credentials as text for shells and programs, in the formats of `aws configure export-credentials`.

https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from shlex import quote

from sentinel_server.clock import whole_seconds
from sentinel_server.credentials.model import AwsCredentials, process_json


def variables(credentials: AwsCredentials, expires_at: datetime, region: str | None) -> dict[str, str]:
    """The environment variables that SDKs read, with the expiry and, when it is known, the region."""
    found = {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key.reveal(),
        "AWS_CREDENTIAL_EXPIRATION": whole_seconds(expires_at),
    }
    if credentials.session_token is not None:
        found["AWS_SESSION_TOKEN"] = credentials.session_token.reveal()
    if region is not None:
        found |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return found


def _posix(values: Mapping[str, str]) -> str:
    return "\n".join(f"export {name}={quote(value)}" for name, value in values.items())


def _fish(values: Mapping[str, str]) -> str:
    return "\n".join(f"set -gx {name} {fish_quoted(value)}" for name, value in values.items())


def fish_quoted(text: str) -> str:
    """One word of fish that means `text`."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell(values: Mapping[str, str]) -> str:
    return "\n".join(f"$Env:{name} = {_powershell_quoted(value)}" for name, value in values.items())


def _powershell_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _json(values: Mapping[str, str]) -> str:
    return json.dumps(dict(values), indent=2)


_FORMATS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "env": _posix,
    "fish": _fish,
    "powershell": _powershell,
    "json": _json,
}
FORMATS = (*_FORMATS, "credential_process")
"""The names of all formats; `env` is for POSIX shells."""


def exported(form: str, credentials: AwsCredentials, expires_at: datetime, region: str | None) -> str:
    """The credentials in that format. Raises KeyError for one that is not in `FORMATS`."""
    if form == "credential_process":
        return process_json(credentials, expires_at)
    return _FORMATS[form](variables(credentials, expires_at, region))
