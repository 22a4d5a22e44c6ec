"""The check of `doctor` that looks at the credential endpoint of this shell, as each SDK would."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sentinel_server.credentials.environment import CLEARED
from sentinel_server.diagnosis.checkup import Check
from sentinel_server.diagnosis.endpoint import (
    Address,
    Tokens,
    answer_finding,
    endpoint_findings,
    no_endpoint,
)
from sentinel_server.diagnosis.model import Finding, Topic
from sentinel_server.diagnosis.sdks import FULL_URI, RELATIVE_URI, TOKEN, TOKEN_FILE, ActiveProfile
from sentinel_server.errors import SentinelError
from sentinel_server.secret import Secret

if TYPE_CHECKING:
    from sentinel_server.settings.resolve import Settings


def endpoint_check(settings: Settings, seconds: float) -> Check:
    """Look at the endpoint that this process was given, if it was given one."""

    async def look() -> Sequence[Finding]:
        environ = settings.environ
        if not environ.get(FULL_URI):
            return [no_endpoint(environ, CLEARED - {RELATIVE_URI})]
        from sentinel_server.adapters.http.endpoint import ask_endpoint

        address, (token, tokens) = _address(environ[FULL_URI]), _tokens(settings)
        found = endpoint_findings(environ, address, tokens, _active(settings))
        if address.is_here and token is not None:
            found.append(answer_finding(address, await ask_endpoint(environ[FULL_URI], token)))
        return found

    return Check(topic=Topic.ENDPOINT, doing="asking the endpoint", look=look, seconds=seconds)


def _address(url: str) -> Address:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return Address(scheme="", host="", netloc="", path="")
    return Address(scheme=parts.scheme, host=host, netloc=parts.netloc, path=parts.path)


def _tokens(settings: Settings) -> tuple[Secret | None, Tokens]:
    """The token that most SDKs would send, and what is to be said of it."""
    from sentinel_server.adapters.local.places import read_token

    variable, file = settings.environ.get(TOKEN) or "", settings.environ.get(TOKEN_FILE) or ""
    held, unreadable = read_token(Path(file)) if file else ("", "")
    token = held.rstrip("\r\n") or variable
    tokens = Tokens(
        variable=bool(variable),
        file=bool(file),
        unreadable=unreadable,
        same=not (variable and file and not unreadable) or variable == held.rstrip("\r\n"),
        ends_in_newline=held.endswith(("\r", "\n")),
    )
    return Secret(token) if token else None, tokens


def _active(settings: Settings) -> ActiveProfile:
    """The profile that SDKs would use here, by the files that they would read."""
    from sentinel_server.adapters.local.aws_config import read_profiles

    environ = settings.environ
    named = next((name for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE") if environ.get(name)), "")
    name = environ[named] if named else "default"
    try:
        kind = read_profiles(environ).get(name).kind
    except SentinelError:
        kind = None
    return ActiveProfile(name=name, kind=kind, named=named)
